"""One genome after another through either engine: what a thread of a CPU or of a GPU does for its rows."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest import engine, skipping
from common.backtest.costs import Floats
from common.backtest.engine import Path, make_path
from common.backtest.index import Index, pass_gates
from common.backtest.market import MarketArrays, Words
from common.backtest.metrics import (
    BARS,
    S1,
    S2,
    SUMS,
    TRADES,
    add_path,
    clear,
    fill_descriptor,
    fill_evidence,
    fill_objectives,
    sharpe,
)
from common.backtest.phenotype import Phenotype, express
from common.backtest.signals import STACK_DEPTH, Logic, settle
from common.kernel import lean_kernel

simulate_bars, simulate_events = engine.simulate, skipping.simulate
_LOGIC = 4


class Genes(NamedTuple):
    """A population as one contiguous array per encoding: (n, alleles), (n, reals), (n, masks), (n, 4, TREE_TOKENS)."""

    alleles: npt.NDArray[np.uint8]
    reals: npt.NDArray[np.float32]
    masks: npt.NDArray[np.uint32]
    trees: npt.NDArray[np.uint16]


class Measured(NamedTuple):
    """Where results go, rows in genome order: shapes as in ``measure.Measures``."""

    objectives: Floats
    violation: Floats
    descriptor: Floats
    evidence: Floats


class Scratch(NamedTuple):
    """Memory of one thread. ``stack`` and ``logic`` bitmaps, ``profits`` of one window's trades, ``path`` of a fold.

    The event-skipping engine leaves ``path`` alone; it may then be empty.
    """

    stack: Words
    logic: Words
    sums: Floats
    sharpes: Floats
    profits: Floats
    path: Path


def make_scratch(market: MarketArrays, spans: npt.NDArray[np.int64], truth: bool) -> Scratch:
    """Memory for folds ``spans`` (folds, 2) of a market; ``truth``: also for the truth engine's path."""
    words = market.bank.shape[1]
    longest = int((spans[:, 1] - spans[:, 0]).max()) if truth else 0
    return Scratch(
        np.empty((STACK_DEPTH, words), np.uint64),
        np.empty((_LOGIC, words), np.uint64),
        np.empty(SUMS),
        np.empty(len(spans)),
        np.empty(int((spans[:, 1] - spans[:, 0]).sum()) + 1),
        make_path(longest),
    )


@lean_kernel
def trade_fold(
    market: MarketArrays,
    index: Index,
    logic: Logic,
    phenotype: Phenotype,
    costs: Floats,
    start: int | np.int64,
    stop: int | np.int64,
    overnight: float,
    intraday: float,
    truth: bool,
    scratch: Scratch,
) -> None:
    """One fold through the engine that ``truth`` names, added to the sums and profits of the scratch."""
    sums = scratch.sums
    if not truth:
        simulate_events(market, index, logic, phenotype, costs, start, stop, overnight, intraday, sums, scratch.profits)
        return
    path, before = scratch.path, np.int64(sums[TRADES])
    final, count, turnover = simulate_bars(market, logic, phenotype, costs, start, stop, overnight, intraday, path)
    for trade in range(count):
        scratch.profits[before + trade] = path.trades[trade, 6]
    add_path(path, stop - start, count, final, turnover, sums)


@lean_kernel
def prepare_genome(
    row: int | np.int64, genes: Genes, market: MarketArrays, index: Index, extra: Words, truth: bool, scratch: Scratch
) -> tuple[Phenotype, Logic]:
    """Phenotype and bitmaps of one genome. The truth engine looks at masks and calendars itself, signal by signal."""
    phenotype = express(genes.alleles[row], genes.reals[row], genes.masks[row])
    bits = scratch.logic
    settle(genes.trees[row], phenotype, market.bank, extra, scratch.stack, bits)
    if not truth:
        pass_gates(index.gates, phenotype, bits, scratch.stack[0])
    return phenotype, Logic(bits[0], bits[2], bits[1], bits[3])


@lean_kernel
def measure_row(
    row: int | np.int64,
    genes: Genes,
    market: MarketArrays,
    index: Index,
    extra: Words,
    costs: Floats,
    spans: npt.NDArray[np.int64],
    window: npt.NDArray[np.int64],
    drifts: Floats,
    bars_per_year: float,
    trades_min: int,
    truth: bool,
    scratch: Scratch,
    found: Measured,
) -> None:
    """Everything of one genome but stress: folds ``spans`` (folds, 2) of windows ``window``, in that order."""
    phenotype, logic = prepare_genome(row, genes, market, index, extra, truth, scratch)
    sums, sharpes = scratch.sums, scratch.sharpes
    annual = math.sqrt(bars_per_year)
    for which in range(drifts.shape[0]):
        clear(sums)
        folds = 0
        for fold in range(len(spans)):
            if window[fold] != which:
                continue
            # A fold's own sums: as the difference of two totals a quiet fold after a wild one would lose its digits.
            n, s1, s2 = sums[BARS], sums[S1], sums[S2]
            sums[S1], sums[S2] = 0.0, 0.0
            trade_fold(
                market,
                index,
                logic,
                phenotype,
                costs,
                spans[fold, 0],
                spans[fold, 1],
                drifts[which, 0],
                drifts[which, 1],
                truth,
                scratch,
            )
            sharpes[folds] = sharpe(sums[BARS] - n, sums[S1], sums[S2], annual)
            sums[S1], sums[S2] = sums[S1] + s1, sums[S2] + s2
            folds += 1
        if folds == 0:
            continue
        fill_evidence(sums, found.evidence[row, which])
        if which == 0:
            fill_objectives(sums, sharpes, folds, scratch.profits, bars_per_year, found.objectives[row])
            fill_descriptor(sums, found.descriptor[row])
            found.violation[row] = max(0.0, 1.0 - sums[TRADES] / trades_min)


@lean_kernel
def measure_rows(
    rows: npt.NDArray[np.int64],
    genes: Genes,
    market: MarketArrays,
    index: Index,
    extra: Words,
    costs: Floats,
    spans: npt.NDArray[np.int64],
    window: npt.NDArray[np.int64],
    drifts: Floats,
    bars_per_year: float,
    trades_min: int,
    truth: bool,
    scratch: Scratch,
    found: Measured,
) -> None:
    """``measure_row`` for each of ``rows``."""
    for row in rows:
        measure_row(
            row,
            genes,
            market,
            index,
            extra,
            costs,
            spans,
            window,
            drifts,
            bars_per_year,
            trades_min,
            truth,
            scratch,
            found,
        )
