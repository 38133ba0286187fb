"""The truth engine: one strategy, one bar after another, in the order in which things happen.

At the open of a bar: what the close before it decided (time exit, signal exit, then an entry if flat). Inside the bar,
from the bar after the entry on: a gap through a level fills at the open, then the stop or trailing stop, then the
target; so when one bar touches both, the stop is taken. At the close: the position is marked, the trail moves.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import CostRates
from common.backtest.phenotype import LONG, SHORT, Phenotype, distance, position_value
from common.backtest.signals import Words, bit
from common.kernel import kernel

Floats = npt.NDArray[np.float64]
STOPPED, TARGET, TRAILED, TIMED, SIGNALLED, ENDED = 1, 2, 3, 4, 5, 6
EXIT_REASONS: tuple[str, ...] = ("", "stop", "target", "trail", "time", "signal", "end")
STOP_SHARE_MAX = 0.5
"""A stop lies at most half the price away, whatever the ATR says: no position is without one."""
TRADE_FIELDS: tuple[str, ...] = (
    "side",
    "entry_bar",
    "exit_bar",
    "entry_price",
    "exit_price",
    "units",
    "profit",
    "reason",
)


class MarketArrays(NamedTuple):
    """One instrument, bar by bar; what belongs to bar i is known at its close. Shapes (T,), bank (conditions, words)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    atr: Floats
    volatility: Floats
    """Annualised."""
    regime: npt.NDArray[np.uint8]
    hour: npt.NDArray[np.uint8]
    weekday: npt.NDArray[np.uint8]
    month: npt.NDArray[np.uint8]
    bank: Words


class Logic(NamedTuple):
    """Entry and exit bitmaps of both sides, shape (words,); an exit on a bar cancels that side's entry on it."""

    long_entry: Words
    long_exit: Words
    short_entry: Words
    short_exit: Words


@kernel
def allowed(phenotype: Phenotype, regime: int, hour: int, weekday: int, month: int) -> bool:
    """Do the masks let a position be entered on a signal of a bar with these labels?"""
    return (
        (phenotype.regimes >> regime)
        & (phenotype.hours >> hour)
        & (phenotype.weekdays >> weekday)
        & (phenotype.months >> month)
        & 1
    ) != 0


@kernel
def exit_inside(
    side: int, open_: float, high: float, low: float, stop: float, trail: float, target: float
) -> tuple[float, int]:
    """Price and reason of the exit inside a bar, reason 0 when there is none. ``trail`` and ``target`` 0: none."""
    if side > 0:
        level = max(stop, trail)
        if low <= level:
            return min(open_, level), TRAILED if trail > stop else STOPPED
        if target > 0.0 and high >= target:
            return max(open_, target), TARGET
    else:
        level = min(stop, trail) if trail > 0.0 else stop
        if high >= level:
            return max(open_, level), TRAILED if level < stop else STOPPED
        if target > 0.0 and low <= target:
            return min(open_, target), TARGET
    return 0.0, 0


@kernel
def stop_distance(phenotype: Phenotype, price: float, atr: float) -> float:
    """Distance of the stop for an entry at ``price``; 0 when it cannot be known, and then there is no entry."""
    stop = distance(phenotype.stop_kind, phenotype.stop_distance, price, atr, 0.0)
    if stop > 0.0:
        return min(stop, STOP_SHARE_MAX * price)
    return 0.0


@kernel
def trail_level(phenotype: Phenotype, side: int, best: float, atr: float) -> float:
    """Trailing stop, ``best`` being the best price since entry; 0 when there is none."""
    away = distance(phenotype.trail_kind, phenotype.trail_distance, best, atr, 0.0)
    return best - side * away if away > 0.0 else 0.0


@kernel
def simulate(
    market: MarketArrays,
    logic: Logic,
    phenotype: Phenotype,
    costs: CostRates,
    start: int,
    stop: int,
    equity_start: float,
    equity: Floats,
    exposure: Floats,
    trades: Floats,
) -> tuple[float, int, float]:
    """Trade bars ``[start, stop)``, flat at both ends.

    Writes ``equity[t - start]`` at each close and ``exposure[t - start]``, the signed position value at work during bar t
    (valued at the close before, or at the entry price) over the equity before it; shapes (stop - start,). Writes up to
    ``len(trades)`` rows of TRADE_FIELDS. Returns final equity, number of trades, and traded value in multiples of equity.
    Equity never falls below zero: at zero the account is ruined and stops.
    """
    open_, high, low, close, atr = market.open, market.high, market.low, market.close, market.atr
    long_entry, long_exit, short_entry, short_exit = logic
    cash = equity_start  # equity while flat; while in a position, equity less the position's value
    last = equity_start  # equity at the previous close
    side, units, entry_bar, entry_price, entry_equity = 0, 0.0, 0, 0.0, 0.0
    stop_level, target_level, trail, best = 0.0, 0.0, 0.0, 0.0
    unit_lot = phenotype.fraction * equity_start / open_[start]
    trades_long, trades_short = phenotype.direction != SHORT, phenotype.direction != LONG
    count, turnover = 0, 0.0
    for t in range(start, stop):
        at_work = 0.0
        price, reason = 0.0, 0
        if side != 0:
            at_work = side * units * close[t - 1] / last
            if bit(long_exit, t - 1) if side > 0 else bit(short_exit, t - 1):
                price, reason = open_[t], SIGNALLED
            elif 0 < phenotype.time_exit_bars <= t - entry_bar:
                price, reason = open_[t], TIMED
            else:
                price, reason = exit_inside(
                    side, open_[t], high[t], low[t], stop_level, trail, target_level
                )
            if reason != 0:
                cash = _close(cash, side, units, price, reason, costs)
                turnover += units * price / last
                if count < len(trades):
                    _record(trades[count], side, entry_bar, t, entry_price, price, units, cash, entry_equity, reason)
                count += 1
                side = 0
        # A scheduled exit leaves the open free for a new entry; an exit inside the bar came after it.
        if side == 0 and t > start and cash > 0.0 and (reason == 0 or reason >= TIMED):
            s = t - 1
            long = trades_long and bit(long_entry, s) and not bit(long_exit, s)
            short = trades_short and bit(short_entry, s) and not bit(short_exit, s)
            away = 0.0
            if long != short and allowed(
                phenotype, market.regime[s], market.hour[s], market.weekday[s], market.month[s]
            ):
                entry_price = open_[t]
                away = stop_distance(phenotype, entry_price, atr[s])
            if away > 0.0:
                side, entry_bar, entry_equity = 1 if long else -1, t, cash
                value = position_value(
                    phenotype, cash, away / entry_price, market.volatility[t - 1], unit_lot * entry_price
                )
                units = value / entry_price
                at_work = side * value / last
                turnover += value / last
                paid = entry_price * (1.0 + side * costs.concession)
                cash -= side * units * paid + units * paid * costs.taker_fee
                stop_level = entry_price - side * away
                gain = distance(phenotype.target_kind, phenotype.target_distance, entry_price, atr[t - 1], away)
                target_level = max(entry_price + side * gain, 0.0) if gain > 0.0 else 0.0
                best, trail = entry_price, 0.0
        if side != 0:
            if t == stop - 1:
                cash = _close(cash, side, units, close[t], ENDED, costs)
                turnover += units * close[t] / last
                if count < len(trades):
                    _record(
                        trades[count], side, entry_bar, t, entry_price, close[t], units, cash, entry_equity, ENDED
                    )
                count += 1
                side = 0
            elif phenotype.trail_kind != 0:
                best = max(best, high[t]) if side > 0 else min(best, low[t])
                level = trail_level(phenotype, side, best, atr[t])
                # A trailing stop only ever tightens, also when the ATR widens.
                if trail == 0.0 or side * (level - trail) > 0.0:
                    trail = level
        value = cash + side * units * close[t]
        if value <= 0.0:
            side, cash, value = 0, 0.0, 0.0
        equity[t - start] = value
        exposure[t - start] = at_work
        last = value
        if value == 0.0:
            equity[t - start : stop - start] = 0.0
            exposure[t + 1 - start : stop - start] = 0.0
            break
    return last, count, turnover


@kernel
def _close(cash: float, side: int, units: float, price: float, reason: int, costs: CostRates) -> float:
    """Equity after a position is closed: a target is a limit order, everything else a market order."""
    if reason == TARGET:
        return cash + side * units * price - units * price * costs.maker_fee
    received = price * (1.0 - side * costs.concession)
    return cash + side * units * received - units * received * costs.taker_fee


@kernel
def _record(
    row: Floats,
    side: int,
    entry_bar: int,
    exit_bar: int,
    entry_price: float,
    exit_price: float,
    units: float,
    equity: float,
    entry_equity: float,
    reason: int,
) -> None:
    row[0] = side
    row[1] = entry_bar
    row[2] = exit_bar
    row[3] = entry_price
    row[4] = exit_price
    row[5] = units
    row[6] = equity / entry_equity - 1.0
    row[7] = reason
