"""Threads, memory and batches come from settings, say what is wrong with them, and change no answer."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest import shares
from common.backtest.arena import Arena, prepare
from common.backtest.stage import with_stage
from common.backtest.windows import cut
from common.errors import ConfigurationError
from common.events.codec import encode
from common.events.spec import RunSpec, Windows
from common.market.engineered import LEAVES_MAX, TOKEN_BYTES
from common.market.synthetic import noise
from evaluator.content import bytes_in
from evaluator.resources import (
    BATCH_MAX,
    ROW_BYTES,
    EvaluatorSettings,
    Resources,
    batch_of,
    prepared_bytes,
    read_settings,
    scratch_bytes,
)
from evaluator.service import evaluate, service
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.evaluator.cohorts import proposed, run_on
from tests.unit.evaluator.slots_full import slots_full

MIB = 1 << 20
POPULATION = random_population(120, Settings(instruments=2), 21, 0, 0)


@pytest.fixture(scope="module")
def arenas() -> list[Arena]:
    return [prepare(noise(seed, 1500)) for seed in (1, 2)]


@pytest.fixture(scope="module")
def run(arenas) -> RunSpec:
    return run_on(arenas)


def test_settings_come_from_the_environment(monkeypatch):
    given = {"THREADS": "3", "MEMORY_MIB": "512", "BATCH": "1000", "CACHE": "", "DEVICE": "cpu"}
    for name, value in given.items():
        monkeypatch.setenv(f"GALAPAGOS_EVALUATOR_{name}", value)
    assert read_settings() == EvaluatorSettings(threads=3, memory_mib=512, batch=1000, cache="", device="cpu")


@pytest.mark.parametrize(
    ("name", "value"), [("THREADS", "0"), ("THREADS", "many"), ("MEMORY_MIB", "-5"), ("BATCH", "0"), ("BATCH", "1e9")]
)
def test_a_setting_that_makes_no_sense_is_named_with_its_value(monkeypatch, name, value):
    monkeypatch.setenv(f"GALAPAGOS_EVALUATOR_{name}", value)
    with pytest.raises(ConfigurationError, match=rf"GALAPAGOS_EVALUATOR_{name} '{value}': input should be "):
        read_settings()


def test_without_a_ceiling_whole_cohorts_are_measured_at_once(arenas):
    assert batch_of(EvaluatorSettings(), arenas, 2, 2) == BATCH_MAX
    assert batch_of(EvaluatorSettings(batch=77), arenas, 2, 2) == 77


def test_a_ceiling_leaves_to_batches_what_instruments_and_threads_do_not_take(arenas):
    fixed = prepared_bytes(arenas) + 6 * scratch_bytes(arenas)
    assert prepared_bytes(arenas) > bytes_in(arenas) > 0
    ceiling = -(-fixed // MIB) + 1
    rows = batch_of(EvaluatorSettings(memory_mib=ceiling), arenas, threads=3, steps=2)
    assert fixed + 2 * rows * ROW_BYTES <= ceiling * MIB < fixed + 2 * (rows + 1) * ROW_BYTES
    assert batch_of(EvaluatorSettings(memory_mib=ceiling, batch=rows), arenas, 3, 2) == rows


def test_a_ceiling_below_what_is_needed_says_what_is_needed(arenas):
    with pytest.raises(ConfigurationError, match=r"GALAPAGOS_EVALUATOR_MEMORY_MIB 1: .* use at least (\d+)") as caught:
        batch_of(EvaluatorSettings(memory_mib=1), arenas, 2, 2)
    needed = int(str(caught.value).split("at least ")[1].split(",")[0])
    assert batch_of(EvaluatorSettings(memory_mib=needed), arenas, 2, 2) >= 1
    with pytest.raises(ConfigurationError):
        batch_of(EvaluatorSettings(memory_mib=needed - 1), arenas, 2, 2)


def test_a_batch_beyond_the_ceiling_says_how_many_fit(arenas):
    fixed = prepared_bytes(arenas) + scratch_bytes(arenas)
    with pytest.raises(ConfigurationError, match=r"GALAPAGOS_EVALUATOR_BATCH 60000: .* room for \d+"):
        batch_of(EvaluatorSettings(memory_mib=-(-fixed // MIB) + 1, batch=60000), arenas, 1, 1)


@given(st.integers(1, 130), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_neither_threads_nor_batches_change_an_answer(run, arenas, batch, threads):
    event = proposed(run, POPULATION)
    _, [whole] = service(arenas).step(None, [event])
    _, [parts] = service(arenas, Resources(threads, batch)).step(None, [event])
    assert encode(parts, "evaluator") == encode(whole, "evaluator")


def test_a_genome_of_a_batch_takes_no_more_memory_than_the_ceiling_counts_with(run, arenas):
    def peak(batch: int) -> int:
        tracemalloc.start()
        evaluate(event, arenas, Resources(1, batch))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    event = proposed(run, np.tile(POPULATION, 32))
    rows = len(event.payload)
    peak(rows)
    assert 0 < peak(rows) - peak(64) <= rows * ROW_BYTES


def peak_of(work: Callable[[], object]) -> tuple[object, int]:
    tracemalloc.start()
    found = work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found, most


@pytest.mark.parametrize("budget", [None, 1])
def test_bitmaps_of_engineered_features_stay_below_the_ceiling_and_shares_change_no_answer(monkeypatch, budget):
    """A budget of 1: every genome is a share of its own, and what one genome asks for is counted."""
    arenas = [with_stage(prepare(bars), cut(len(bars), **Windows().model_dump())) for bars in [noise(5, 3000)]]
    event = proposed(run_on(arenas), slots_full(1500, 5))
    threads, rows = 2, len(event.payload)
    monkeypatch.setattr(shares, "EXTRA_BYTES", budget or 4 * MIB)
    shared = evaluate(event, arenas, Resources(threads))  # the banks are full now, and everything is compiled
    again, chunked = peak_of(lambda: evaluate(event, arenas, Resources(threads)))
    room = threads * scratch_bytes(arenas) + rows * ROW_BYTES
    monkeypatch.setattr(shares, "EXTRA_BYTES", 1 << 40)
    whole, unchunked = peak_of(lambda: evaluate(event, arenas, Resources(threads)))
    assert chunked <= room < unchunked
    for name in whole.data:
        np.testing.assert_array_equal(shared[name], whole[name])
        np.testing.assert_array_equal(again[name], whole[name])


def test_what_an_empty_bank_takes_to_fill_is_counted_too():
    arena = prepare(noise(5, 20_000))
    population = slots_full(40, 6)
    _, most = peak_of(lambda: arena.engineered.rows(population))
    rows = 40 * LEAVES_MAX * (arena.engineered.row_bytes + TOKEN_BYTES)
    assert most <= arena.engineered.held_bytes + rows + arena.engineered.work_bytes
