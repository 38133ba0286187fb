"""The survival method of a run decides who stays; the order of those who do follows from them and what was learned."""

import numpy as np
import pytest

from common.events.spec import OBJECTIVES, RunSpec
from selector.hyperplane import IDEAL
from selector.learned import nothing
from selector.places import in_order, method, places, run_objectives, standing_in
from selector.state import MEMBER, IslandState, dump, load
from selector.survival import survivors
from tests.unit.selector.island_world import SMALL, World, variant

METHODS = ("crowding", "reference_points", "fitness")


def members(count: int) -> np.ndarray:
    rows = np.zeros(count, MEMBER)
    rows["objectives"] = np.random.default_rng(count).normal(size=(count, len(OBJECTIVES)))
    rows["genome_id"] = np.arange(count, dtype=">u8").repeat(2).view("V16")
    return rows


def run_with(objectives: int = 7, **survival: object) -> RunSpec:
    evolution = SMALL.evolution.model_dump() | {"survival": survival, "objectives": OBJECTIVES[:objectives]}
    return variant(evolution=evolution)


def test_reference_points_are_the_default_for_three_objectives_or_more() -> None:
    assert [method(run_with(count)) for count in (1, 2, 3, 7)] == ["crowding"] * 2 + ["reference_points"] * 2
    assert method(run_with(7, method="crowding")) == "crowding"


def test_crowding_is_plain_nsga_2() -> None:
    rows = members(40)
    run = run_with(method="crowding")
    kept, learned = places(IslandState(island=0), rows, run, 12)
    expected = survivors(run_objectives(rows, run), rows["violation"], 12)
    np.testing.assert_array_equal(in_order(learned, rows[kept], run)["genome_id"], rows[expected]["genome_id"])


def test_reference_points_stay_and_teach_the_island_the_scale() -> None:
    rows, run = members(40), run_with()
    kept, learned = places(IslandState(island=0), rows, run, 12)
    memory = learned["hyperplane"].reshape(10, 7)
    np.testing.assert_array_equal(memory[IDEAL], -rows["objectives"].max(axis=0))
    assert learned["hyperplane"].dtype == nothing()["hyperplane"].dtype
    assert len(kept) == 12


def test_another_island_or_generation_draws_other_ties() -> None:
    rows, run = members(200), run_with(3)
    states = [IslandState(island=island, generation=generation) for island in (0, 1) for generation in (0, 1)]
    assert len({tuple(places(state, rows, run, 30)[0]) for state in states}) == 4


def test_fitness_is_the_weighted_sum_of_standardised_objectives() -> None:
    rows = members(60)
    rows["objectives"] *= 10.0 ** np.arange(7)
    run = run_with(method="fitness", weights={"sharpe": 3.0, "turnover": 0.0})
    kept, learned = places(IslandState(island=0), rows, run, 10)
    weights = np.array([3.0, 1, 1, 1, 1, 0, 1])
    fitness = (rows["objectives"] / rows["objectives"].std(axis=0)) @ weights
    np.testing.assert_array_equal(kept, np.sort(np.argsort(-fitness)[:10]))
    rank, _ = standing_in(learned, in_order(learned, rows[kept], run), run)
    np.testing.assert_array_equal(rank, np.arange(10))


def test_an_objective_that_nobody_differs_in_adds_nothing_to_fitness() -> None:
    rows = members(20)
    rows["objectives"][:, 1] = 5.0
    one, other = (run_with(2, method="fitness", weights={"drawdown": weight}) for weight in (1.0, 9.0))
    state = IslandState(island=0)
    np.testing.assert_array_equal(places(state, rows, one, 5)[0], places(state, rows, other, 5)[0])


@pytest.mark.parametrize("chosen", METHODS)
def test_an_island_runs_to_its_end_and_its_population_stands_in_its_own_order(chosen: str) -> None:
    world = World(run_with(method=chosen))
    world.start()
    world.settle()
    for state in world.states.values():
        assert state.generation == SMALL.generations - 1
        rank, crowding = standing_in(state.learned, state.population, world.run)
        np.testing.assert_array_equal(np.lexsort((-crowding, rank)), np.arange(len(rank)))
        assert dump(load(dump(state))) == dump(state)
        assert (len(state.learned["hyperplane"]) > 0) == (chosen == "reference_points")
