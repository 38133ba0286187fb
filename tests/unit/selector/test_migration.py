"""Ring migration: who sends what and when, and who takes it."""

from dataclasses import replace

import numpy as np
import pytest

from common.events.cohorts import OPERATOR_NAMES, GenomeEvaluated, MigrantSent
from selector.migration import receive, send, sends, source_generation
from selector.state import MEMBER, IslandState
from selector.survival import standing
from tests.unit.selector.island_world import SMALL, World, variant


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
    assert [generation for generation, _ in state.arrived] == [1, 3]
    assert receive(state, SMALL, 0, 3, members(2, first_id=9)) is state


def test_as_many_batches_are_kept_as_another_island_may_wait_for() -> None:
    run = variant(generations=0)
    state = IslandState(run=run, island=0, population=members(5))
    for generation in range(20):
        state = send(replace(state, generation=generation), run)
    assert [generation for generation, _ in state.sent] == [15, 17, 19]
    assert all(len(batch) == 2 for _, batch in state.sent)
