"""Discoveries: the pairs of a tree, the first discoverer, credit while it pays, breakthroughs, and the bonus."""

import numpy as np

from common.events.cohorts import ParentsSelected
from common.genome.layout import GENOME, default_population
from common.genome.tree import CONDITION_BASE, OPERATOR_BY_TEXT, arity
from generator.generation import settings_of
from generator.initialise import random_population
from selector.innovation import bonus, discovered, pairs, paying
from selector.learned import nothing
from selector.state import MEMBER
from tests.unit.selector.island_world import SMALL, World, variant

RUN = variant(evolution=SMALL.evolution.model_dump() | {"adaptation": {"innovation": 0.5}})
AND, NOT = OPERATOR_BY_TEXT["and"], OPERATOR_BY_TEXT["not"]
A, B, C = CONDITION_BASE, CONDITION_BASE + 1, CONDITION_BASE + 2
NOBODY = np.empty(0, MEMBER)


def by_recursion(tree: list[int]) -> set[int]:
    """Parents of conditions, from the tree as nested nodes."""
    stack: list[tuple[int, list]] = []
    for token in tree:
        if token == 0:
            break
        operands = [stack.pop() for _ in range(arity(token))]
        stack.append((token, operands))
    found = set()

    def walk(node: tuple[int, list], above: int) -> None:
        if not node[1]:
            found.add(above << 16 | node[0])
        for operand in node[1]:
            walk(operand, node[0])

    for root in stack:
        walk(root, 0)
    return found


def member(name: int, *tree: int) -> np.ndarray:
    genome = default_population(1)
    genome["trees"][0, 0, : len(tree)] = tree
    found = np.zeros(1, MEMBER)
    found["genome"] = genome.view(MEMBER["genome"])
    found["genome_id"] = np.frombuffer(name.to_bytes(16, "big"), "V16")
    return found


def test_pairs_are_those_of_a_plain_walk_through_every_tree() -> None:
    genomes = random_population(300, settings_of(SMALL), SMALL.stream_key, 0, 0, first_slot=0)
    trees = np.ascontiguousarray(genomes.view(GENOME)["trees"])
    rows, keys = pairs(trees)
    for row in range(300):
        expected = set().union(*(by_recursion(tree.tolist()) for tree in trees[row]))
        assert set(keys[rows == row].tolist()) == expected


def test_the_first_by_id_discovers_and_keeps_the_credit_while_somebody_carries_it() -> None:
    founders = member(1, A)
    learned = discovered(nothing(), founders, NOBODY, 0, RUN)
    assert len(paying(learned)) == 0
    both = np.concatenate([member(9, A, B, AND), member(5, A, B, AND), founders])
    learned = discovered(learned, both, NOBODY, 1, RUN)
    assert {one.tobytes() for one in paying(learned)["discoverer"]} == {member(5)["genome_id"][0].tobytes()}
    assert bonus(learned, both, RUN).tolist() == [0.0, 0.5, 0.0]
    heirs = np.concatenate([member(7, A, B, AND, NOT), founders])
    learned = discovered(learned, heirs, NOBODY, 2, RUN)
    assert {one.tobytes() for one in paying(learned)["discoverer"]} == {member(5)["genome_id"][0].tobytes()}
    assert paying(learned)["generation"].tolist() == [1, 1]


def test_what_only_the_archive_carries_is_known_but_does_not_pay_and_what_nobody_carries_is_forgotten() -> None:
    learned = discovered(nothing(), member(1, A), NOBODY, 0, RUN)
    found = member(2, C, NOT)
    learned = discovered(learned, np.concatenate([member(1, A), found]), NOBODY, 1, RUN)
    assert len(paying(learned)) == 1
    learned = discovered(learned, member(1, A), found, 2, RUN)
    assert (len(paying(learned)), len(learned["discoveries"])) == (0, 2)
    learned = discovered(learned, member(1, A), NOBODY, 3, RUN)
    assert len(learned["discoveries"]) == 1
    learned = discovered(learned, np.concatenate([member(1, A), member(3, C, NOT)]), NOBODY, 4, RUN)
    assert paying(learned)["generation"].tolist() == [4]


def test_a_discovery_that_spreads_while_it_is_young_is_one_breakthrough() -> None:
    crowd = np.concatenate([member(number, A) for number in range(1, 9)])
    learned = discovered(nothing(), crowd, NOBODY, 0, RUN)
    counted = []
    for generation in range(1, 5):
        heirs = np.concatenate([member(100 + number, C, NOT) for number in range(generation)])
        learned = discovered(learned, np.concatenate([crowd[generation:], heirs]), NOBODY, generation, RUN)
        counted.append(int(learned["breakthroughs"][0]))
    assert counted == [0, 1, 1, 1]
    late = discovered(learned, np.concatenate([crowd, member(50, B, NOT)]), NOBODY, 5, RUN)
    spread = np.concatenate([member(number, B, NOT) for number in range(50, 60)])
    assert discovered(late, spread, NOBODY, 30, RUN)["breakthroughs"][0] == 1


def test_a_run_tells_its_discoveries_and_adds_the_bonus_to_those_who_made_them() -> None:
    world = World(variant(RUN, islands=1, generations=8))
    world.start()
    world.settle()
    summaries = [
        event.payload.header.summary for event in world.published if isinstance(event.payload, ParentsSelected)
    ]
    assert summaries[0].innovations == 0
    assert summaries[-1].innovations > 0
    assert len(discovered(nothing(), member(1, A), NOBODY, 0, SMALL)["discoveries"]) == 0
