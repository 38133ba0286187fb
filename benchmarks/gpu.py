"""The CUDA devices of this machine beside its CPU: the same figures, and strategy-bars a second, transfers included."""

import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numba import cuda

from benchmarks.bars import YEAR_BARS, bars_in, folds_of, hourly_bars
from benchmarks.clock import interleaved, scaled
from benchmarks.evaluator import FULL_COSTS
from benchmarks.evolution import GENERATIONS, OFFSPRING, generations_of
from common.backtest.arena import Arena, prepare
from common.backtest.device import Fleet
from common.backtest.device_kernels import measure_kernel
from common.backtest.device_memory import POOLED, SIMULATED, device_numbers, on_device
from common.backtest.measure import Measures, measure
from common.errors import ConfigurationError
from common.events.cohorts import EVIDENCE
from common.genome.layout import Population

BATCHES = (1 << 14, 1 << 17, 1 << 20)
"""Strategies that are handed over at once; the generator's own, repeated in their order where there are fewer."""
TOLERANCE = 1e-9
TRADES_MIN = 1
_PACKAGES = ("numba", "numba-cuda", "cupy-cuda12x", "cupy-cuda13x")


def bench_gpu(repeats: int, scale: float) -> dict[str, Any]:
    """Parity and throughput on every device together; what is null could not be had, and ``absent`` says why.

    ``strategy_bars_per_s`` is that of the slower of two populations, the first and the twentieth generation that the
    generator proposes, in its best batch size. Bars are those in folds. In the simulator speed means
    nothing, and there is no such figure.
    """
    try:
        devices = device_numbers()
    except ConfigurationError as error:
        return {"devices": None, "absent": str(error), "strategy_bars_per_s": None}
    arena, folds = prepare(hourly_bars(YEAR_BARS)), folds_of(YEAR_BARS)
    proposed = generations_of(arena, scaled(OFFSPRING, scale, 8), GENERATIONS)
    populations = {"first_generation": proposed[0], "twentieth_generation": proposed[-1]}
    sizes = sorted({scaled(batch, scale, 64) for batch in BATCHES})
    began = time.perf_counter()
    fleet = Fleet([arena], [folds], FULL_COSTS, TRADES_MIN, False, sizes[-1])
    fleet.measure(proposed[0][:1])
    ready_s = time.perf_counter() - began
    parity = [{"work": name, **_parity(arena, fleet, population)} for name, population in populations.items()]
    speed = _speed(arena, fleet, populations, sizes, repeats)
    best = {name: max(row["strategy_bars_per_s"] for row in speed if row["work"] == name) for name in populations}
    return {
        **_commit(),
        "devices": [_device(number) for number in devices],
        "simulated": SIMULATED,
        "memory_pool": "cupy" if POOLED else None,
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "data": arena.bars.name,
        "bars": YEAR_BARS,
        "bars_in_folds": bars_in(folds),
        "cpus": os.cpu_count(),
        "repeats": repeats,
        "scale": scale,
        "rows_in_flight_per_stream": fleet.batch_rows,
        "compile_and_upload_s": ready_s,
        "kernel": _resources(),
        "tolerance": TOLERANCE,
        "parity": parity,
        "speed": speed,
        "strategy_bars_per_s": None if SIMULATED else min(best.values()),
    }


def _parity(arena: Arena, fleet: Fleet, population: Population) -> dict[str, Any]:
    """How far the devices are from the CPU, and in how many genomes by more than ``TOLERANCE``."""
    ours = fleet.measure(population)
    theirs = measure(population, [arena], [folds_of(YEAR_BARS)], FULL_COSTS, TRADES_MIN, False)
    apart = {name: _apart(getattr(ours, name), getattr(theirs, name)) for name in Measures.__slots__}
    worst = np.max(list(apart.values()), axis=0)
    column = EVIDENCE.index("trades")
    other = (ours.evidence[:, :, column] != theirs.evidence[:, :, column]).any(axis=1)
    return {
        "strategies": len(population),
        **{f"difference_in_{name}": float(rows.max()) for name, rows in apart.items()},
        "beyond_tolerance": int((worst > TOLERANCE).sum()),
        "other_trade_counts": int(other.sum()),
    }


def _apart(ours: Any, theirs: Any) -> Any:
    """Largest difference in each row, relative where a figure is above 1."""
    difference = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)
    return difference.reshape(len(difference), -1).max(axis=1)


def _speed(
    arena: Arena, fleet: Fleet, populations: dict[str, Population], sizes: list[int], repeats: int
) -> list[dict[str, Any]]:
    folds, threads = folds_of(YEAR_BARS), os.cpu_count() or 1
    works: dict[tuple[str, str, int], Callable[[], object]] = {}
    for name, population in populations.items():
        for size in sizes:
            works[name, "gpu", size] = partial(fleet.measure, np.resize(population, size))
        one = partial(measure, population, [arena], [folds], FULL_COSTS, TRADES_MIN, False, threads)
        works[name, "cpu", len(population)] = one
    seconds = interleaved(works, repeats, time.perf_counter)
    rows = []
    for name, population in populations.items():
        cpu = len(population) * bars_in(folds) / seconds[name, "cpu", len(population)]
        for size in sizes:
            speed = size * bars_in(folds) / seconds[name, "gpu", size]
            row = {"work": name, "strategies": size, "distinct": min(size, len(population))}
            row |= {"seconds": seconds[name, "gpu", size], "strategy_bars_per_s": speed}
            rows.append(row | {"cpu_strategy_bars_per_s": cpu, "ratio_to_cpu": speed / cpu})
    return rows


def _device(number: int) -> dict[str, Any]:
    device = cuda.gpus[number]
    if SIMULATED:
        return {"name": "simulator", "compute_capability": None, "free_bytes": None, "total_bytes": None}
    with on_device(number):
        free, total = cuda.current_context().get_memory_info()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    return {
        "name": name,
        "compute_capability": list(device.compute_capability),
        "free_bytes": free,
        "total_bytes": total,
    }


def _resources() -> dict[str, Any] | None:
    """Registers and bytes of local memory of one thread of the compiled kernel."""
    if SIMULATED:
        return None
    registers, local = measure_kernel.get_regs_per_thread(), measure_kernel.get_local_mem_per_thread()
    return {"registers": max(registers.values()), "local_bytes": max(local.values())}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> dict[str, Any]:
    """The commit of this checkout and whether files differ from it; null where git has nothing to say."""
    root = Path(__file__).parent
    answers = []
    for command in (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
            answers.append(done.stdout.strip())
        except (OSError, subprocess.CalledProcessError):
            return {"commit": None, "changed": None}
    return {"commit": answers[0], "changed": bool(answers[1])}
