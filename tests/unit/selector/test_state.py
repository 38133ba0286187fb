"""The state as bytes: nothing is lost, damage is refused, the clock and the traces leave no fingerprint."""

import random
from dataclasses import fields, replace

import numpy as np
import pytest

from common import framing
from common.errors import ConfigurationError
from selector.state import MEMBER, Heard, IslandState, distinct, dump, fingerprint, join, load
from tests.unit.selector.island_world import World


def states() -> list[IslandState]:
    """States of every kind: fresh, waiting for migrants, with migrants waiting, with open reads."""
    world = World()
    world.start()
    found = [IslandState()]
    step = world.step

    def watched(island: int, events: list) -> None:
        step(island, events)
        found.append(world.states[island])

    world.step = watched
    world.settle(random.Random(3))
    return found


def test_every_state_comes_back_from_its_bytes() -> None:
    found = states()
    found.append(replace(found[-1], behind=(Heard("seed", "a" * 32, 0, found[-1].population[:2]),)))
    assert any(state.pending is not None for state in found)
    assert any(state.arrived for state in found)
    assert any((state.candidates["answered"] == 0).any() for state in found)
    for state in found:
        back = load(dump(state))
        assert dump(back) == dump(state)
        for one in fields(IslandState):
            np.testing.assert_equal(getattr(back, one.name), getattr(state, one.name))


def test_damaged_bytes_are_refused() -> None:
    whole = dump(states()[-1])
    for broken in (b"", b"nonsense" * 9, whole[:-1], whole + b"x", whole.replace(b"island-4", b"island-9")):
        with pytest.raises(ConfigurationError, match="start a new run"):
            load(broken)


def test_a_state_of_another_genome_version_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dump(states()[-1])
    monkeypatch.setattr(framing, "GENOME_VERSION", 1)
    with pytest.raises(ConfigurationError, match="genomes are of version 2"):
        load(whole)


def test_the_fingerprint_forgets_the_clock_and_the_traces_and_nothing_else() -> None:
    state = states()[-1]
    later = state.population.copy()
    later["born_us"] += 5
    later["trace"] = np.frombuffer(bytes(range(24)), MEMBER["trace"])
    assert fingerprint(replace(state, population=later)) == fingerprint(state)
    for column in ("operator", "born_generation", "objectives", "evidence"):
        other = state.population.copy()
        other[column][0] += 1
        assert fingerprint(replace(state, population=other)) != fingerprint(state)
    assert fingerprint(replace(state, evaluated=state.evaluated + 1)) != fingerprint(state)


def test_of_records_with_one_id_the_first_is_kept() -> None:
    state = states()[-1]
    changed = state.population.copy()
    changed["operator"] = 6
    np.testing.assert_array_equal(
        distinct(join(state.population, changed[::-1])), state.population[np.argsort(state.population["genome_id"])]
    )
