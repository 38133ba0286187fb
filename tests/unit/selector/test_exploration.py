"""Runs that explore: places for the novel, cells of a tessellation, children of elites; resumed and repeated alike."""

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.events.cohorts import GenomeProposed, ParentsSelected
from common.events.spec import RunSpec
from common.genome.codec import valid
from common.genome.layout import GENOME
from common.genome.operators import APPLIED
from selector.elites import behaviour, cell_count, cells_of
from selector.learned import nothing
from selector.novel import with_the_novel
from selector.state import MEMBER, Members, dump, fingerprint, load
from tests.unit.selector.island_world import SMALL, World, variant

ALL = {"iso_line": 0.25, "covariance": 0.25, "shape": "cvt", "cells": 20}


def exploring(archive: dict[str, object] | None = None, **survival: object) -> RunSpec:
    evolution = SMALL.evolution.model_dump() | {"archive": archive or {}, "survival": survival}
    return variant(evolution=evolution)


@cache
def settled() -> World:
    world = World(exploring(ALL, novelty=0.5))
    world.start()
    return world.settle()


def proposed(world: World) -> list[GenomeProposed]:
    cohorts = [event.payload for event in world.published if isinstance(event.payload, GenomeProposed)]
    return [cohort for cohort in cohorts if cohort.header.purpose == "evolution" and cohort.header.generation > 0]


def made_by(cohort: GenomeProposed, operator: str) -> np.ndarray:
    return np.flatnonzero(cohort["applied"] & (1 << APPLIED.index(operator)))


def members_of(descriptor: np.ndarray, feasible: np.ndarray | None = None) -> Members:
    members = np.zeros(len(descriptor), MEMBER)
    members["descriptor"] = descriptor
    members["violation"] = 0.0 if feasible is None else np.where(feasible, 0.0, 1.0)
    return members


@pytest.mark.parametrize("seed", range(3))
def test_order_repeats_and_crashes_change_nothing(seed: int) -> None:
    world = World(exploring(ALL, novelty=0.5))
    world.start()
    world.settle(random.Random(seed), repeats=0.3, crashes=0.2)
    assert [fingerprint(state) for state in world.states.values()] == [
        fingerprint(state) for state in settled().states.values()
    ]


def test_what_an_island_learned_is_part_of_its_state() -> None:
    for state in settled().states.values():
        assert len(state.learned["emitter"]) == 1
        assert len(state.learned["novel"]) > 0
        assert dump(load(dump(state))) == dump(state)


def test_shares_of_the_offspring_come_from_elites_alone() -> None:
    for cohort in proposed(settled()):
        assert valid(cohort.population).all()
        assert len(made_by(cohort, "iso_line")) == len(made_by(cohort, "covariance")) == len(cohort) // 4


def test_a_sample_of_the_emitter_differs_from_its_base_in_real_genes_alone() -> None:
    world = settled()
    headers = {
        (event.payload.header.island, event.payload.header.generation): event.payload.header
        for event in world.published
        if isinstance(event.payload, ParentsSelected)
    }
    compared = 0
    for cohort in proposed(world):
        emission = headers[cohort.header.island, cohort.header.generation - 1].emission
        assert emission is not None
        base = np.frombuffer(bytes.fromhex(emission.genome), GENOME)[0]
        assert len(emission.mean) == len(emission.axes) == len(emission.axes[0])
        only = 1 << APPLIED.index("covariance")
        for child in cohort.population[cohort["applied"] == only]:
            compared += 1
            assert (child["reals"] != base["reals"]).any()
            for name in GENOME.fields or ():
                if name != "reals":
                    assert (child[name] == base[name]).all()
    assert compared > 50


def test_the_emitter_moves() -> None:
    events = [event.payload.header for event in settled().published if isinstance(event.payload, ParentsSelected)]
    means = {tuple(header.emission.mean) for header in events if header.island == 0 and header.emission}
    assert len(means) > 2


def test_by_default_nobody_explores() -> None:
    world = World()
    world.start()
    world.settle()
    for cohort in proposed(world):
        assert len(made_by(cohort, "iso_line")) == len(made_by(cohort, "covariance")) == 0
    for state in world.states.values():
        assert len(state.learned["emitter"]) == len(state.learned["novel"]) == 0


def test_the_archive_of_a_tessellation_has_one_elite_for_each_cell() -> None:
    run = exploring(ALL)
    assert cell_count(run) == 20
    for state in settled().states.values():
        cell = cells_of(state.archive, run)
        assert cell.tolist() == sorted(set(cell.tolist()))


@given(st.lists(st.tuples(st.floats(0, 2000, width=32), st.floats(0, 1, width=32), st.floats(0, 1, width=32))))
@settings(max_examples=40, deadline=None)
def test_behaviour_lies_in_the_unit_cube_and_keeps_its_order(rows: list[tuple[float, float, float]]) -> None:
    members = members_of(np.array(rows, np.float32).reshape(-1, 3))
    found = behaviour(members)
    assert ((found >= 0) & (found <= 1)).all()
    for axis in range(3):
        assert (np.diff(found[np.argsort(members["descriptor"][:, axis], kind="stable"), axis]) >= 0).all()


@pytest.mark.parametrize("novelty_of", ["behaviour", "structure", "performance"])
def test_reserved_places_go_to_feasible_members_without_one(novelty_of: str) -> None:
    run = exploring(novelty=0.5, novelty_of=novelty_of)
    world = settled()
    members = np.concatenate([state.population for state in world.states.values()])
    members["violation"] = np.where(np.arange(len(members)) % 4 == 3, 1.0, 0.0)
    asked: list[int] = []

    def first(size: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        asked.append(size)
        return np.arange(size), nothing()

    kept, learned = with_the_novel(first, members, run, 8)
    assert asked == [4]
    assert len(set(kept.tolist())) == len(kept) == 8
    assert kept.tolist() == sorted(kept.tolist())
    assert (members["violation"][np.setdiff1d(kept, np.arange(4))] == 0).all()
    assert 0 < len(learned["novel"]) <= 4
    assert len(learned["novelty"]) == 1


def test_the_far_are_novel_and_what_was_novel_is_not_again() -> None:
    run = exploring(novelty=0.5, neighbours=1)
    descriptor = np.array([[20, 0.5, 0.5]] * 6 + [[300, 0.99, 0.99], [1, 0.01, 0.01], [18, 0.48, 0.5]], np.float32)

    def first(size: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return np.arange(size), learned

    learned = nothing()
    kept, once = with_the_novel(first, members_of(descriptor), run, 4)
    assert kept.tolist() == [0, 1, 6, 7]
    seen = np.zeros(2, once["novel"].dtype)
    seen["descriptor"] = descriptor[6:8]
    learned = once | {"novel": seen}
    kept, _ = with_the_novel(first, members_of(descriptor), run, 4)
    assert 8 in kept


def test_where_every_feasible_member_has_a_place_nothing_is_reserved() -> None:
    run = exploring(novelty=0.5)
    feasible = np.array([True, True, True, False, False, False])
    members = members_of(np.random.default_rng(1).random((6, 3)), feasible)
    kept, learned = with_the_novel(lambda size: (np.arange(size), nothing()), members, run, 4)
    assert kept.tolist() == [0, 1, 2, 3]
    assert len(learned["novel"]) == 0
