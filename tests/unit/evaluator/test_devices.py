"""The evaluator on CUDA devices: the answer is the CPU's, and who names one that is not there is told what to do."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numba import cuda

from common.backtest import device_memory
from common.backtest.device import STREAMS, blank_genes, blank_results
from common.errors import ConfigurationError
from evaluator.devices import device_numbers_of, row_bytes_for
from evaluator.resources import read_settings
from tools.tidy import ROOT


def compared(device: str, **settings: str) -> dict[str, Any]:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "GALAPAGOS_EVALUATOR_DEVICE": device, **settings}
    command = [sys.executable, "-m", "tests.unit.evaluator.on_cuda"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("device", "batch", "cache"), [("cuda", "65536", ""), ("cuda:0", "100", "memory://")])
def test_the_answer_to_a_cohort_is_the_same_on_the_cpu_and_on_a_device(device, batch, cache):
    found = compared(device, GALAPAGOS_EVALUATOR_BATCH=batch, GALAPAGOS_EVALUATOR_CACHE=cache)
    assert max(found["apart"].values()) <= 1e-12
    assert found["same_status"]
    assert found["same_sealed_read"]
    assert found["measured"] == 350
    assert found["trading"] > 50
    assert found["portfolios"] > 10
    assert found["batch"] == int(batch)
    assert found["cache_keys"] == 2


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:a", "cuda:0,", "CPU", "", "cuda:0-1", "cuda:-1"])
def test_a_device_that_makes_no_sense_is_named_with_what_may_be_said(monkeypatch, device):
    monkeypatch.setenv("GALAPAGOS_EVALUATOR_DEVICE", device)
    with pytest.raises(ConfigurationError, match=rf"GALAPAGOS_EVALUATOR_DEVICE '{device}': use cpu, cuda for .*:0,1"):
        read_settings()


def test_without_a_device_the_error_names_setting_value_and_remedy(monkeypatch):
    if cuda.is_available():
        pytest.skip("there is a device")
    monkeypatch.setenv("GALAPAGOS_EVALUATOR_DEVICE", "cuda:0,1")
    with pytest.raises(ConfigurationError, match=r"GALAPAGOS_EVALUATOR_DEVICE 'cuda:0,1': .* gpu12 .* set it to cpu$"):
        read_settings()


def test_devices_are_those_named_once_each_in_their_order_and_all_must_be_there(monkeypatch):
    monkeypatch.setattr(device_memory, "device_numbers", lambda: [0, 1, 2])
    named = [device_numbers_of(device) for device in ("cpu", "cuda", "cuda:1", "cuda:2,0,2")]
    assert named == [(), (0, 1, 2), (1,), (2, 0)]
    with pytest.raises(ConfigurationError, match=r"DEVICE 'cuda:1,7': of the devices \[7\] .* \[0, 1, 2\]"):
        device_numbers_of("cuda:1,7")


def test_a_ceiling_counts_the_pinned_memory_of_every_device():
    pinned = STREAMS * sum(array.nbytes for blank in (blank_genes, blank_results) for array in blank(1, np.empty))
    assert row_bytes_for(()) == 0
    assert row_bytes_for((0, 1, 2)) - row_bytes_for((0, 1)) >= pinned
