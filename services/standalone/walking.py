"""The walk-forward table: what a strategy did where it was bred, and then where it was not, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.walk_forward import walked
from common.backtest.windows import Cut
from common.market.bars import Bars
from standalone.curves import date_text

Row = dict[str, Any]
HEADER = ("trained on", "tested on", "trades", "return", "Sharpe, yearly", "worst drawdown", "kept")
NOTE = (
    "Of each pair, the first is training and the second the test. Breeding sees the training only; the test comes "
    "after it, with a gap, and before the vault. Kept: Sharpe ratio of the test over that of training, 0 for a loss in "
    "either."
)


def step_rows(genome: np.void, arena: Arena, cut: Cut, costs: Floats) -> list[Row]:
    """The steps of ``cut`` as JSON values, in time order; spans as the dates of their first and last bars."""
    return [
        {
            "trained_on": _dates(arena.bars, found.step.train[0][0], found.step.train[-1][1]),
            "tested_on": _dates(arena.bars, *found.step.test),
            "training_blocks": len(found.step.train),
            "training": found.train._asdict(),
            "test": found.test._asdict(),
            "efficiency": found.efficiency,
        }
        for found in walked(genome, arena, cut, costs)
    ]


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row as people read it, in the order of ``HEADER``."""
    train, test = row["training"], row["test"]
    return (
        " to ".join(row["trained_on"]),
        " to ".join(row["tested_on"]),
        f"{train['trades']} / {test['trades']}",
        f"{train['total_return']:+.1%} / {test['total_return']:+.1%}",
        f"{train['sharpe_annual']:.2f} / {test['sharpe_annual']:.2f}",
        f"{train['drawdown_max']:.1%} / {test['drawdown_max']:.1%}",
        f"{row['efficiency']:.2f}",
    )


def _dates(bars: Bars, start: int, stop: int) -> Sequence[str]:
    return [date_text(int(bars.ts_us[bar]), bars.bar_us) for bar in (start, stop - 1)]
