"""A strategy over the windows of a run: equity beside buy-and-hold, and its trades with dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats, cost_table
from common.backtest.phenotype import instrument_of
from common.backtest.replay import Trade, replay
from common.backtest.windows import Cut, Span
from common.events.spec import Costs
from common.genome.tree import conditions_in
from common.market.bars import Bars

WINDOW_NAMES = ("training", "validation", "vault", "paper")


@dataclass(frozen=True, slots=True)
class Curve:
    """One window: ``ts_us`` (n,) bar opens, ``equity`` (n,) and ``hold`` (n,), both 1.0 before its first bar."""

    window: str
    ts_us: npt.NDArray[np.int64]
    equity: npt.NDArray[np.float64]
    hold: npt.NDArray[np.float64]
    trades: list[Trade]


def rates_of(costs: Costs) -> Floats:
    """The cost model as the engine takes it."""
    return cost_table(costs.account, costs.venues())


def arena_for(genome: np.void, bars: Sequence[Bars]) -> Arena:
    """The genome's instrument with just the conditions it needs: ready in milliseconds."""
    return prepare(bars[int(instrument_of(genome, len(bars)))], conditions_in(genome["trees"]))


def curves(genome: np.void, arena: Arena, cut: Cut, costs: Floats, windows: Sequence[str]) -> list[Curve]:
    """Replay the genome over the named windows; folds are chained as in the evaluator, flat at every border."""
    spans = {"training": cut.training, "validation": cut.validation, "vault": cut.vault, "paper": (cut.paper,)}
    return [
        _curve(name, genome, arena, spans[name], costs) for name in windows if spans[name][0][1] > spans[name][0][0]
    ]


def _curve(name: str, genome: np.void, arena: Arena, spans: Sequence[Span], costs: Floats) -> Curve:
    equity: list[npt.NDArray[np.float64]] = []
    trades: list[Trade] = []
    capital = 1.0
    for start, stop in spans:
        part = replay(genome, arena, start, stop, costs)
        equity.append(capital * part.equity)
        capital = float(equity[-1][-1])
        trades += part.trades
    rows = np.concatenate([np.arange(start, stop) for start, stop in spans])
    # Bars between two spans of a walk forward are of another window: what prices did there is nobody's.
    growth = arena.bars.close[rows] / arena.bars.close[np.maximum(rows - 1, 0)]
    return Curve(name, arena.bars.ts_us[rows], np.concatenate(equity), np.cumprod(growth), trades)


def date_text(ts_us: int, bar_us: int) -> str:
    """A bar's day, with the time for bars shorter than a day.

    >>> date_text(0, 3_600_000_000)
    '1970-01-01 00:00'
    """
    when = datetime.fromtimestamp(ts_us / 1e6, UTC)
    return f"{when:%Y-%m-%d}" if bar_us >= 86_400_000_000 else f"{when:%Y-%m-%d %H:%M}"


def trade_row(trade: Trade, bars: Bars) -> dict[str, Any]:
    """One round trip as people read it."""
    return {
        "side": "long" if trade.side > 0 else "short",
        "entered": date_text(int(bars.ts_us[trade.entry_bar]), bars.bar_us),
        "at": trade.entry_price,
        "left": date_text(int(bars.ts_us[trade.exit_bar]), bars.bar_us),
        "at_exit": trade.exit_price,
        "bars": trade.exit_bar - trade.entry_bar,
        "profit": trade.profit,
        "because": "end of window" if trade.reason == "end" else trade.reason,
    }


def example_trades(trades: Sequence[Trade], wanted: int) -> list[Trade]:
    """The best, the worst, and the latest trades, in time order."""
    if len(trades) <= wanted:
        return list(trades)
    ordered = sorted(trades, key=lambda trade: trade.profit)
    chosen = [ordered[-1], ordered[0]][:wanted]
    chosen += [trade for trade in reversed(trades) if trade not in chosen][: max(wanted - 2, 0)]
    return sorted(chosen, key=lambda trade: trade.entry_bar)
