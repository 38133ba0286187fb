"""Drawing and editing logic trees: always well formed, never too long, with the shapes that were meant."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.layout import TREE_TOKENS
from common.genome.slots import PREDICATES, SLOT_BASE, SLOT_TEXTS
from common.genome.tree import CONDITION_BASE, END, subtree_start, tree_length
from common.kernel import kernel
from common.random import new_stream
from generator import structure, trees

REPLACE, GROW, SHRINK, WRAP, MUTATE = range(5)


@kernel
def edit(key: int, tree: npt.NDArray[np.uint16], kind: int, which: int) -> bool:
    stream = new_stream(key, 0, 0, 0)
    if kind == 0:
        structure.replace(stream, tree, 0b0101)
        return True
    if kind == 1:
        return structure.grow(stream, tree, 0b0101)
    if kind == 2:
        return structure.shrink(stream, tree, which & 1 == 1)
    if kind == 3:
        return structure.wrap(stream, tree)
    structure.mutate_tree(stream, tree, which, 0b0101)
    return True


def drawn(key: int, conditions: int, live: int = 0b0101) -> npt.NDArray[np.uint16]:
    tree = np.empty(TREE_TOKENS, np.uint16)
    trees.draw_tree(new_stream(key, 1, 1, 1), tree, conditions, live)
    return tree


def conditions_of(tree: npt.NDArray[np.uint16]) -> int:
    return int((tree >= CONDITION_BASE).sum())


KEY = st.integers(0, 2**40)


@given(KEY, st.integers(0, trees.CONDITIONS_MAX))
@settings(max_examples=300, deadline=None)
def test_a_drawn_tree_is_well_formed_and_has_the_conditions_asked_for(key: int, conditions: int) -> None:
    tree = drawn(key, conditions)
    assert tree_length(tree) >= 0
    assert conditions_of(tree) == conditions
    assert trees.length(tree) == tree_length(tree)


@given(KEY, st.integers(1, trees.CONDITIONS_MAX), st.integers(0, 4), st.integers(0, 3))
@settings(max_examples=500, deadline=None)
def test_every_mutation_leaves_a_well_formed_tree(key: int, conditions: int, kind: int, which: int) -> None:
    tree = drawn(key, conditions)
    before = tree.copy()
    changed = edit(key + 1, tree, kind, which)
    assert tree_length(tree) >= (0 if which & 1 else 1)
    if not changed:
        assert np.array_equal(tree, before)


@given(KEY, st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_mutations_change_the_size_as_their_names_say(key: int, conditions: int) -> None:
    before = drawn(key, conditions)
    for kind, tokens in ((REPLACE, (0,)), (GROW, (2,)), (WRAP, (1,)), (SHRINK, range(-13, 0))):
        tree = before.copy()
        if edit(key, tree, kind, 0):
            assert trees.length(tree) - trees.length(before) in tokens


def test_a_full_tree_does_not_grow_and_an_entry_does_not_vanish() -> None:
    full = np.full(TREE_TOKENS, 4, np.uint16)
    full[0] = CONDITION_BASE
    for kind in (GROW, WRAP):
        assert not edit(1, full, kind, 0)
    single = np.zeros(TREE_TOKENS, np.uint16)
    single[0] = CONDITION_BASE
    assert not edit(1, single, SHRINK, 0)
    assert edit(1, single, SHRINK, 1)
    assert not single.any()


def test_an_empty_exit_gets_a_tree() -> None:
    for key in range(50):
        tree = np.zeros(TREE_TOKENS, np.uint16)
        edit(key, tree, MUTATE, 1)
        assert tree_length(tree) > 0


def test_every_kind_of_structural_change_happens() -> None:
    before = drawn(5, 3)
    sizes, replaced, renewed = set(), 0, 0
    for key in range(400):
        tree = before.copy()
        edit(key, tree, MUTATE, 0)
        difference = trees.length(tree) - trees.length(before)
        sizes.add(int(np.sign(difference)) * min(abs(difference), 2))
        changed = int((tree != before).sum())
        replaced += difference == 0 and changed == 1
        renewed += not set(tree[tree >= CONDITION_BASE]) & set(before)
    assert sizes >= {-2, -1, 0, 1, 2}
    assert 120 < replaced < 240
    assert 5 < renewed < 80


@given(KEY, st.integers(1, 4), st.integers(1, 4), st.data())
@settings(max_examples=300, deadline=None)
def test_splicing_subtrees_equals_splicing_lists(key: int, own: int, others: int, data: st.DataObject) -> None:
    tree, donor = drawn(key, own), drawn(key + 1, others)
    end = data.draw(st.integers(0, trees.length(tree) - 1))
    donor_end = data.draw(st.integers(0, trees.length(donor) - 1))
    start, donor_start = subtree_start(tree, end), subtree_start(donor, donor_end)
    before = tree[: trees.length(tree)].tolist()
    expected = before[:start] + donor[donor_start : donor_end + 1].tolist() + before[end + 1 :]
    fits = len(expected) <= TREE_TOKENS
    assert trees.splice(tree, start, end + 1, donor, donor_start, donor_end + 1) == fits
    assert tree[: trees.length(tree)].tolist() == (expected if fits else before)
    assert tree_length(tree) > 0


@pytest.mark.parametrize("condition", [0, 11, 1626, 1627, 4880])
def test_a_nudged_condition_looks_at_the_same_feature_or_says_the_same_elsewhere(condition: int) -> None:
    stream = new_stream(3, 0, 0, 0)
    found = [CONDITIONS[structure.nudge(stream, CONDITION_BASE + condition) - CONDITION_BASE] for _ in range(400)]
    origin = CONDITIONS[condition]
    near = [c for c in found if c.timeframe == origin.timeframe]
    assert all(c.feature == origin.feature and c != origin for c in near)
    away = [c for c in found if c.timeframe != origin.timeframe]
    assert all(
        (c.feature, c.predicate, c.threshold) == (origin.feature, origin.predicate, origin.threshold) for c in away
    )
    assert {c.timeframe for c in away} == set(TIMEFRAMES) - {origin.timeframe}
    assert 40 < len(away) < 130


def test_conditions_are_drawn_from_the_whole_table_and_three_in_five_on_the_bars_themselves() -> None:
    stream = new_stream(3, 0, 0, 0)
    found = np.array([trees.draw_condition(stream) - CONDITION_BASE for _ in range(40_000)])
    shares = np.bincount(found % len(TIMEFRAMES)) / len(found)
    assert shares == pytest.approx([0.6, 0.25, 0.15], abs=0.01)
    assert len(np.unique(found)) > 0.97 * len(CONDITIONS)


def test_blocks_are_the_conditions_of_one_feature() -> None:
    for index, (first, stop) in enumerate(trees.BLOCKS):
        assert {c.feature for c in CONDITIONS[first:stop]} == {CONDITIONS[index].feature}
        assert stop - first > len(TIMEFRAMES)
        assert stop == len(CONDITIONS) or CONDITIONS[stop].feature != CONDITIONS[index].feature


def test_choices_follow_their_shares() -> None:
    stream = new_stream(9, 0, 0, 0)
    cumulative = np.cumsum([0.1, 0.2, 0.3, 0.4])
    counts = np.bincount([trees.choose(stream, cumulative) for _ in range(20_000)])
    assert counts / 20_000 == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.015)
    assert (drawn(1, 0) == END).all()


@pytest.mark.parametrize("live", [0, 0b0001, 0b1010, 0b1111])
def test_leaves_ask_live_slots_alone_each_as_often(live: int) -> None:
    stream = new_stream(3, 0, 0, 0)
    found = np.array([trees.draw_leaf(stream, live) for _ in range(20_000)])
    questions = found[found >= SLOT_BASE] - SLOT_BASE
    assert len(questions) / len(found) == pytest.approx(trees.SLOT_SHARE if live else 0.0, abs=0.01)
    slots = [slot for slot in range(4) if live >> slot & 1]
    assert np.unique(questions).tolist() == [slot * PREDICATES + k for slot in slots for k in range(PREDICATES)]
    if live:
        counts = np.bincount(questions // PREDICATES, minlength=4)[slots]
        assert counts / counts.sum() == pytest.approx([1 / len(slots)] * len(slots), abs=0.03)


def test_a_nudged_question_asks_the_same_slot_something_else_or_another_live_one_the_same() -> None:
    stream, asked = new_stream(3, 0, 0, 0), SLOT_BASE + SLOT_TEXTS.index("slot1 rising")
    found = np.array([structure.nudge_question(stream, asked, 0b1011) for _ in range(2_000)]) - SLOT_BASE
    slots, predicates = found // PREDICATES, found % PREDICATES
    before = (asked - SLOT_BASE) % PREDICATES
    assert ((slots == 1) == (predicates != before)).all()
    assert set(slots) == {0, 1, 3}
    assert (slots != 1).mean() == pytest.approx(0.2, abs=0.04)
    assert all(structure.nudge_question(stream, asked, 0b0010) < SLOT_BASE + 2 * PREDICATES for _ in range(50))


def test_slots_referred_to_are_those_of_the_tokens() -> None:
    tree = np.zeros(TREE_TOKENS, np.uint16)
    tree[:3] = SLOT_BASE + SLOT_TEXTS.index("slot3 < 0"), SLOT_BASE + SLOT_TEXTS.index("slot1 > q80"), 1
    assert trees.referred_slots(tree) == 0b1010
    assert trees.referred_slots(np.zeros(TREE_TOKENS, np.uint16)) == 0
