"""Populations measured on instruments and windows: objectives, behaviour and evidence, in genome order."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
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
from common.backtest.portfolio import is_portfolio
from common.backtest.portfolio_measure import Venture, measure_portfolio
from common.backtest.rows import Genes, Measured, make_scratch, measure_rows
from common.backtest.shares import shares_on, tokens_of
from common.backtest.stress_rows import stress_rows
from common.backtest.windows import Cut
from common.genome.layout import Population
from common.kernel import kernel
from common.market.allocation import Allocation

TRAINING, VALIDATION, VAULT, WINDOWS = range(4)
Engine = Literal["skipping", "truth"]
Rows = npt.NDArray[np.intp]


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


@dataclass(frozen=True, slots=True)
class Task:
    """What every share of a population's rows is measured with."""

    population: Population
    genes: Genes
    found: Measured
    costs: Floats
    trades_min: int
    truth: bool

    def on_one(self, rows: Rows, arena: Arena, course: Course) -> None:
        """Measure rows that trade this instrument alone."""
        chosen = self.population[rows]
        extra, self.genes.trees[rows] = arena.engineered.rows(chosen)
        measure_rows(
            rows,
            self.genes,
            course.market,
            course.index,
            extra,
            self.costs,
            course.spans,
            course.window,
            course.drifts,
            course.bars_per_year,
            self.trades_min,
            self.truth,
            make_scratch(course.market, course.spans, self.truth),
            self.found,
        )
        if arena.stress is not None:
            stage, extra = arena.stress, arena.stress.extra(chosen)
            scratch = make_scratch(stage.market, stage.spans, self.truth)
            stress_rows(
                rows,
                self.genes,
                stage.market,
                stage.index,
                extra,
                self.costs,
                stage.spans,
                self.truth,
                scratch,
                self.found,
            )

    def on_many(self, rows: Rows, venture: Venture) -> None:
        """Measure portfolios of this master: bar by bar, whichever engine measures the others."""
        for row in rows:
            measure_portfolio(int(row), self.population[row], venture, self.costs, self.trades_min, self.found)


def measure(
    population: Population,
    arenas: Sequence[Arena],
    cuts: Sequence[Cut],
    costs: Floats,
    trades_min: int,
    with_vault: bool,
    threads: int = 1,
    engine: Engine = "skipping",
    allocation: Allocation | None = None,
) -> Measures:
    """Measure every genome on its instruments; ``threads``, which do not hold the interpreter's lock, share the rows.

    ``costs``: a ``costs.cost_table``. The vault is read only where ``with_vault`` says so. A row does not depend on its
    neighbours, nor on ``threads``; the two engines agree to rounding. ``allocation`` of the arenas' bars, kept by who
    measures often; portfolios need it.
    """
    size, count = len(population), len(arenas)
    shapes = ((size, OBJECTIVE_COUNT), (size,), (size, DESCRIPTOR_COUNT), (size, WINDOWS, EVIDENCE_COUNT))
    found = Measured(*(np.zeros(shape) for shape in shapes))
    genes = Genes(*(np.array(population[block], order="C") for block in Genes._fields))
    task = Task(population, genes, found, costs, trades_min, engine == "truth")
    instrument, many = instrument_of(population, count), is_portfolio(population, count)
    tokens = tokens_of(population)
    jobs: list[Callable[[], None]] = []
    for place, (arena, cut) in enumerate(zip(arenas, cuts, strict=True)):
        plan = Plan.of(cut, with_vault)
        single, portfolios = (np.flatnonzero((instrument == place) & (many == kind)) for kind in (False, True))
        if len(single):
            course = Course.of(arena, plan)
            jobs += [partial(task.on_one, rows, arena, course) for rows in shares_on(arena, single, tokens, threads)]
        if len(portfolios):
            allocation = allocation or Allocation([each.bars for each in arenas])
            venture = venture_of(place, plan, arenas, allocation)
            jobs += [partial(task.on_many, rows, venture) for rows in np.array_split(portfolios, threads)]
    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            job()
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda job: job(), jobs))
    return Measures(*found)


def venture_of(master: int, plan: Plan, arenas: Sequence[Arena], allocation: Allocation) -> Venture:
    """The folds of one master on the clocks of all instruments."""
    plans = [Plan(allocation.spans(master, leg, plan.spans), plan.window) for leg in range(len(arenas))]
    grounds = [Course.of(arena, each) for arena, each in zip(arenas, plans, strict=True)]
    return Venture(master, plan.spans, plan.window, allocation, arenas, grounds)
