"""What an island learns belongs to its state: order, repeats and crashes change nothing, whatever is switched on."""

import random

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from common.bloom import from_text, known
from common.events.cohorts import GenomeProposed, ParentsSelected
from common.events.event import Event
from common.events.spec import RunSpec
from common.genome.operators import APPLIED, CROSSOVERS, MUTATIONS
from selector.adaptation import mix
from selector.constraints import shortfall
from selector.learned import DTYPES, nothing
from selector.learning import learned
from selector.state import MEMBER, IslandState, dump, fingerprint, load
from tests.unit.selector import island_world
from tests.unit.selector.island_world import SMALL, World, measured, variant

ADAPTATION = {
    "operators": True,
    "rates": True,
    "population": True,
    "restart": True,
    "extinction": 0.4,
    "stagnation": 2,
    "tabu": True,
    "innovation": 0.5,
}
EVERYTHING = {
    "adaptation": ADAPTATION,
    "species": {"wanted": 3, "stagnation": 3},
    "migration": {"topology": "random", "choice": "diverse", "immigrants": 0.2},
}


def asking(**groups: object) -> RunSpec:
    evolution = SMALL.evolution.model_dump() | {"population": 24, "offspring": 32} | groups
    return variant(generations=9, evolution=evolution)


def settled(run: RunSpec) -> World:
    world = World(run)
    world.start()
    return world.settle()


@given(st.integers(0, 2**32))
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
def test_with_everything_on_order_repeats_and_crashes_change_nothing(seed: int) -> None:
    run = asking(**EVERYTHING)
    straight, shaken = settled(run), World(run)
    shaken.start()
    shaken.settle(random.Random(seed), repeats=0.3, crashes=0.15)
    for island, state in straight.states.items():
        assert state.generation == 8
        assert fingerprint(shaken.states[island]) == fingerprint(state)
    said = {
        event.id: event.payload.header for event in straight.published if isinstance(event.payload, ParentsSelected)
    }
    for event in shaken.published:
        if isinstance(event.payload, ParentsSelected):
            assert event.payload.header.pressure == said[event.id].pressure


def test_everything_learned_comes_back_from_the_bytes_of_a_state() -> None:
    for state in settled(asking(**EVERYTHING)).states.values():
        back = load(dump(state))
        for name in DTYPES:
            np.testing.assert_array_equal(back.learned[name], state.learned[name])
        assert dump(back) == dump(state)


def test_nothing_is_learned_unless_asked_for() -> None:
    for state in settled(SMALL).states.values():
        learned = {name: len(rows) for name, rows in state.learned.items() if name != "hyperplane" and len(rows)}
        assert learned == {}
    assert nothing().keys() == DTYPES.keys()


@pytest.mark.parametrize("name", ["operators", "rates", "population", "restart", "tabu"])
def test_each_adaptation_alone_runs_to_the_end(name: str) -> None:
    world = settled(asking(adaptation={name: True, "stagnation": 2}))
    assert [state.generation for state in world.states.values()] == [8, 8, 8]


def test_what_is_tabu_was_evaluated_and_all_of_the_last_cohort_is() -> None:
    world = settled(asking(adaptation={"tabu": True}))
    tried: dict[int, list[np.ndarray]] = {}
    for event in world.published:
        if isinstance(event.payload, GenomeProposed) and event.payload.header.purpose == "evolution":
            tried.setdefault(event.payload.header.island, []).append(event.payload["genome_id"])
    for event in world.published:
        if isinstance(event.payload, ParentsSelected):
            header = event.payload.header
            assert header.pressure is not None
            words = from_text(header.pressure.tabu)
            for cohort in tried[header.island][: header.generation + 1]:
                assert known(words, cohort).all()


def test_who_learns_sees_the_limits_of_a_run_as_if_they_had_been_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"sharpe": 0.5}
    groups: dict[str, object] = {"adaptation": ADAPTATION, "archive": {"covariance": 0.5}}
    limited = settled(asking(**groups, survival={"limits": limits}))

    def measured_short(proposed: Event, answered_us: int = 0) -> Event:
        answer = measured(proposed, answered_us)
        data = {name: column.copy() for name, column in answer.payload.data.items()}
        data["violation"] += shortfall(data["objectives"], limits)
        return proposed.answer(type(answer.payload)(answer.payload.header, data), str(answer.payload.header.island))

    monkeypatch.setattr(island_world, "measured", measured_short)
    for island, state in settled(asking(**groups)).states.items():
        for name in DTYPES:
            np.testing.assert_array_equal(limited.states[island].learned[name], state.learned[name], name)
        assert len(state.learned["emitter"]) == 1


def test_a_genome_that_was_there_before_is_no_credit_to_who_bred_it_again() -> None:
    run = asking(adaptation={"operators": True})
    there = np.zeros(24, MEMBER)
    there["genome"] = settled(SMALL).states[0].population["genome"][0]
    there["genome_id"] = np.arange(1, 49, dtype="<u8").view("V16")
    again = there.copy()
    again["applied"] = 1 << APPLIED.index("sbx")
    again["parent_ids"][:, 0] = there["genome_id"]
    before = IslandState(run=run, island=0, generation=3, population=there, pending=again)
    after = learned(before, IslandState(run=run, island=0, generation=4, population=there), run)
    assert after.learned["operators"]["tried"][APPLIED.index("sbx")] == 24
    assert mix(after.learned, run) == mix(nothing(), run)
    assert mix(nothing(), run).keys() == {*CROSSOVERS, *MUTATIONS}
