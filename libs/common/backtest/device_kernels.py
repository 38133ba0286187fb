"""What a thread of a CUDA device does, the same row functions as on the CPU, and what it is given for that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import cuda

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.device_memory import empty, upload
from common.backtest.index import Index
from common.backtest.market import MarketArrays, Words
from common.backtest.measure import WINDOWS, Course, Plan
from common.backtest.rows import Genes, Measured, Scratch, make_scratch, measure_row
from common.backtest.stress_rows import stress_row
from common.backtest.windows import Cut
from common.kernel import kernel


class Ground(NamedTuple):
    """A market with the folds to be traded on it, as a device holds it."""

    market: MarketArrays
    lookup: Index
    extra: Words
    costs: Floats
    spans: npt.NDArray[np.int64]
    window: npt.NDArray[np.int64]
    drifts: Floats
    bars_per_year: float


def _grid(function: Callable[..., None]) -> Any:
    """Compile for a grid of threads: ``function[blocks, threads, stream](...)``. What it calls is compiled for both."""
    return cuda.jit(cache=True)(function)


@kernel
def _own(scratch: Scratch, thread: int) -> Scratch:
    return Scratch(
        scratch.stack[thread],
        scratch.logic[thread],
        scratch.sums[thread],
        scratch.sharpes[thread],
        scratch.profits[thread],
        scratch.path,
    )


@_grid
def measure_kernel(
    count: int, genes: Genes, ground: Ground, trades_min: int, scratch: Scratch, found: Measured
) -> None:
    """``rows.measure_row`` of the first ``count`` genomes, each in scratch memory of its own."""
    row = cuda.grid(1)
    if row < count:
        measure_row(
            row,
            genes,
            ground.market,
            ground.lookup,
            ground.extra,
            ground.costs,
            ground.spans,
            ground.window,
            ground.drifts,
            ground.bars_per_year,
            trades_min,
            False,
            _own(scratch, row),
            found,
        )


@_grid
def stress_kernel(count: int, genes: Genes, stage: Ground, scratch: Scratch, found: Measured) -> None:
    """``rows.stress_row`` of the first ``count`` genomes."""
    row = cuda.grid(1)
    if row < count:
        stress_row(
            row,
            genes,
            stage.market,
            stage.lookup,
            stage.extra,
            stage.costs,
            stage.spans,
            False,
            _own(scratch, row),
            found,
        )


@dataclass(frozen=True, slots=True)
class Site:
    """A ``Ground`` with the shapes of one thread's scratch memory; ``ground`` on the host or on a device."""

    ground: Ground
    scratch: Scratch

    @classmethod
    def of(cls, course: Course, costs: Floats) -> "Site":
        """Without extra bitmaps; asks the CPU's own scratch memory for its shapes."""
        market, spans = course.market, course.spans
        extra = np.zeros((0, market.bank.shape[1]), np.uint64)
        ground = Ground(market, course.index, extra, costs, spans, course.window, course.drifts, course.bars_per_year)
        return cls(ground, make_scratch(market, spans, False))

    def uploaded(self, extra_rows: int) -> "Site":
        """The same on the current device, with room for extra bitmaps; the shapes stay here."""
        ground = upload(self.ground)._replace(extra=empty((extra_rows, self.ground.extra.shape[1]), np.uint64))
        return Site(ground, self.scratch._replace(path=upload(self.scratch.path)))

    @property
    def words(self) -> int:
        """Words of scratch memory of one thread."""
        return self.scratch.stack.size + self.scratch.logic.size

    @property
    def numbers(self) -> int:
        """Floats of scratch memory of one thread."""
        return self.scratch.sums.size + self.scratch.sharpes.size + self.scratch.profits.size


def sites_of(arena: Arena, cut: Cut, costs: Floats, with_vault: bool) -> list[Site]:
    """Where the genomes of one instrument are measured: on its history and, where the arena has one, on its stage."""
    course, stage = Course.of(arena, Plan.of(cut, with_vault)), arena.stress
    courses = [course]
    if stage is not None:
        window, drifts = np.zeros(len(stage.spans), np.int64), np.zeros((WINDOWS, 2))
        courses.append(Course(stage.market, stage.index, stage.spans, window, drifts, course.bars_per_year))
    return [Site.of(each, costs) for each in courses]
