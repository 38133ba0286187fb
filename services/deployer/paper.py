"""Paper positions: what the deployed strategies would have done and earned on the bars received so far.

The backtest's engine replays the whole stretch whenever bars arrive, so paper trading cannot drift from the backtest:
there is no second implementation of orders and fills, and no position to keep in a state. Preparing only the conditions
that the strategies look at keeps this at milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.backtest.arena import prepare
from common.backtest.costs import Floats
from common.backtest.replay import Replay, replay
from common.genome.tree import conditions_in
from common.market.bars import Bars


@dataclass(frozen=True, slots=True)
class Account:
    """``equity`` 1.0 before the first paper bar; ``trades`` counts a running one; ``drawdown_max`` 0.1 = 10 %.

    A running position is marked at the last close after the costs of leaving it there: ``equity`` is what could be had.
    ``position`` is its signed value at that close as a multiple of that equity, 0 when flat.
    """

    bars: int
    trades: int
    position: float
    equity: float
    drawdown_max: float


def follow(genomes: Sequence[np.void], bars: Bars, start: int, costs: Floats, bars_per_year: float) -> list[Replay]:
    """Trade every genome over ``bars[start:]``, flat before; signals may look at all of ``bars`` up to their own.

    ``bars_per_year`` is the run's, not that of the bars so far: trades that are closed stay as they are when bars come.
    """
    wanted = conditions_in(np.array([genome["trees"] for genome in genomes]))
    arena = prepare(bars, wanted, bars_per_year=bars_per_year)
    return [replay(genome, arena, start, len(bars), costs) for genome in genomes]


def account(course: Replay) -> Account:
    """Where a replay has led to, at its last bar."""
    equity = float(course.equity[-1])
    path = np.concatenate(([1.0], course.equity))
    drawdowns = 1.0 - path / np.maximum.accumulate(path)
    position = 0.0
    # The engine closes what runs at the last bar with the reason "end"; everything else has really been closed.
    if course.trades and course.trades[-1].reason == "end" and equity > 0:
        last = course.trades[-1]
        position = last.side * last.units * last.exit_price / equity
    return Account(len(course.equity), len(course.trades), position, equity, float(drawdowns.max()))
