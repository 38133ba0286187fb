"""Populations measured on instruments and windows: objectives, behaviour and evidence, in genome order."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.costs import CostRates
from common.backtest.engine import TRADE_FIELDS, Floats, MarketArrays, simulate
from common.backtest.metrics import (
    SUMS,
    conditional_value_at_risk,
    consistency,
    mean_deviation,
    moment_sums,
    recovery_factor,
    shape,
)
from common.backtest.phenotype import Phenotype, express, instrument_of
from common.backtest.signals import STACK_DEPTH, Logic, decide
from common.backtest.windows import Cut
from common.genome.layout import Population
from common.kernel import kernel

TRAINING, VALIDATION, VAULT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Measures:
    """What ``measure`` found, rows in genome order; all finite.

    ``objectives`` (n, 6) in the order of ``events.spec.OBJECTIVES``, all to be maximised; ``violation`` (n,): share of
    the required training trades that are missing; ``descriptor`` (n, 3); ``evidence`` (n, 3 windows, 9 figures).
    """

    objectives: Floats
    violation: Floats
    descriptor: npt.NDArray[np.float32]
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


def measure(
    population: Population,
    arenas: Sequence[Arena],
    cuts: Sequence[Cut],
    costs: CostRates,
    trades_min: int,
    with_vault: bool,
    threads: int = 1,
) -> Measures:
    """Measure every genome on its instrument, the rows shared by ``threads``, which do not hold the interpreter's lock.

    The vault is read only where ``with_vault`` says so. A row does not depend on its neighbours, nor on ``threads``.
    """
    size = len(population)
    found = Measures(np.zeros((size, 6)), np.zeros(size), np.zeros((size, 3), np.float32), np.zeros((size, 3, 9)))
    genes = tuple(np.ascontiguousarray(population[block]) for block in ("alleles", "reals", "masks", "trees"))
    instrument = instrument_of(population, len(arenas))
    shares = []
    for index, (arena, cut) in enumerate(zip(arenas, cuts, strict=True)):
        plan = Plan.of(cut, with_vault)
        for rows in np.array_split(np.flatnonzero(instrument == index), threads):
            shares.append((rows, arena, plan))

    def work(share: tuple[npt.NDArray[np.int64], Arena, Plan]) -> None:
        rows, arena, plan = share
        alleles, reals, masks, trees = genes
        _measure_rows(
            rows,
            alleles,
            reals,
            masks,
            trees,
            arena.arrays,
            costs,
            plan.spans,
            plan.window,
            arena.bars_per_year,
            trades_min,
            found.objectives,
            found.violation,
            found.descriptor,
            found.evidence,
        )

    if threads == 1:
        for share in shares:
            work(share)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, shares))
    return found


@kernel
def _drift(
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


@kernel
def _measure_rows(
    rows: npt.NDArray[np.int64],
    alleles: npt.NDArray[np.uint8],
    reals: npt.NDArray[np.float32],
    masks: npt.NDArray[np.uint32],
    trees: npt.NDArray[np.uint16],
    market: MarketArrays,
    costs: CostRates,
    spans: npt.NDArray[np.int64],
    window: npt.NDArray[np.int64],
    bars_per_year: float,
    trades_min: int,
    objectives: Floats,
    violation: Floats,
    descriptor: npt.NDArray[np.float32],
    evidence: Floats,
) -> None:
    words = market.bank.shape[1]
    stack, bitmaps = np.empty((STACK_DEPTH, words), np.uint64), np.empty((4, words), np.uint64)
    longest = (spans[:, 1] - spans[:, 0]).max()
    equity, worked, losses = np.empty(longest), np.empty(longest), np.empty(len(market.close) + 1)
    trades = np.empty((longest, len(TRADE_FIELDS)))
    drifts = np.array([_drift(market, spans, window, which) for which in range(3)])
    for row in rows:
        phenotype = express(alleles[row], reals[row], masks[row])
        logic = decide(trees[row], phenotype.direction, market.bank, stack, bitmaps)
        for which in range(3):
            if (window == which).any():
                _measure_window(
                    market,
                    logic,
                    phenotype,
                    costs,
                    spans[window == which],
                    drifts[which],
                    bars_per_year,
                    equity,
                    worked,
                    trades,
                    losses,
                    evidence[row, which],
                    objectives[row] if which == TRAINING else np.empty(6),
                    descriptor[row] if which == TRAINING else np.empty(3, np.float32),
                )
        violation[row] = max(0.0, 1.0 - evidence[row, TRAINING, 1] / trades_min)


@kernel
def _measure_window(
    market: MarketArrays,
    logic: Logic,
    phenotype: Phenotype,
    costs: CostRates,
    spans: npt.NDArray[np.int64],
    drift: Floats,
    bars_per_year: float,
    equity: Floats,
    worked: Floats,
    trades: Floats,
    losses: Floats,
    evidence: Floats,
    objectives: Floats,
    descriptor: npt.NDArray[np.float32],
) -> None:
    """Fill one row of evidence (9,), of objectives (6,) and of the descriptor (3,) from the folds ``spans`` (n, 2)."""
    sums, before, sharpes = np.zeros(SUMS), np.zeros(SUMS), np.zeros(len(spans))
    sums[9] = 1.0
    capital, total, turnover = 1.0, 0, 0.0
    annual = np.sqrt(bars_per_year)
    for fold in range(len(spans)):
        start, stop = spans[fold]
        final, count, traded = simulate(market, logic, phenotype, costs, start, stop, capital, equity, worked, trades)
        before[:] = sums
        moment_sums(equity, worked, trades[:count], start, stop - start, capital, drift[0], drift[1], sums, losses)
        mean, deviation = mean_deviation(sums[0] - before[0], sums[1] - before[1], sums[2] - before[2])
        sharpes[fold] = mean / deviation * annual if deviation > 0.0 else 0.0
        capital = final
        total += count
        turnover += traded
    n, active, drawdown = sums[0], sums[7], sums[10]
    mean, deviation = mean_deviation(n, sums[1], sums[2])
    skewness, kurtosis = shape(n, sums[1], sums[2], sums[3], sums[4])
    excess, spread = mean_deviation(n, sums[5], sums[6])
    evidence[0], evidence[1], evidence[2] = n, total, capital - 1.0
    evidence[3], evidence[4], evidence[5], evidence[6] = mean, deviation, skewness, kurtosis
    evidence[7] = drawdown
    evidence[8] = excess / spread * np.sqrt(n) if spread > 0.0 else 0.0
    objectives[0] = mean / deviation * annual if deviation > 0.0 else 0.0
    objectives[1] = -drawdown
    objectives[2] = recovery_factor(capital - 1.0, drawdown)
    objectives[3] = consistency(sharpes)
    objectives[4] = conditional_value_at_risk(losses[: int(sums[8])], int(n))
    objectives[5] = -turnover / (n / bars_per_year)
    descriptor[0] = active / total if total > 0 else 0.0
    descriptor[1] = active / n
    descriptor[2] = sums[11] / active if active > 0 else 0.0
