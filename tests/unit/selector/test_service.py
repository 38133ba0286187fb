"""The selector's step: order, repeats and crashes change nothing; seeds, failures and foreign events."""

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from common.errors import ContractError, GenomeError
from common.events.cohorts import MEASURE_COLUMNS, OPERATOR_NAMES, MigrantSent, ParentsSelected, SelectedHeader
from common.events.event import Event
from common.events.public import GenomeSeeded
from common.events.spec import RunSpec
from common.genome.codec import to_json
from generator.service import SERVICE as GENERATOR
from selector.archive import cells
from selector.service import SERVICE
from selector.state import IslandState, fingerprint
from tests.unit.selector.island_world import SMALL, World, measured, variant


def settled(run: RunSpec = SMALL) -> World:
    world = World(run)
    world.start()
    return world.settle()


@cache
def reference() -> World:
    return settled()


def fingerprints(world: World) -> list[bytes]:
    return [fingerprint(state) for state in world.states.values()]


def first_cohort(run: RunSpec = SMALL) -> Event:
    """What the evaluator says of generation 0 of island 0."""
    world = World(run)
    world.start()
    return world.queues[0, "evolution"][0]


def seed_answer(cohort: str, run: RunSpec = SMALL) -> Event:
    """The evaluator's answer to a published seed: a genome that generation 0 does not have."""
    genome = first_cohort(variant(run, seed=99)).payload.population[-1]
    seeded = Event(GenomeSeeded(genome=to_json(genome)), "run", run, cohort)
    return measured(GENERATOR.step(None, [seeded])[1][0])


def test_every_island_closes_every_generation_and_says_so_at_the_last() -> None:
    world = reference()
    for island, state in world.states.items():
        assert (state.island, state.generation, state.evaluated) == (island, 8, 9 * 16)
        assert state.pending is None
        assert state.arrived == ()
    chosen = [event.payload.header for event in world.published if isinstance(event.payload, ParentsSelected)]
    assert len(chosen) == 27
    assert [header.final for header in chosen if header.island == 1] == [False] * 8 + [True]


def test_a_run_promotes_something_within_its_reads_and_says_nothing_twice() -> None:
    world = reference()
    assert len(world.champions) > 0
    assert len({event.id for event in world.published}) == len(world.published)
    for state in world.states.values():
        assert len(state.candidates) <= 2
        assert state.candidates["answered"].all()
    for payload in world.champions.values():
        assert all(verdict.passed for verdict in payload.verdicts)


@pytest.mark.parametrize("column", ["genome", "genome_id"])
@pytest.mark.parametrize("kind", ["evolution", "promotion", "migrant"])
def test_forged_measures_are_refused_and_leave_no_trace(column: str, kind: str) -> None:
    lane = [(where, event) for where, event in reference().delivered if kind_of(event) == kind]
    where, event = lane[0]
    data = {name: array.copy() for name, array in event.payload.data.items()}
    row = int(np.flatnonzero(data["status"] == 0)[0])
    raw = data[column].view(np.uint8).reshape(len(event.payload), -1)
    raw[row, 0] ^= 0xFF
    forged = replace(event, payload=type(event.payload).build(event.payload.header, **data))
    state = reference().states[where]
    with pytest.raises(GenomeError, match="genome_id" if column == "genome_id" else "version"):
        SERVICE.step(state, [forged])
    # Nobody trades what was refused: an invalid genome may stand there, and the others count.
    data["status"][row] = 1
    for name in MEASURE_COLUMNS:
        if name != "status":
            data[name][row] = 0
    SERVICE.step(state, [replace(event, payload=type(event.payload).build(event.payload.header, **data))])


def kind_of(event: Event) -> str:
    return "migrant" if isinstance(event.payload, MigrantSent) else event.payload.header.purpose


@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, phases=[Phase.generate])
def test_delivery_order_and_repeats_change_nothing(seed: int) -> None:
    world = World()
    world.start()
    world.settle(random.Random(seed), repeats=0.5)
    assert fingerprints(world) == fingerprints(reference())
    assert world.champions.keys() == reference().champions.keys()


@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, phases=[Phase.generate])
def test_crashes_on_the_way_change_nothing(seed: int) -> None:
    world = World()
    world.start()
    world.settle(random.Random(seed), repeats=0.2, crashes=0.1)
    assert fingerprints(world) == fingerprints(reference())
    assert world.champions.keys() == reference().champions.keys()
    said: dict[str, SelectedHeader] = {}
    for event in world.published:
        if isinstance(event.payload, ParentsSelected):
            assert said.setdefault(event.id, event.payload.header) == event.payload.header


def test_the_whole_history_again_changes_nothing() -> None:
    world = settled()
    history = list(world.delivered)
    for island, event in history:
        state, out = SERVICE.step(world.states[island], [event])
        assert state is world.states[island]
        assert out == []


def test_a_step_leaves_the_state_it_was_given_alone() -> None:
    world = settled()
    for island, event in list(world.delivered):
        before = IslandState() if world.states[island].generation == 8 else world.states[island]
        print_before = fingerprint(before)
        world.states[island], _ = SERVICE.step(before, [event])
        assert fingerprint(before) == print_before


def test_recovered_events_have_the_ids_of_the_first_time() -> None:
    published = {event.id: event for event in reference().published}
    for state in reference().states.values():
        for event in SERVICE.recover(state):
            first = published[event.id]
            assert type(first.payload) is type(event.payload)
            assert first.key == event.key
            if isinstance(event.payload, ParentsSelected):
                for name, column in event.payload.data.items():
                    np.testing.assert_array_equal(column, first.payload[name])


def test_a_step_raises_no_event_before_generation_zero_is_closed() -> None:
    assert SERVICE.recover(IslandState()) == []
    state, out = SERVICE.step(IslandState(), [seed_answer("f" * 32)])
    assert out == []
    assert SERVICE.recover(state) == []


def test_seeds_wait_for_the_next_cohort_and_count_once() -> None:
    seed = seed_answer("a" * 32)
    state, out = SERVICE.step(IslandState(), [seed, seed])
    assert out == []
    assert (state.evaluated, len(state.seeds), state.generation) == (0, 1, -1)
    state, _ = SERVICE.step(state, [first_cohort(), seed])
    assert (state.evaluated, len(state.seeds), state.generation) == (17, 0, 0)
    assert state.seed_cohorts == ("a" * 32,)


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None, phases=[Phase.generate])
def test_two_logs_give_one_state_however_they_are_interleaved(seed: int) -> None:
    """Replayed from a log, cohorts, seeds and answers keep their order, and migrants may come before or after any."""
    chance = random.Random(seed)
    island = 1
    heard = [event for where, event in reference().delivered if where == island]
    migrants = [event for event in heard if isinstance(event.payload, MigrantSent)]
    cohorts = [event for event in heard if not isinstance(event.payload, MigrantSent)]
    for number, place in enumerate(sorted((3, 6, 9), reverse=True)):
        cohorts.insert(place, seed_answer(f"{number}" * 32))
    results = set()
    for _ in range(2):
        logs, state, said = [list(migrants), list(cohorts)], IslandState(), set()
        while any(logs):
            events = [log.pop(0) for log in chance.choices([log for log in logs if log], k=1)]
            state, out = SERVICE.step(state, events)
            said |= {event.id for event in out}
        results.add((fingerprint(state), frozenset(said)))
    assert len(results) == 1
    assert state.generation == 8
    assert len(state.seed_cohorts) == 3


def test_a_seed_joins_the_population_as_published() -> None:
    roomy = variant(evolution=SMALL.evolution.model_copy(update={"population": 64}))
    seed = seed_answer("a" * 32, roomy)
    state, _ = SERVICE.step(IslandState(), [seed, first_cohort(roomy)])
    row = np.flatnonzero(state.population["genome_id"] == seed.payload["genome_id"][0])
    assert len(row) == 1
    assert OPERATOR_NAMES[state.population["operator"][row[0]]] == "published"


def with_status(event: Event, status: np.ndarray) -> Event:
    columns = event.payload.data | {"status": status.astype(np.uint8)}
    return replace(event, payload=type(event.payload).build(event.payload.header, **columns))


def test_refused_and_failed_genomes_are_trials_but_never_members() -> None:
    cohort = with_status(first_cohort(), np.array([1, 2, 2] + [0] * 13))
    state, out = SERVICE.step(IslandState(), [cohort])
    summary = out[-1].payload.header.summary
    assert (summary.evaluated, summary.refused, summary.failed) == (16, 1, 2)
    members = {genome_id.tobytes() for genome_id in state.population["genome_id"]}
    assert members.isdisjoint(genome_id.tobytes() for genome_id in cohort.payload["genome_id"][:3])
    assert (state.archive["status"] == 0).all()


def test_a_cohort_of_failures_still_closes_its_generation() -> None:
    state, out = SERVICE.step(IslandState(), [with_status(first_cohort(), np.full(16, 2))])
    assert state.generation == 0
    assert len(out[-1].payload) == 0
    assert out[-1].payload.header.summary.best == {}


def test_parents_are_the_population_then_elites_outside_it() -> None:
    for event in reference().published:
        if not isinstance(event.payload, ParentsSelected):
            continue
        parents, population = event.payload, SMALL.evolution.population
        elites = len(parents) - population
        assert parents["from_archive"].tolist() == [0] * population + [1] * elites
        assert 0 <= elites <= SMALL.evolution.archive_parents
        assert len({genome_id.tobytes() for genome_id in parents["genome_id"]}) == len(parents)
        assert (np.diff(parents["rank"][:population]) >= 0).all()


def test_the_archive_keeps_the_best_feasible_genome_ever_seen_of_each_cell() -> None:
    seen = [event.payload for where, event in reference().delivered if where == 2]
    best: dict[int, float] = {}
    for cohort in seen:
        fit = cohort["status"] == 0
        fit &= cohort["violation"] <= 0
        for cell, score in zip(cells(cohort["descriptor"][fit]), cohort["objectives"][fit, 0], strict=True):
            best[int(cell)] = max(best.get(int(cell), -np.inf), score)
    archive = reference().states[2].archive
    assert dict(zip(cells(archive["descriptor"]).tolist(), archive["objectives"][:, 0], strict=True)) == best


def test_a_cohort_from_the_future_is_a_contract_error() -> None:
    later = [event for where, event in reference().delivered if where == 0 and event.payload.header.generation == 3]
    with pytest.raises(ContractError, match="generation 3: island 0 waits for 0"):
        SERVICE.step(IslandState(), later[:1])


def test_an_event_of_another_run_is_a_contract_error() -> None:
    state, _ = SERVICE.step(IslandState(), [first_cohort()])
    other = variant(seed=8)
    with pytest.raises(ContractError, match=other.run_id):
        SERVICE.step(state, [first_cohort(other)])


def test_one_island_sends_and_waits_for_no_migrants() -> None:
    world = settled(variant(islands=1))
    assert world.states[0].generation == 8
    assert world.states[0].sent == ()
