"""The truth engine: one strategy, one bar after another, in the order in which things happen.

At the open of a bar: what the close before it decided (time exit, signal exit, then an entry if flat). Inside the bar,
from the bar after the entry on: a gap through a level fills at the open, then the stop or trailing stop, then the
target; so when one bar touches both, the stop is taken. At the close: the position is marked, the trail moves.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import CostRates
from common.backtest.phenotype import Integer, Phenotype, distance, position_value
from common.backtest.signals import Logic, Words, bit, next_true
from common.kernel import kernel

Floats = npt.NDArray[np.float64]
NO_EXIT, STOPPED, TARGET, TRAILED, TIMED, SIGNALLED, ENDED, RUINED = range(8)
EXIT_REASONS: tuple[str, ...] = ("", "stop", "target", "trail", "time", "signal", "end", "ruin")
_ONE = np.uint64(1)
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
    "carried",
)
"""``carried``: signed value of the position when its last bar began, at the close before (or at the entry price)."""


class MarketArrays(NamedTuple):
    """One instrument. What belongs to bar i is known at its close. Shapes (T,); bank (conditions, words)."""

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


class Holding(NamedTuple):
    """A position from its entry at the open of ``bar`` on. ``cash`` is equity less the position's value."""

    side: int
    bar: Integer
    price: float
    units: float
    cash: float
    stop: float
    target: float


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
    """Price and reason of the exit inside a bar, reason NO_EXIT when there is none. ``trail``, ``target`` 0: none.

    The open comes before everything else of the bar: beyond a level it is the price. Then the stop, then the target.
    """
    if side > 0:
        level = max(stop, trail)
        if low <= level:
            if target > 0.0 and open_ >= target:
                return open_, TARGET
            return min(open_, level), TRAILED if trail > stop else STOPPED
        if target > 0.0 and high >= target:
            return max(open_, target), TARGET
    else:
        level = min(stop, trail) if trail > 0.0 else stop
        if high >= level:
            if target > 0.0 and open_ <= target:
                return open_, TARGET
            return max(open_, level), TRAILED if level < stop else STOPPED
        if target > 0.0 and low <= target:
            return min(open_, target), TARGET
    return 0.0, NO_EXIT


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
def enter(
    phenotype: Phenotype,
    costs: CostRates,
    side: int,
    bar: Integer,
    price: float,
    atr: float,
    volatility: float,
    cash: float,
    lot: float,
) -> Holding:
    """Buy or sell at ``price``, the open of ``bar``; ``atr`` and ``volatility`` are those of the close before.

    A holding of 0 units when no stop can be set.
    """
    away = stop_distance(phenotype, price, atr)
    if not away > 0.0:
        return Holding(side, bar, price, 0.0, cash, 0.0, 0.0)
    value = position_value(phenotype, cash, away / price, volatility, lot * price)
    units = value / price
    paid = price * (1.0 + side * costs.concession)
    rest = cash - side * units * paid - units * paid * costs.taker_fee
    gain = distance(phenotype.target_kind, phenotype.target_distance, price, atr, away)
    target = max(price + side * gain, 0.0) if gain > 0.0 else 0.0
    return Holding(side, bar, price, units, rest, price - side * away, target)


@kernel
def hold(
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    atr: Floats,
    leave: Words,
    phenotype: Phenotype,
    holding: Holding,
    start: int,
    stop: int,
    equity: Floats,
    worked: Floats,
) -> tuple[Integer, float, int]:
    """Carry a position until something closes it; returns bar, price and reason of the exit.

    Writes equity and the value at work of every bar of the position but the exit's equity. Reason RUINED: at that bar's
    close.
    """
    side, entry, _, units, cash, stop_level, target = holding
    signed = side * units
    trails = phenotype.trail_kind != 0
    trail, best, position = 0.0, holding.price, signed * holding.price
    latest = entry + phenotype.time_exit_bars if phenotype.time_exit_bars > 0 else stop
    # Bars count unsigned from here: an index that cannot be negative needs no check that it is not.
    first = np.uint64(start)
    for t in range(np.uint64(entry), np.uint64(stop)):
        worked[t - first] = position
        if t > np.uint64(entry):
            if bit(leave, t - _ONE):
                return np.int64(t), open_[t], SIGNALLED
            if t >= np.uint64(latest):
                return np.int64(t), open_[t], TIMED
            price, reason = exit_inside(side, open_[t], high[t], low[t], stop_level, trail, target)
            if reason != NO_EXIT:
                return np.int64(t), price, reason
        position = signed * close[t]
        value = cash + position
        equity[t - first] = value
        if value <= 0.0:
            return np.int64(t), close[t], RUINED
        if trails:
            best = max(best, high[t]) if side > 0 else min(best, low[t])
            level = trail_level(phenotype, side, best, atr[t])
            # A trailing stop only ever tightens, also when the ATR widens.
            if trail == 0.0 or side * (level - trail) > 0.0:
                trail = level
    return stop - 1, close[stop - 1], ENDED


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
    worked: Floats,
    trades: Floats,
) -> tuple[float, int, float]:
    """Trade bars ``[start, stop)``, flat at both ends.

    Writes one row of TRADE_FIELDS a trade into ``trades`` (at least stop - start rows); and, at t - start for every bar
    t of a trade, into ``equity`` the equity at its close, and into ``worked`` the signed position value at work during
    it (valued at the close before, or at the entry price). Bars without a position are left as they are. Returns final
    equity, number of trades, and traded value in multiples of equity. Equity never falls below zero: at zero the
    account is ruined and stops.
    """
    open_, high, low, close, atr, volatility, regime, hour, weekday, month, _ = market
    enter_long, enter_short, leave_long, leave_short = logic
    cash = equity_start
    lot = phenotype.fraction * equity_start / open_[start]
    count, turnover = 0, 0.0
    t: Integer = start + 1
    while cash > 0.0:
        t = next_true(enter_long, enter_short, t - 1, stop - 1) + 1
        if t >= stop:
            break
        s = t - 1
        if not allowed(phenotype, regime[s], hour[s], weekday[s], month[s]):
            t += 1
            continue
        side = 1 if bit(enter_long, np.uint64(s)) else -1
        holding = enter(phenotype, costs, side, t, open_[t], atr[s], volatility[s], cash, lot)
        if holding.units == 0.0:
            t += 1
            continue
        leave = leave_long if side > 0 else leave_short
        t, price, reason = hold(open_, high, low, close, atr, leave, phenotype, holding, start, stop, equity, worked)
        before = cash
        cash = max(liquidate(holding, price, reason, costs), 0.0)
        turnover += holding.units * (holding.price + price) / before
        _record(trades[count], holding, t, price, cash / before - 1.0, reason, worked[t - start])
        count += 1
        equity[t - start] = cash
        if reason not in (TIMED, SIGNALLED):  # an exit at the open leaves that open free for the next entry
            t += 1
    return cash, count, turnover


@kernel
def liquidate(holding: Holding, price: float, reason: int, costs: CostRates) -> float:
    """Equity after the position is closed at ``price``: a target is a limit order, everything else a market order."""
    side, units = holding.side, holding.units
    if reason == TARGET:
        return holding.cash + side * units * price - units * price * costs.maker_fee
    received = price * (1.0 - side * costs.concession)
    return holding.cash + side * units * received - units * received * costs.taker_fee


@kernel
def _record(
    row: Floats, holding: Holding, exit_bar: Integer, price: float, profit: float, reason: int, carried: float
) -> None:
    row[0], row[1], row[2], row[3] = holding.side, holding.bar, exit_bar, holding.price
    row[4], row[5], row[6], row[7], row[8] = price, holding.units, profit, reason, carried
