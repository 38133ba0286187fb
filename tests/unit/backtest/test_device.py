"""The CUDA path: in Numba's simulator it finds what the CPU finds, and NVIDIA's compiler accepts its kernels."""

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import cuda

from common.backtest.device import BATCH_ROWS_MAX, BLOCK_THREADS, STREAMS, Fleet, batch_rows, batches
from common.backtest.device_memory import SIMULATED
from common.errors import ConfigurationError
from tools.tidy import ROOT

PROGRAM = "tests.unit.backtest.on_cuda"
needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None or importlib.util.find_spec("nvidia") is None,
    reason="no numba-cuda or no NVIDIA compiler: the dependency group cuda is not installed",
)


def run(program: str, simulator: bool) -> dict[str, Any]:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": str(int(simulator))}
    command = [sys.executable, "-m", PROGRAM, program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_comparison(simulator: bool, tolerance: float) -> None:
    found = run("compare", simulator)
    assert found["trading"] > 50
    assert found["stressed"] > 10
    assert found["portfolios"] > 10
    assert found["batches_at_least"] > found["in_flight_at_most"]  # so memory was used more than once
    assert min(found["extra_bitmaps"]) > found["extra_rows"]
    assert max(found["apart"].values()) <= tolerance
    assert found["of_nobody"] == [0, 0, 0, 0]


def test_the_simulator_finds_what_the_cpu_finds_on_every_instrument_window_and_stage():
    check_comparison(simulator=True, tolerance=1e-12)


def test_a_device_finds_what_the_cpu_finds():
    if not cuda.is_available():
        pytest.skip("no CUDA device here")
    check_comparison(simulator=False, tolerance=1e-9)


def test_the_benchmark_runs_in_the_simulator_and_claims_no_speed_there():
    found = run("bench", simulator=True)
    assert found["simulated"]
    assert found["strategy_bars_per_s"] is None
    assert [row["work"] for row in found["parity"]] == ["first_generation", "twentieth_generation"]
    assert all(row["beyond_tolerance"] == row["other_trade_counts"] == 0 for row in found["parity"])
    assert [row["strategies"] for row in found["speed"]] == sorted(row["strategies"] for row in found["speed"][:3]) * 2
    json.dumps(found, allow_nan=False)


@needs_compiler
def test_nvidias_compiler_accepts_both_kernels_and_they_call_nothing_outside():
    for kernel in run("translate", simulator=False).values():
        assert kernel["target"] == ".target sm_90"
        assert kernel["entries"] == 1
        assert kernel["external"] == []  # no allocation, no exception
        assert kernel["lines"] > 1000


def test_without_a_device_the_error_says_what_to_do():
    if SIMULATED or cuda.is_available():
        pytest.skip("there is a device")
    with pytest.raises(ConfigurationError, match=r"device: no CUDA device .* gpu12 or gpu13"):
        Fleet([], [], None, 0, False)


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(0, 10**11))
def test_batches_are_whole_blocks_that_fit_and_no_larger_than_asked_for(rows, bytes_per_row, free):
    if free * 0.8 < STREAMS * BLOCK_THREADS * bytes_per_row:
        with pytest.raises(ConfigurationError, match="fewer bars"):
            batch_rows(rows, bytes_per_row, free)
        return
    found = batch_rows(rows, bytes_per_row, free)
    assert found % BLOCK_THREADS == 0
    assert 0 < found < rows + BLOCK_THREADS
    assert STREAMS * found * bytes_per_row <= free
    larger = found + BLOCK_THREADS
    assert found >= rows or larger > BATCH_ROWS_MAX or STREAMS * larger * bytes_per_row > 0.8 * free


@given(st.lists(st.integers(0, 64), min_size=1, max_size=60), st.integers(1, 20), st.integers(64, 200), st.data())
def test_batches_keep_the_order_of_rows_and_both_limits(tokens, most, tokens_most, data):
    rows = np.flatnonzero(data.draw(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens))))
    found = batches(rows, np.array(tokens), most, tokens_most, 4)
    np.testing.assert_array_equal(np.concatenate([rows[:0], *found]), rows)
    assert all(0 < len(batch) <= most and sum(tokens[row] for row in batch) <= tokens_most for batch in found)


def test_a_population_is_spread_over_streams_only_where_each_part_is_worth_a_launch():
    rows, tokens = np.arange(20_000), np.zeros(20_000, np.int64)
    assert [len(batch) for batch in batches(rows, tokens, BATCH_ROWS_MAX, 64, 4)] == [5000] * 4
    assert [len(batch) for batch in batches(rows[:5000], tokens, BATCH_ROWS_MAX, 64, 4)] == [5000]
