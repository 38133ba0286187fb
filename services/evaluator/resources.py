"""What an evaluator may use: threads, memory and batch size, from settings."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.measure import Measures
from common.backtest.rows import make_scratch
from common.backtest.shares import extra_bytes
from common.errors import ConfigurationError
from common.genome.layout import GENOME_BYTES, Population
from common.market.engineered import MEMORY_BYTES
from common.run.open import open_cache
from common.settings import complaint
from evaluator.content import bytes_in
from evaluator.devices import CPU, Devices, device_numbers_of, row_bytes_for
from evaluator.fitness_cache import FitnessCache

PREFIX = "GALAPAGOS_EVALUATOR_"
BATCH_MAX = 65536
ROW_BYTES = 4 * GENOME_BYTES
"""What a genome takes while its batch is measured: itself, its columns unpacked, its figures; a test measures it."""
_MIB = 1 << 20


class EvaluatorSettings(BaseSettings):
    """Read from the environment: ``GALAPAGOS_EVALUATOR_THREADS`` and so on. What is not given is worked out."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    threads: int | None = Field(default=None, ge=1, le=64)
    """Threads that share one cohort."""
    memory_mib: int | None = Field(default=None, ge=1, le=1 << 24)
    """Ceiling for prepared instruments, scratch memory and batches; the cache has a limit of its own."""
    batch: int | None = Field(default=None, ge=1, le=BATCH_MAX)
    """Genomes measured at once."""
    device: str = CPU
    """What measures: ``cpu``, ``cuda`` for every CUDA device in turn, or ``cuda:0,1`` for these."""
    cache: str = f"memory://?bytes_max={64 * _MIB}"
    """Adapter of the fitness cache; empty: none."""


def read_settings() -> EvaluatorSettings:
    """The settings of this process. Raises ConfigurationError that names the variable, also for devices not there."""
    try:
        settings = EvaluatorSettings()
    except ValidationError as error:
        raise ConfigurationError("; ".join(complaint(_where(each), each) for each in error.errors())) from error
    device_numbers_of(settings.device)
    return settings


def _where(error: ErrorDetails) -> str:
    return PREFIX + "_".join(map(str, error["loc"])).upper()


@dataclass(frozen=True, slots=True)
class Resources:
    """What one evaluator works with."""

    threads: int = 1
    batch: int = BATCH_MAX
    cache: FitnessCache | None = None
    devices: Devices | None = None


PLAIN = Resources()
"""One thread, whole cohorts, no cache."""


def prepared_bytes(arenas: Sequence[Arena]) -> int:
    """Bytes of prepared instruments and their scenarios, once their banks of engineered features are full."""
    banks = sum(1 if arena.stress is None else 2 for arena in arenas)
    return bytes_in(list(arenas)) + banks * MEMORY_BYTES


def scratch_bytes(arenas: Sequence[Arena]) -> int:
    """Bytes that one thread needs at most: for trees and trades, and for bitmaps of engineered features."""
    extra = max(map(extra_bytes, arenas), default=0)
    markets = [arena.arrays for arena in arenas] + [arena.stress.market for arena in arenas if arena.stress]
    scratch = [bytes_in(make_scratch(market, np.array([[0, len(market.close)]]), False)) for market in markets]
    return max(scratch, default=0) + extra


def batch_of(settings: EvaluatorSettings, arenas: Sequence[Arena], threads: int, steps: int) -> int:
    """Genomes a batch such that ``steps`` cohorts measured side by side, by ``threads`` each, stay below the ceiling.

    Raises ConfigurationError, naming what is needed, when there is no room for the batch that is set, or for any.
    """
    memory_mib = settings.memory_mib
    if memory_mib is None:
        return settings.batch or BATCH_MAX
    prepared, scratch = prepared_bytes(arenas), scratch_bytes(arenas)
    row_bytes = ROW_BYTES + row_bytes_for(device_numbers_of(settings.device))
    fixed = prepared + steps * threads * scratch
    rows = (memory_mib * _MIB - fixed) // (steps * row_bytes)
    if rows < 1:
        needed = -(-(fixed + steps * row_bytes) // _MIB)
        raise ConfigurationError(
            f"{PREFIX}MEMORY_MIB {memory_mib}: the prepared instruments take {prepared / _MIB:.1f} MiB, and "
            f"{steps * threads} threads {scratch / _MIB:.1f} MiB each; use at least {needed}, or give "
            "fewer bars or instruments"
        )
    if settings.batch is not None and settings.batch > rows:
        raise ConfigurationError(
            f"{PREFIX}BATCH {settings.batch}: {PREFIX}MEMORY_MIB {memory_mib} leaves room for {rows}; use that at most"
        )
    return settings.batch or min(rows, BATCH_MAX)


def in_batches(population: Population, batch: int, work: Callable[[Population], Measures]) -> Measures:
    """``work`` on so many genomes at a time; rows do not depend on their neighbours."""
    if len(population) <= batch:
        return work(population)
    arrays: dict[str, Floats] = {}
    for first in range(0, len(population), batch):
        part = work(population[first : first + batch])
        for field in fields(Measures):
            rows = getattr(part, field.name)
            whole = arrays.setdefault(field.name, np.empty((len(population), *rows.shape[1:])))
            whole[first : first + batch] = rows
    return Measures(**arrays)


def resources_of(settings: EvaluatorSettings, arenas: Sequence[Arena], workers: int, islands: int) -> Resources:
    """What each evaluator of a run may use.

    An island has one cohort at a time: where islands are fewer than workers, threads share it. Raises
    ConfigurationError, naming the setting, when there is no room, no such device or no such cache.
    """
    threads = settings.threads or max(1, workers // islands)
    steps = min(workers, islands)
    batch, numbers = batch_of(settings, arenas, threads, steps), device_numbers_of(settings.device)
    devices = Devices(numbers, arenas, batch, threads * steps) if numbers else None
    if not settings.cache:
        return Resources(threads, batch, None, devices)
    engine = devices.engine if devices else CPU
    cache = FitnessCache(open_cache(settings.cache), arenas, time.perf_counter, engine=engine)
    return Resources(threads, batch, cache, devices)
