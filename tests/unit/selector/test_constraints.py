"""Constraints: what is infeasible stays behind, what is soft only costs, and an elite keeps to all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events.search import Survival
from common.events.spec import OBJECTIVES, Evolution
from selector.constraints import judged, limited, shortfall
from selector.places import in_order, places
from selector.state import MEMBER, IslandState
from tests.unit.selector.island_world import SMALL, World, variant

METHODS = ("crowding", "reference_points", "fitness")
CONSTRAINED = {"limits": {"drawdown": -0.5}, "soft_limits": {"turnover": 0.0}}


def members(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, MEMBER)
    rows["objectives"] = rng.normal(size=(count, len(OBJECTIVES)))
    rows["violation"] = np.where(rng.random(count) < 0.5, rng.random(count), 0)
    return rows


def run_with(**survival: object) -> object:
    return variant(evolution=SMALL.evolution.model_dump() | {"survival": survival})


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 59), st.sampled_from(METHODS), st.sampled_from([1, 3])
)
@settings(max_examples=60, deadline=None)
def test_nobody_infeasible_stays_while_a_feasible_one_goes(
    seed: int, count: int, size: int, method: str, objectives: int
) -> None:
    run = variant(
        evolution=SMALL.evolution.model_dump()
        | {"survival": CONSTRAINED | {"method": method}, "objectives": OBJECTIVES[:objectives]}
    )
    rows = limited(members(seed, count), run)
    kept, learned = places(IslandState(island=0), rows, run, size)
    gone = np.setdiff1d(np.arange(count), kept)
    assert len(kept) == min(size, count)
    stays, goes = rows["violation"][kept], rows["violation"][gone]
    assert (stays <= 0).all() or not (goes <= 0).any()
    assert not (stays > 0).any() or not len(goes) or stays.max() <= goes.min()
    violation = in_order(learned, rows[kept], run)["violation"]
    assert (np.diff(np.maximum(violation, 0)) >= 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_penalty_lets_an_infeasible_member_stay_if_it_is_better_by_more_than_it_pays(method: str) -> None:
    rows = np.zeros(41, MEMBER)
    rows["objectives"][:, :3] = np.random.default_rng(1).normal(size=(41, 3))
    rows["objectives"][0, :3], rows["violation"][0] = 30.0, 0.5
    for constraints, stays in (("domination", False), ("penalty", True)):
        run = variant(
            evolution=SMALL.evolution.model_dump()
            | {"survival": {"method": method, "constraints": constraints}, "objectives": OBJECTIVES[:3]}
        )
        assert (0 in places(IslandState(island=0), rows, run, 8)[0]) == stays


def test_a_violation_of_one_costs_the_penalty_in_standard_deviations_of_each_objective() -> None:
    rows = members(3, 50)
    objectives = np.ascontiguousarray(rows["objectives"] * 10.0 ** np.arange(7))
    paid, violation = judged(objectives, rows, Survival(constraints="penalty", penalty=2.5))
    assert not violation.any()
    expected = objectives - 2.5 * np.outer(rows["violation"], objectives.std(axis=0))
    np.testing.assert_allclose(paid, expected, rtol=1e-12)


def test_a_soft_limit_costs_objectives_and_leaves_the_violation() -> None:
    rows = members(4, 30)
    settings = Survival(soft_limits={"sharpe": 0.0})
    objectives = np.ascontiguousarray(rows["objectives"])
    paid, violation = judged(objectives, rows, settings)
    np.testing.assert_array_equal(violation, rows["violation"])
    below = rows["objectives"][:, 0] < 0
    assert (paid[below] < objectives[below]).all()
    np.testing.assert_array_equal(paid[~below], objectives[~below])


def test_shortfall_is_counted_in_sizes_of_the_limit() -> None:
    measured = np.zeros((4, 7))
    measured[:, OBJECTIVES.index("drawdown")] = [-0.1, -0.3, -0.6, -0.45]
    measured[:, OBJECTIVES.index("sharpe")] = [1.0, 0.0, -2.0, 0.0]
    found = shortfall(measured, {"drawdown": -0.3, "sharpe": 0.0})
    np.testing.assert_allclose(found, [0.0, 0.0, 3.0, 0.5])


def test_without_constraints_beyond_measuring_nothing_is_changed() -> None:
    rows = members(5, 20)
    assert limited(rows, SMALL) is rows


def test_elites_and_candidates_of_a_run_keep_to_its_hard_limits() -> None:
    run = run_with(limits={"sharpe": 0.2}, constraints="penalty")
    world = World(run)
    world.start()
    world.settle()
    for state in world.states.values():
        assert state.generation == run.generations - 1
        assert len(state.archive) > 0
        for kept in (state.archive, state.candidates):
            assert (kept["violation"] <= 0).all()
            assert (kept["objectives"][:, 0] >= 0.2).all()


@pytest.mark.parametrize("field", ["weights", "limits", "soft_limits"])
def test_what_is_no_objective_is_refused_by_name(field: str) -> None:
    with pytest.raises(ValidationError, match=f"evolution.survival.{field}: beauty is no objective"):
        Evolution(survival={field: {"beauty": 1.0}})
