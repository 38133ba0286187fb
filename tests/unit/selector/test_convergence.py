"""Convergence: what is called a plateau, lost diversity, stagnation; restarts, extinctions and recovery from them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.events.cohorts import ParentsSelected
from selector.convergence import (
    DIVERSITY_LOST,
    LOCAL_OPTIMUM,
    PLATEAU,
    STAGNATION,
    achievement,
    diversity_kept,
    observed,
    renewal,
    restarted,
    verdict,
)
from selector.distance import distances, genotypes
from selector.extinction import struck
from selector.state import IslandState
from tests.unit.selector.island_world import SMALL, World, variant

ASKED = {"restart": True, "extinction": 0.5, "stagnation": 5}
RUN = variant(evolution=SMALL.evolution.model_dump() | {"population": 40, "adaptation": ASKED})


def settled_population() -> np.ndarray:
    run = variant(
        islands=1, generations=3, evolution=SMALL.evolution.model_dump() | {"population": 40, "offspring": 60}
    )
    world = World(run)
    world.start()
    world.settle()
    found = world.states[0].population.copy()
    found["violation"] = 0
    found["born_generation"] = 0
    return found


POPULATION = settled_population()
NOW = IslandState(run=RUN, island=0, population=POPULATION)


def watched(
    generations: int, gain: float = 0.0, new: float = 0.0, diversity: float = 0.6, state: IslandState = NOW
) -> IslandState:
    """The state after so many closes, each with this gain of an objective and this share of new members."""
    for _ in range(generations):
        population = state.population.copy()
        population["objectives"][:, 0] += gain
        generation = state.generation + 1
        population["born_generation"] = np.where(np.arange(len(population)) < new * len(population), generation, 0)
        state = replace(state, generation=generation, population=population)
        state = replace(state, learned=observed(state, RUN, diversity))
    return state


@given(st.lists(st.tuples(*[st.floats(0, 4)] * 3), min_size=1, max_size=12), st.integers(0, 11))
@settings(max_examples=60, deadline=None)
def test_whoever_joins_never_lowers_the_achievement_and_who_is_dominated_leaves_it(rows: list, row: int) -> None:
    values = np.array(rows)
    whole = achievement(values)
    assert achievement(values[:-1]) <= whole if len(values) > 1 else whole >= 0
    dominated = np.maximum(values[row % len(values)] - 0.5, 0)[None]
    assert achievement(np.concatenate([values, dominated])) == whole


def test_the_achievement_grows_with_the_space_that_is_dominated() -> None:
    front = np.array([[0.0, 1.0], [0.5, 0.8], [1.0, 0.0]])
    assert 0 < achievement(front) < achievement(front + 0.1) < achievement(np.array([[1.1, 1.1]]))


def test_a_search_that_moves_is_left_alone() -> None:
    state = watched(30, gain=0.2, new=0.3)
    assert verdict(state.learned, RUN) == []
    for turn in (restarted, struck):
        assert turn(state, RUN)[1] is state.learned


def test_no_gain_for_long_enough_is_a_plateau_and_not_before() -> None:
    assert verdict(watched(5, new=0.3).learned, RUN) == []
    state = watched(6, new=0.3)
    assert verdict(state.learned, RUN) == [PLATEAU]
    assert verdict(watched(1, gain=0.5, new=0.3, state=state).learned, RUN) == []


def test_few_new_members_are_stagnation_and_with_a_plateau_a_local_optimum() -> None:
    assert verdict(watched(6, gain=0.2).learned, RUN) == [STAGNATION]
    assert verdict(watched(6).learned, RUN) == [PLATEAU, STAGNATION, LOCAL_OPTIMUM]


def test_half_of_the_first_diversity_gone_is_told_at_once() -> None:
    state = watched(1, new=0.3, diversity=0.29, state=watched(2, gain=0.2, new=0.3))
    assert verdict(state.learned, RUN) == [DIVERSITY_LOST]
    assert diversity_kept(state.learned) == pytest.approx(0.29 / 0.6)


def test_a_restart_keeps_the_best_asks_for_new_ones_and_waits_as_long_again() -> None:
    state = watched(6, new=0.3)
    population, learned = restarted(state, RUN)
    np.testing.assert_array_equal(population, state.population[:8])
    assert renewal(learned, state.generation) == 0.5
    assert renewal(learned, state.generation + 1) == 0.0
    after = replace(state, learned=learned)
    assert restarted(after, RUN)[1] is learned
    assert PLATEAU not in verdict(watched(4, new=0.3, state=after).learned, RUN)
    again = watched(5, new=0.3, state=after)
    assert restarted(again, RUN)[1]["turns"]["restarts"].tolist() == [2]


def collapsed(gain: float) -> IslandState:
    return watched(1, gain=gain, new=0.3, diversity=0.1, state=watched(6, gain=gain, new=0.3))


def test_a_selective_extinction_leaves_the_best_and_those_who_stand_farthest_apart() -> None:
    state = collapsed(gain=0.2)
    population, learned = struck(state, RUN)
    assert len(population) == 20
    assert population["genome_id"][0] == state.population["genome_id"][0]

    def nearest(members: np.ndarray) -> float:
        apart = distances(genotypes(members["genome"]), genotypes(members["genome"]))
        return float(apart[~np.eye(len(members), dtype=bool)].min())

    assert nearest(population) >= nearest(state.population)
    assert renewal(learned, state.generation) == 0.5


def test_a_mass_extinction_spares_the_best_and_strikes_the_others_alike() -> None:
    state = collapsed(gain=0.0)
    counts = np.zeros(40)
    for island in range(300):
        population, _ = struck(replace(state, island=island), RUN)
        assert len(population) == 20
        rows = [np.flatnonzero(state.population["genome_id"] == one)[0] for one in population["genome_id"]]
        assert rows[:8] == list(range(8))
        assert rows == sorted(rows)
        counts[rows] += 1
    shares = counts[8:] / 300
    assert np.abs(shares - 12 / 32).max() < 0.12


def test_an_island_has_time_to_recover_before_the_next_extinction() -> None:
    state = collapsed(gain=0.2)
    population, learned = struck(state, RUN)
    state = replace(state, population=population, learned=learned)
    struck_at = []
    for _ in range(12):
        state = watched(1, gain=0.2, new=0.3, diversity=0.1, state=state)
        population, learned = struck(state, RUN)
        if learned is not state.learned:
            struck_at.append(state.generation)
            state = replace(state, learned=learned)
    assert struck_at == [11, 16]


def test_nothing_is_watched_unless_asked_for() -> None:
    assert observed(NOW, SMALL, 0.5) is NOW.learned
    assert verdict(NOW.learned, SMALL) == []
    assert diversity_kept(NOW.learned) == 1.0


def test_an_island_without_a_feasible_member_rests_and_goes_on_when_one_is_found() -> None:
    hopeless = POPULATION.copy()
    hopeless["violation"] = 1.0
    state = watched(6, new=0.3, state=replace(NOW, population=hopeless))
    assert verdict(state.learned, RUN) == [PLATEAU]
    assert verdict(watched(1, new=0.3, state=replace(state, population=POPULATION)).learned, RUN) == []


def test_an_extinction_and_a_restart_in_one_close_ask_for_the_larger_share() -> None:
    for share in (0.2, 0.8):
        run = variant(evolution=RUN.evolution.model_dump() | {"adaptation": ASKED | {"extinction": share}})
        state = collapsed(gain=0.0)
        for turn in (struck, restarted):
            population, learned = turn(state, run)
            state = replace(state, population=population, learned=learned)
        assert state.learned["turns"][["restarts", "extinctions"]].tolist() == [(1, 1)]
        assert renewal(state.learned, state.generation) == max(share, 0.5)


def test_a_plateau_that_a_restart_ends_is_told() -> None:
    adaptation = {"restart": True, "stagnation": 3}
    run = variant(generations=40, islands=1, evolution=SMALL.evolution.model_dump() | {"adaptation": adaptation})
    world = World(run)
    world.start()
    world.settle()
    told = [event.payload.header.summary for event in world.published if isinstance(event.payload, ParentsSelected)]
    assert told[-1].restarts > 1
    assert sum(PLATEAU in summary.verdict for summary in told) == told[-1].restarts
