"""The CUDA path: in Numba's simulator it finds what the CPU finds, and NVIDIA's compiler accepts its kernels."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba import cuda

from common.backtest.device import Fleet
from common.backtest.device_memory import SIMULATED
from common.errors import ConfigurationError

PROGRAM = Path(__file__).parent / "on_cuda.py"
needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None or importlib.util.find_spec("nvidia") is None,
    reason="no numba-cuda or no NVIDIA compiler: the dependency group cuda is not installed",
)


def run(program: str, simulator: str) -> dict[str, Any]:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": simulator}
    command = [sys.executable, str(PROGRAM), program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_simulator_finds_what_the_cpu_finds_on_every_instrument_window_and_stage():
    found = run("simulate", "1")
    assert found["trading"] > 50
    assert found["stressed"] > 10
    assert found["batches_at_least"] > found["in_flight_at_most"]  # so memory was used more than once
    assert max(found["apart"].values()) <= 1e-12
    assert found["of_nobody"] == [0, 0, 0, 0]


@needs_compiler
def test_nvidias_compiler_accepts_both_kernels_and_they_call_nothing_outside():
    for kernel in run("translate", "0").values():
        assert kernel["target"] == ".target sm_90"
        assert kernel["entries"] == 1
        assert kernel["external"] == []  # no allocation, no exception
        assert kernel["lines"] > 1000


def test_without_a_device_the_error_says_what_to_do():
    if SIMULATED or cuda.is_available():
        pytest.skip("there is a device")
    with pytest.raises(ConfigurationError, match=r"device: no CUDA device .* gpu12 or gpu13"):
        Fleet([], [], None, 0, False)
