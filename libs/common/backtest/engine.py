"""The truth engine: one strategy, one bar after another, in the order in which things happen.

At the open of a bar: what the close before it decided (signal exit, time exit, then an entry if flat). Inside the bar,
from the bar after the entry on: a gap through a level fills at the open, then the stop or trailing stop, then the
target; so when one bar touches both, the stop is taken. At the close: the position is marked, the trail moves.
"""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats, venue_of
from common.backtest.drift import drift_of_entry, drift_of_exit
from common.backtest.market import MarketArrays, Words
from common.backtest.orders import (
    ENDED,
    NO_EXIT,
    RUINED,
    SIGNALLED,
    TIMED,
    Holding,
    enter,
    exit_inside,
    exit_is_at_open,
    latest_exit,
    liquidate,
    pessimistic,
    quote_of,
    scheduled_price,
    trail_level,
)
from common.backtest.phenotype import Integer, Phenotype
from common.backtest.signals import Logic, bit, next_true
from common.backtest.sizing import book, open_account
from common.kernel import lean_kernel

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


class Path(NamedTuple):
    """What one fold did, bar by bar, shapes (bars of the fold,), and one row of TRADE_FIELDS a trade.

    ``returns``: change of equity over the equity before the position was taken; ``excess``: the same less what the
    market's drift alone gave; ``exposure``: signed value at work over that same equity, at the close before or at the
    entry. Flat bars hold the last equity and zeros.
    """

    equity: Floats
    returns: Floats
    excess: Floats
    exposure: Floats
    trades: Floats


def make_path(bars: int) -> Path:
    """Memory for a fold of so many bars, not filled."""
    flat = (np.empty(bars), np.empty(bars), np.empty(bars), np.empty(bars))
    return Path(*flat, np.empty((bars, len(TRADE_FIELDS))))


@lean_kernel
def allowed(phenotype: Phenotype, market: MarketArrays, s: Integer) -> bool:
    """Do masks and calendars let a position be entered on a signal of bar ``s``?"""
    inside = (
        (phenotype.regimes >> market.regime[s])
        & (phenotype.hours >> market.hour[s])
        & (phenotype.weekdays >> market.weekday[s])
        & (phenotype.months >> market.month[s])
        & 1
    )
    blacked = phenotype.blackout > 0 and (market.blackout[s] >> (phenotype.blackout - 1)) & 1 != 0
    return inside != 0 and not blacked


@lean_kernel
def hold(
    market: MarketArrays,
    leave: Words,
    phenotype: Phenotype,
    holding: Holding,
    start: Integer,
    stop: Integer,
    path: Path,
) -> tuple[Integer, float, int, float]:
    """Carry a position until something closes it; returns bar, price and reason of the exit, and the sum of its closes.

    Writes the path's equity and exposure of every bar of the position but the exit's equity. Reason RUINED: at that
    bar's close.
    """
    side, entry, units = holding.side, holding.bar, holding.units
    signed = side * units
    trail, best, position, closes = 0.0, holding.price, signed * holding.price, 0.0
    latest, mature = latest_exit(phenotype, entry, stop), entry + max(phenotype.hold_min_bars, 1)
    for t in range(entry, stop):
        path.exposure[t - start] += position / holding.base
        if t > entry:
            if t >= mature:
                if phenotype.leaves and bit(leave, np.uint64(t - 1)):
                    return t, scheduled_price(quote_of(market, t), phenotype), SIGNALLED, closes
                if t >= latest:
                    return t, scheduled_price(quote_of(market, t), phenotype), TIMED, closes
            target = holding.target if t >= mature else 0.0
            price, reason = exit_inside(
                side, market.open[t], market.high[t], market.low[t], holding.stop, trail, target
            )
            if reason != NO_EXIT:
                return t, price, reason, closes
        position = signed * market.close[t]
        value = holding.cash + position
        path.equity[t - start] = value
        if value <= 0.0:
            return t, market.close[t], RUINED, closes
        if t == stop - 1:
            break
        closes += market.close[t]
        best = max(best, market.high[t]) if side > 0 else min(best, market.low[t])
        trail = trail_level(holding, best)
    return stop - 1, market.close[stop - 1], ENDED, closes


@lean_kernel
def mark(
    market: MarketArrays,
    phenotype: Phenotype,
    holding: Holding,
    exit_bar: Integer,
    reason: int,
    cash: float,
    overnight: float,
    intraday: float,
    start: Integer,
    path: Path,
) -> None:
    """Write the returns and the drift-free excess of the bars of a closed trade into the path."""
    base, last = holding.base, holding.base
    carried = holding.side * holding.units * holding.price
    for t in range(holding.bar, exit_bar + 1):
        value = cash if t == exit_bar else path.equity[t - start]
        if t == exit_bar:
            before = market.close[t - 1] if t > holding.bar else holding.price
            drift = drift_of_exit(phenotype, holding, t, before, reason, overnight, intraday)
        elif t == holding.bar:
            drift = drift_of_entry(holding, intraday)
        else:
            drift = carried * (overnight + intraday)
        # The bar on which one trade ends and the next begins belongs to both.
        path.returns[t - start] += (value - last) / base
        path.excess[t - start] += (value - last - drift) / base
        last = value
        carried = holding.side * holding.units * market.close[t]


@lean_kernel
def simulate(
    market: MarketArrays,
    logic: Logic,
    phenotype: Phenotype,
    costs: Floats,
    start: Integer,
    stop: Integer,
    overnight: float,
    intraday: float,
    path: Path,
) -> tuple[float, Integer, float]:
    """Trade bars ``[start, stop)``, flat at both ends, from an equity of 1.

    Fills ``path`` (at least stop - start long, overwritten). ``overnight`` and ``intraday``: the drift that ``excess``
    is free of. Returns final equity, number of trades, and traded value in multiples of equity. Equity never falls
    below zero: at zero the account is ruined and stops.
    """
    for i in range(stop - start):
        path.equity[i], path.returns[i], path.excess[i], path.exposure[i] = 1.0, 0.0, 0.0, 0.0
    venue, account = venue_of(costs, phenotype.venue), open_account()
    lot = phenotype.budget * phenotype.fraction / market.open[start]
    count, turnover = np.int64(0), 0.0
    t: Integer = np.int64(start + 1)  # the first bar has no signal before it in this fold
    flat_from: Integer = np.int64(start)
    while account.cash > 0.0:
        t = next_true(logic.enter_long, logic.enter_short, t - 1, stop - 1) + 1
        if t >= stop:
            break
        s = t - 1
        if not allowed(phenotype, market, s):
            t += 1
            continue
        is_long = bit(logic.enter_long, np.uint64(s))
        holding = enter(quote_of(market, t), phenotype, venue, account, 1 if is_long else -1, t, lot)
        if not holding.units > 0.0:
            t += 1
            continue
        for i in range(flat_from, t):
            path.equity[i - start] = account.cash
        leave = logic.leave_long if is_long else logic.leave_short
        end, price, reason, closes = hold(market, leave, phenotype, holding, start, stop, path)
        quote = quote_of(market, end)
        price = pessimistic(quote, holding.side, price, reason)
        cash = liquidate(quote, phenotype, venue, holding, price, reason, closes)
        mark(market, phenotype, holding, end, reason, cash, overnight, intraday, start, path)
        turnover += holding.units * (holding.price + price) / holding.base
        _record(path.trades[count], holding, end, price, cash / holding.base - 1.0, reason)
        count += 1
        account = book(account, cash, holding.units * holding.price)
        path.equity[end - start] = cash
        flat_from = end + 1
        t = end if exit_is_at_open(phenotype, reason) else end + 1
    for i in range(flat_from, stop):
        path.equity[i - start] = account.cash
    return account.cash, count, turnover


@lean_kernel
def _record(row: Floats, holding: Holding, exit_bar: Integer, price: float, profit: float, reason: int) -> None:
    row[0], row[1], row[2], row[3] = holding.side, holding.bar, exit_bar, holding.price
    row[4], row[5], row[6], row[7] = price, holding.units, profit, reason
