"""Migration: who sends what and when along each topology, who takes it, and that every island advances."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from common.events.cohorts import OPERATOR_NAMES, GenomeEvaluated, MigrantSent
from common.events.spec import RunSpec
from selector.distance import distances, genotypes
from selector.learning import pressure
from selector.migration import destinations, receive, send, sends, source_generation, sources
from selector.state import MEMBER, IslandState, fingerprint
from selector.survival import standing
from tests.unit.selector.island_world import SMALL, World, variant

TOPOLOGIES, CHOICES = ("ring", "full", "random"), ("best", "random", "diverse")


def moving(islands: int = 4, **migration: object) -> RunSpec:
    evolution = SMALL.evolution.model_dump() | {"migration": migration}
    return variant(islands=islands, generations=9, evolution=evolution)


def members(size: int, first_id: int = 0) -> np.ndarray:
    found = np.zeros(size, MEMBER)
    found["genome_id"] = np.arange(2 * size, dtype="<u8").view("V16")
    found["evidence"][:, 0, 0] = first_id
    return found


def test_migrants_leave_at_every_interval_while_somebody_will_still_admit_them() -> None:
    assert [generation for generation in range(12) if sends(SMALL, generation)] == [1, 3, 5]
    assert [generation for generation in range(12) if sends(variant(generations=0), generation)] == [1, 3, 5, 7, 9, 11]
    assert not any(sends(variant(islands=1), generation) for generation in range(12))
    none = SMALL.evolution.model_copy(update={"migrants": 0})
    assert not any(sends(variant(evolution=none), generation) for generation in range(12))


def test_a_generation_admits_what_was_sent_one_interval_before() -> None:
    assert [source_generation(SMALL, closing) for closing in range(9)] == [None, None, None, 1, None, 3, None, 5, None]


def test_the_best_by_rank_then_crowding_go_to_the_next_island() -> None:
    world = World()
    world.start()
    world.settle()
    batches = [event for event in world.published if isinstance(event.payload, MigrantSent)]
    assert len(batches) == 3 * SMALL.islands
    for event in batches:
        header = event.payload.header
        assert header.island == int(event.key) == (header.source + 1) % 3
        assert len(event.payload) == SMALL.evolution.migrants
        rank, crowding = standing(event.payload["objectives"], event.payload["violation"], len(event.payload))
        assert (rank == 0).all()
        assert (crowding > 0).all()


def test_admitted_migrants_are_members_marked_as_migrants() -> None:
    world = World()
    world.start()
    world.settle()
    marked = OPERATOR_NAMES.index("migrant")
    for island, state in world.states.items():
        seen = np.concatenate([state.population, state.archive])
        came = {one["genome_id"].tobytes() for one in seen[seen["operator"] == marked]}
        sent = {
            genome_id.tobytes()
            for where, event in world.delivered
            if where == island and isinstance(event.payload, MigrantSent)
            for genome_id in event.payload["genome_id"]
        }
        assert came <= sent
        assert not np.isin(state.candidates["operator"], marked).any()
    assert any((state.archive["operator"] == marked).any() for state in world.states.values())


def test_a_cohort_waits_for_its_migrants_and_closes_when_they_come() -> None:
    world = World()
    world.start()
    held = world.queues[0, "evolution"][0]
    while world.states[1].pending is None:
        lanes = [key for key, queue in world.queues.items() if queue and key[0] != 0]
        world.step(lanes[0][0], [world.queues[lanes[0]].popleft()])
    assert world.states[1].generation == 2
    assert world.queues[0, "evolution"][0] is held
    assert isinstance(held.payload, GenomeEvaluated)
    world.settle()
    assert [state.generation for state in world.states.values()] == [8, 8, 8]


@pytest.mark.parametrize(
    ("source", "generation", "closed"), [(1, 1, 0), (2, 1, 0), (0, 2, 0), (0, 7, 0), (0, 1, 3), (0, 1, 8)]
)
def test_migrants_of_a_stranger_or_of_no_interval_or_too_late_are_dropped(
    source: int, generation: int, closed: int
) -> None:
    state = IslandState(run=SMALL, island=1, generation=closed)
    assert receive(state, SMALL, source, generation, members(2)) is state


def test_a_repeated_batch_does_not_replace_the_first() -> None:
    state = receive(IslandState(run=SMALL, island=1), SMALL, 0, 3, members(2, first_id=5))
    state = receive(state, SMALL, 0, 1, members(2))
    assert [batch[:2] for batch in state.arrived] == [(1, 0), (3, 0)]
    assert receive(state, SMALL, 0, 3, members(2, first_id=9)) is state


def test_as_many_batches_are_kept_as_another_island_may_wait_for() -> None:
    run = variant(generations=0)
    state = IslandState(run=run, island=0, population=members(5))
    for generation in range(20):
        state = send(replace(state, generation=generation), run)
    assert [generation for generation, _ in state.sent] == [15, 17, 19]
    assert all(len(batch) == 2 for _, batch in state.sent)


@given(st.sampled_from(TOPOLOGIES), st.integers(2, 9), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_sender_and_receiver_agree_and_nobody_sends_to_himself(topology: str, islands: int, generation: int) -> None:
    run = moving(islands, topology=topology)
    routes = {(one, other) for one in range(islands) for other in destinations(run, one, generation)}
    assert routes == {(other, one) for one in range(islands) for other in sources(run, one, generation)}
    assert all(one != other for one, other in routes)
    assert {one for one, _ in routes} == {other for _, other in routes} == set(range(islands))
    assert len(routes) == (islands * (islands - 1) if topology == "full" else islands)


def test_a_drawn_ring_is_another_one_each_time_and_reaches_everybody() -> None:
    run = moving(6, topology="random")
    reached = {other for generation in range(60) for other in destinations(run, 2, generation)}
    assert reached == {0, 1, 3, 4, 5}


@given(st.sampled_from(TOPOLOGIES), st.sampled_from(CHOICES), st.sampled_from([2, 3, 5]), st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, phases=[Phase.generate])
def test_every_island_advances_to_the_same_end_in_any_order_with_repeats_and_crashes(
    topology: str, choice: str, islands: int, seed: int
) -> None:
    run = moving(islands, topology=topology, choice=choice)
    straight, shaken = World(run), World(run)
    straight.start()
    straight.settle()
    shaken.start()
    shaken.settle(random.Random(seed), repeats=0.3, crashes=0.1)
    assert [state.generation for state in shaken.states.values()] == [8] * islands
    for island in range(islands):
        assert fingerprint(shaken.states[island]) == fingerprint(straight.states[island])


@given(st.integers(2, 7), st.sampled_from(TOPOLOGIES), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, phases=[Phase.generate])
def test_no_batch_is_let_go_that_somebody_still_waits_for(islands: int, topology: str, seed: int) -> None:
    """Islands run ahead as far as their sources let them; whoever waits finds the batch with its sender."""
    chance, run = random.Random(seed), variant(moving(islands, topology=topology), generations=0, seed=seed)
    state = [IslandState(run=run, island=island, generation=-1, population=members(3)) for island in range(islands)]
    for _ in range(300):
        island = (
            chance.randrange(islands)
            if chance.random() < 0.3
            else max(range(islands), key=lambda i: state[i].generation)
        )
        one = state[island]
        awaited = source_generation(run, one.generation + 1)
        if awaited is not None:
            behind = [state[source] for source in sources(run, island, awaited) if state[source].generation < awaited]
            if behind:
                island, one = behind[0].island, behind[0]
                if source_generation(run, one.generation + 1) is not None:
                    continue
            else:
                for source in sources(run, island, awaited):
                    assert awaited in [generation for generation, _ in state[source].sent]
        state[island] = send(replace(one, generation=one.generation + 1), run)
    assert max(len(one.sent) for one in state) <= islands + 6


def test_full_topology_brings_the_best_of_all_others() -> None:
    world = World(moving(4, topology="full"))
    world.start()
    world.settle()
    batches = [event.payload.header for event in world.published if isinstance(event.payload, MigrantSent)]
    assert {(header.source, header.island) for header in batches} == {
        (a, b) for a in range(4) for b in range(4) if a != b
    }
    assert len(batches) == 12 * 3


def test_diverse_migrants_stand_farther_apart_than_the_best_and_the_best_is_among_them() -> None:
    world = World(moving(2))
    world.start()
    world.settle()
    state = replace(world.states[0], generation=5)

    def least(choice: str) -> float:
        sent = send(state, moving(2, choice=choice)).sent[-1][1]
        assert len(sent) == 2
        assert choice == "random" or sent["genome_id"][0] == state.population["genome_id"][0]
        return float(distances(genotypes(sent["genome"]), genotypes(sent["genome"]))[0, 1])

    apart = distances(genotypes(state.population["genome"][:1]), genotypes(state.population["genome"]))
    assert least("diverse") == apart.max() >= least("best")
    assert least("random") > 0


def test_a_migration_is_followed_by_newly_drawn_genomes() -> None:
    run = moving(3, immigrants=0.5)
    shares = [pressure(IslandState(run=run, island=0, generation=closed), run).immigrant_rate for closed in range(9)]
    assert shares == [0.02, 0.02, 0.02, 0.5, 0.02, 0.5, 0.02, 0.5, 0.02]
