"""One genome after another through the stress scenarios, as ``rows.py`` takes them through their folds."""

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.backtest.index import Index
from common.backtest.market import MarketArrays, Words
from common.backtest.metrics import CAPITAL, STRESS_OBJECTIVE, clear
from common.backtest.rows import Genes, Measured, Scratch, prepare_genome, trade_fold
from common.kernel import lean_kernel


@lean_kernel
def stress_row(
    row: int | np.int64,
    genes: Genes,
    market: MarketArrays,
    index: Index,
    extra: Words,
    costs: Floats,
    spans: npt.NDArray[np.int64],
    truth: bool,
    scratch: Scratch,
    found: Measured,
) -> None:
    """The stress objective of one genome: its return in the scenario ``spans[k]`` that hurts it most."""
    phenotype, logic = prepare_genome(row, genes, market, index, extra, truth, scratch)
    worst = np.inf
    for scenario in range(len(spans)):
        clear(scratch.sums)
        trade_fold(
            market,
            index,
            logic,
            phenotype,
            costs,
            spans[scenario, 0],
            spans[scenario, 1],
            0.0,
            0.0,
            truth,
            scratch,
        )
        worst = min(worst, scratch.sums[CAPITAL] - 1.0)
    found.objectives[row, STRESS_OBJECTIVE] = worst


@lean_kernel
def stress_rows(
    rows: npt.NDArray[np.int64],
    genes: Genes,
    market: MarketArrays,
    index: Index,
    extra: Words,
    costs: Floats,
    spans: npt.NDArray[np.int64],
    truth: bool,
    scratch: Scratch,
    found: Measured,
) -> None:
    """``stress_row`` for each of ``rows``."""
    for row in rows:
        stress_row(row, genes, market, index, extra, costs, spans, truth, scratch, found)
