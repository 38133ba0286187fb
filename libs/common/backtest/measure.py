"""Populations measured on instruments and windows: objectives, behaviour and evidence, in genome order."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.index import Index
from common.backtest.market import MarketArrays
from common.backtest.metrics import (
    DESCRIPTOR_COUNT,
    EVIDENCE_COUNT,
    OBJECTIVE_COUNT,
)
from common.backtest.phenotype import instrument_of
from common.backtest.rows import Genes, Measured, make_scratch, measure_rows, stress_rows
from common.backtest.windows import Cut
from common.genome.layout import Population
from common.kernel import kernel
from common.market.engineered import GENOMES_MAX

TRAINING, VALIDATION, VAULT, WINDOWS = range(4)
Engine = Literal["skipping", "truth"]


@dataclass(frozen=True, slots=True)
class Measures:
    """What ``measure`` found, rows in genome order; all finite.

    ``objectives`` (n, 7) in the order of ``events.spec.OBJECTIVES``, all to be maximised; ``violation`` (n,): share of
    the required training trades that are missing; ``descriptor`` (n, 3); ``evidence`` (n, 3 windows, 9 figures).
    """

    objectives: Floats
    violation: Floats
    descriptor: Floats
    evidence: Floats


@dataclass(frozen=True, slots=True)
class Plan:
    """The folds of one instrument: ``spans`` (folds, 2), and the window of each, ``window`` (folds,)."""

    spans: npt.NDArray[np.int64]
    window: npt.NDArray[np.int64]

    @classmethod
    def of(cls, cut: Cut, with_vault: bool) -> "Plan":
        """Training and validation folds, and the vault only where it may be read."""
        parts = [cut.training, cut.validation, cut.vault if with_vault else ()]
        spans = [span for part in parts for span in part]
        window = [index for index, part in enumerate(parts) for _ in part]
        return cls(np.array(spans, np.int64).reshape(-1, 2), np.array(window, np.int64))


@kernel
def drift(
    market: MarketArrays, spans: npt.NDArray[np.int64], window: npt.NDArray[np.int64], wanted: int
) -> tuple[float, float]:
    """Mean return of the instrument in a window, from close to open and from open to close; their sum is exact."""
    whole, overnight, bars = 0.0, 0.0, 0
    for fold in range(len(spans)):
        if window[fold] == wanted:
            for t in range(max(spans[fold, 0], 1), spans[fold, 1]):
                whole += market.close[t] / market.close[t - 1] - 1.0
                overnight += market.open[t] / market.close[t - 1] - 1.0
            bars += spans[fold, 1] - spans[fold, 0]
    return (overnight / bars, (whole - overnight) / bars) if bars else (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Course:
    """One market with the folds to be traded on it, as the kernels take them."""

    market: MarketArrays
    index: Index
    spans: npt.NDArray[np.int64]
    window: npt.NDArray[np.int64]
    drifts: Floats
    bars_per_year: float

    @classmethod
    def of(cls, arena: Arena, plan: Plan) -> "Course":
        """The folds, and the drift of each window."""
        market = arena.arrays
        drifts = np.array([drift(market, plan.spans, plan.window, which) for which in range(WINDOWS)])
        return cls(market, arena.index, plan.spans, plan.window, drifts, arena.bars_per_year)


def measure(
    population: Population,
    arenas: Sequence[Arena],
    cuts: Sequence[Cut],
    costs: Floats,
    trades_min: int,
    with_vault: bool,
    threads: int = 1,
    engine: Engine = "skipping",
) -> Measures:
    """Measure every genome on its instrument, the rows shared by ``threads``, which do not hold the interpreter's lock.

    ``costs``: a ``costs.cost_table``. The vault is read only where ``with_vault`` says so. A row does not depend on its
    neighbours, nor on ``threads``; the two engines agree to rounding.
    """
    size = len(population)
    found = Measured(
        np.zeros((size, OBJECTIVE_COUNT)),
        np.zeros(size),
        np.zeros((size, DESCRIPTOR_COUNT)),
        np.zeros((size, WINDOWS, EVIDENCE_COUNT)),
    )
    genes = Genes(*(np.array(population[block], order="C") for block in Genes._fields))
    instrument = instrument_of(population, len(arenas))
    truth = engine == "truth"
    jobs = []
    for place, (arena, cut) in enumerate(zip(arenas, cuts, strict=True)):
        mine = np.flatnonzero(instrument == place)
        if len(mine):
            course = Course.of(arena, Plan.of(cut, with_vault))
            parts = max(threads, -(-len(mine) // GENOMES_MAX))
            jobs += [(rows, arena, course) for rows in np.array_split(mine, parts) if len(rows)]

    def work(job: tuple[npt.NDArray[np.int64], Arena, Course]) -> None:
        rows, arena, course = job
        extra, genes.trees[rows] = arena.engineered.rows(population[rows])
        scratch = make_scratch(course.market, course.spans, truth)
        measure_rows(
            rows,
            genes,
            course.market,
            course.index,
            extra,
            costs,
            course.spans,
            course.window,
            course.drifts,
            course.bars_per_year,
            trades_min,
            truth,
            scratch,
            found,
        )
        if arena.stress is not None:
            stage = arena.stress
            scratch = make_scratch(stage.market, stage.spans, truth)
            extra = stage.extra(population[rows])
            stress_rows(rows, genes, stage.market, stage.index, extra, costs, stage.spans, truth, scratch, found)

    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            work(job)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, jobs))
    return Measures(found.objectives, found.violation, found.descriptor, found.evidence)
