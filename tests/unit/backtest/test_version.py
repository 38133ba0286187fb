"""The engine's version tells machines apart whose figures may differ in their last bits."""

import os
import subprocess
import sys

import numpy as np

from common.backtest.version import ENGINE_VERSION


def version_of(**environment: str) -> str:
    """What a process of its own says, here or as if on another processor."""
    code = "from common.backtest.version import ENGINE_VERSION; print(ENGINE_VERSION)"
    command, whole = [sys.executable, "-c", code], os.environ | environment
    return subprocess.run(command, env=whole, check=True, capture_output=True, text=True).stdout.strip()


def test_the_same_machine_gives_the_same_version_in_every_process() -> None:
    assert version_of() == ENGINE_VERSION


def test_a_processor_without_fused_multiplication_gives_another() -> None:
    assert version_of(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") != ENGINE_VERSION


def test_a_numpy_with_other_vectors_gives_another() -> None:
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    assert found, "this test is for processors with more than the least that NumPy is built for"
    assert version_of(NPY_DISABLE_CPU_FEATURES=" ".join(found)) != ENGINE_VERSION
