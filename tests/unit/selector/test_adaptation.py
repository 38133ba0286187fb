"""Adaptation: operators that pay are pursued and none is lost, the step obeys the 1/5 rule, rates follow success."""

import numpy as np
import pytest

from common.events.cohorts import OPERATOR_NAMES
from common.genome.operators import APPLIED, CROSSOVERS, MUTATIONS
from selector.adaptation import (
    FLOOR,
    STEP_FIRST,
    STEP_MAX,
    STEP_MIN,
    better_than_parent,
    credited,
    mix,
    rated,
    resized,
    size_of,
    tournament_of,
    usual,
)
from selector.learned import Learned, nothing
from selector.state import MEMBER
from tests.unit.selector.island_world import SMALL, variant


def asking(**adaptation: object):
    return variant(evolution=SMALL.evolution.model_dump() | {"population": 64, "adaptation": adaptation})


OPERATORS, RATES = asking(operators=True), asking(rates=True)
BIT = {name: np.uint32(1 << bit) for bit, name in enumerate(APPLIED)}


def cohort(size: int, *names: str) -> np.ndarray:
    """``size`` children of each operator."""
    found = np.zeros(size * len(names), MEMBER)
    found["applied"] = np.repeat([BIT[name] for name in names], size)
    return found


def pursued(learned: Learned, best: str, generations: int) -> Learned:
    born = cohort(20, *CROSSOVERS, *MUTATIONS)
    stayed = np.tile(np.arange(20) < 2, len(CROSSOVERS) + len(MUTATIONS))
    stayed[born["applied"] == BIT[best]] = np.arange(20) < 8
    for _ in range(generations):
        learned = credited(learned, born, stayed, OPERATORS)
    return learned


def test_before_anything_was_seen_every_operator_has_its_usual_share_lifted_to_the_floor() -> None:
    shares = mix(nothing(), OPERATORS)
    for kind in (CROSSOVERS, MUTATIONS):
        assert sum(shares[name] for name in kind) == pytest.approx(1)
        total = sum(usual(OPERATORS)[name] for name in kind)
        for name in kind:
            assert shares[name] == pytest.approx(FLOOR / len(kind) + (1 - FLOOR) * usual(OPERATORS)[name] / total)


def test_the_operator_whose_children_stay_is_pursued_and_no_other_falls_below_the_floor() -> None:
    learned = pursued(nothing(), "sbx", 60)
    shares = mix(learned, OPERATORS)
    assert sum(shares[name] for name in CROSSOVERS) == pytest.approx(1)
    least = FLOOR / len(CROSSOVERS)
    assert shares["sbx"] == pytest.approx(1 - least * (len(CROSSOVERS) - 1), abs=1e-4)
    for name in CROSSOVERS:
        assert shares[name] >= least - 1e-12
    assert mix(pursued(learned, "swarm", 40), OPERATORS)["swarm"] > 0.7


def test_an_operator_whose_children_fail_or_are_few_is_not_pursued() -> None:
    born = np.concatenate([cohort(20, "one_point", "uniform"), cohort(2, "quantum")])
    born["status"][20:40] = 2
    stayed = np.zeros(len(born), bool)
    stayed[[0, 1, 2, 40, 41]] = True
    learned = nothing()
    for _ in range(30):
        learned = credited(learned, born, stayed, OPERATORS)
    shares = mix(learned, OPERATORS)
    rows = learned["operators"]
    assert shares["one_point"] > shares["uniform"]
    assert rows["failed"][APPLIED.index("uniform")] == rows["tried"][APPLIED.index("uniform")] > 0
    assert rows["quality"][APPLIED.index("quantum")] == 1.0


def test_credit_is_not_given_unless_asked_for() -> None:
    assert credited(nothing(), cohort(20, "sbx"), np.ones(20, bool), SMALL).keys() == nothing().keys()
    assert len(credited(nothing(), cohort(20, "sbx"), np.ones(20, bool), SMALL)["operators"]) == 0
    assert mix(nothing(), SMALL) == SMALL.evolution.operators


def family(better: float) -> tuple[np.ndarray, np.ndarray]:
    """Parents, and forty children by the adaptive step of which this share is better than its parent."""
    parents = np.zeros(40, MEMBER)
    parents["genome_id"] = np.arange(1, 81, dtype="<u8").view("V16")
    children = cohort(40, "adaptive_step")
    children["genome_id"] = np.arange(1001, 1081, dtype="<u8").view("V16")
    children["parent_ids"][:, 0] = parents["genome_id"]
    children["objectives"] = np.where(np.arange(40) < better * 40, 1.0, -1.0)[:, None]
    return parents, children


@pytest.mark.parametrize(("better", "step"), [(1.0, STEP_MAX), (0.0, STEP_MIN), (0.2, STEP_FIRST)])
def test_the_step_grows_above_a_fifth_of_successes_and_shrinks_below(better: float, step: float) -> None:
    parents, children = family(better)
    learned = nothing()
    for _ in range(60):
        learned = rated(learned, children, np.zeros(40, bool), parents, RATES)
    assert learned["rates"]["step"][0] == pytest.approx(step)


def test_better_is_less_violation_or_ahead_in_more_objectives_and_unknown_parents_judge_nothing() -> None:
    parents, children = family(1.0)
    parents["violation"][:3] = [0.5, 0.5, 0.0]
    children["violation"][:3] = [0.2, 0.7, 0.1]
    children["objectives"][3, :] = [1, 1, 1, 1, -1, -1, -1]
    children["objectives"][4, :] = [1, 1, 1, -1, -1, -1, -1]
    children["parent_ids"][5] = np.zeros(1, "V16")
    children["status"][6] = 1
    better, judged = better_than_parent(children, parents, RATES)
    assert better[:7].tolist() == [True, False, False, True, False, False, False]
    assert judged[:7].tolist() == [True, True, True, True, True, False, False]
    assert better_than_parent(children, parents[:0], RATES)[1].sum() == 0


def test_a_rate_follows_the_children_of_what_it_governs() -> None:
    both, crossed, mutated = (OPERATOR_NAMES.index(name) for name in ("both", "crossover", "mutation"))
    born = np.zeros(60, MEMBER)
    born["operator"] = np.repeat([both, crossed, mutated], 20)
    stayed = np.isin(np.arange(60) % 20, range(2))
    stayed[20:40] = np.arange(20) < 12
    learned = nothing()
    for _ in range(100):
        learned = rated(learned, born, stayed, born[:0], RATES)
    assert learned["rates"]["mutation_rate"][0] == pytest.approx(0.3)
    assert learned["rates"]["crossover_rate"][0] == pytest.approx(RATES.evolution.crossover_rate)


def test_the_population_grows_to_its_size_while_the_search_rests_and_shrinks_to_a_quarter() -> None:
    run = asking(population=True)
    learned, sizes = nothing(), []
    assert size_of(learned, run) == 32
    for resting in [True] * 10 + [False] * 100:
        learned = resized(learned, run, resting=resting)
        sizes.append(size_of(learned, run))
    assert sizes[9] == max(sizes) == 64
    assert sizes[-1] == min(sizes) == 16
    assert size_of(nothing(), SMALL) == SMALL.evolution.population


def test_selection_presses_less_where_diversity_is_lost() -> None:
    assert [tournament_of(SMALL, kept) for kept in (1.0, 0.5, 0.34, 0.1)] == [4, 3, 2, 2]


def test_with_adaptive_rates_the_adaptive_step_is_in_the_mix() -> None:
    shares = mix(nothing(), RATES)
    assert shares["adaptive_step"] - MUTATIONS["adaptive_step"] == shares["gaussian"] == MUTATIONS["gaussian"] / 2


@pytest.mark.parametrize(("mutation_rate", "crossover_rate"), [(0.05, 0.0), (1.0, 1.0), (0.9, 0.7)])
def test_without_evidence_the_rates_are_those_of_the_run(mutation_rate: float, crossover_rate: float) -> None:
    asked = {"mutation_rate": mutation_rate, "crossover_rate": crossover_rate}
    run = variant(evolution=RATES.evolution.model_dump() | asked)
    parents, children = family(1.0)
    learned = rated(nothing(), children, np.zeros(40, bool), parents, run)
    assert {name: learned["rates"][name][0] for name in asked} == asked
