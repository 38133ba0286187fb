"""Entries and exits as orders: at which price they fill, if at all, and what is left of the account after them."""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Venue, concession, largest_value
from common.backtest.market import MarketArrays
from common.backtest.phenotype import LIMIT, MARKET, SINGLE, STOP, TWAP, Integer, Phenotype, distance, regime_weight
from common.backtest.sizing import Account, position_value
from common.kernel import inlined_kernel, lean_kernel

NO_EXIT, STOPPED, TARGET, TRAILED, TIMED, SIGNALLED, ENDED, RUINED = range(8)
EXIT_REASONS: tuple[str, ...] = ("", "stop", "target", "trail", "time", "signal", "end", "ruin")
MISSED, TAKEN, MADE, WORKED = range(4)
"""How an entry fills: not at all, as a taker, as a maker, or worked over its bar in slices."""
STOP_SHARE_MAX = 0.5
"""A stop lies at most half the price away, whatever the ATR says: no position is without one."""


class Quote(NamedTuple):
    """Everything about bar t that an order in it needs: its prices, and what was known at the close before."""

    open: float
    high: float
    low: float
    close: float
    close_before: float
    atr: float
    volatility: float
    move: float
    volume: float
    spread: float
    late: float
    stale: bool
    regime: Integer
    bar_ms: float
    days: float


@lean_kernel
def quote_of(market: MarketArrays, t: Integer) -> Quote:
    """The quote of bar ``t``; ``t`` > 0."""
    s = t - 1
    return Quote(
        market.open[t],
        market.high[t],
        market.low[t],
        market.close[t],
        market.close[s],
        market.atr[s],
        market.volatility[s],
        market.move[s],
        market.volume[s],
        market.spread[s],
        market.late[s],
        market.stale[t] != 0,
        np.int64(market.regime[s]),
        market.bar_ms,
        market.days,
    )


class Holding(NamedTuple):
    """A position from its entry in ``bar`` on. ``cash`` is equity less the position's value, ``base`` equity before."""

    side: float
    bar: Integer
    price: float
    units: float
    cash: float
    base: float
    stop: float
    target: float
    """0: none."""
    trail_share: float
    trail_distance: float
    """The trailing stop is ``best * (1 - side * share) - side * distance``; both 0: none."""
    at_open: bool


@lean_kernel
def bar_mean(quote: Quote, schedule: Integer) -> float:
    """What an order that is worked over a bar gets: the mean of its prices (TWAP), or the typical price (VWAP)."""
    if schedule == TWAP:
        return 0.25 * (quote.open + quote.high + quote.low + quote.close)
    return (quote.high + quote.low + quote.close) / 3.0


@lean_kernel
def entry_fill(quote: Quote, phenotype: Phenotype, venue: Venue, side: float) -> tuple[float, int, bool]:
    """Price, manner, and whether it is the open's, of an entry in a bar on a signal at the close before.

    Limit and stop orders lie ``offset`` from that close and live for this bar. A maker posts market orders at the open,
    where they fill only if the bar trades beyond it, and never takes with a limit that the open has passed. Where the
    open is a copy of the close before, no order that rests is filled.
    """
    open_ = quote.open
    if quote.stale and (phenotype.order_type != MARKET or phenotype.maker):
        return open_, MISSED, True  # where the market opened, and whether the order was there before it, nobody knows
    worst, best = (quote.low, quote.high) if side > 0 else (quote.high, quote.low)
    if phenotype.order_type == LIMIT:
        level = quote.close_before * (1.0 - side * phenotype.offset)
        through = level * (1.0 - side * phenotype.hidden * venue.half_spread * quote.spread)
        if side * (level - open_) >= 0.0:  # marketable at the open
            if not phenotype.maker:
                return open_, TAKEN, True
            return open_, MADE if side * (open_ - worst) > 0.0 else MISSED, True
        return level, MADE if side * (through - worst) >= 0.0 else MISSED, False
    if phenotype.order_type == STOP:
        level = quote.close_before * (1.0 + side * phenotype.offset)
        if side * (open_ - level) >= 0.0:
            return open_, TAKEN, True
        return level, TAKEN if side * (best - level) >= 0.0 else MISSED, False
    if phenotype.schedule != SINGLE:
        return bar_mean(quote, phenotype.schedule), WORKED, False
    if phenotype.maker:
        return open_, MADE if side * (open_ - worst) > 0.0 else MISSED, True
    return open_, TAKEN, True


@lean_kernel
def market_concession(quote: Quote, phenotype: Phenotype, venue: Venue, value: float, slices: float) -> float:
    """Concession of a market order for ``value``, from what was known at the close before its bar."""
    late = venue.latency_ms * quote.late / quote.bar_ms
    return concession(venue, value, quote.spread, quote.move, quote.volume, late, phenotype.hidden, slices)


@inlined_kernel
def enter(
    quote: Quote, phenotype: Phenotype, venue: Venue, account: Account, side: float, t: Integer, lot: float
) -> Holding:
    """Enter in bar ``t``; a holding of 0 units where the order does not fill, is too late, or can have no stop."""
    atr, cash = quote.atr, account.cash
    price, manner, at_open = entry_fill(quote, phenotype, venue, side)
    away = distance(phenotype.stop_kind, phenotype.stop_distance, price, atr, 0.0)
    too_late = 0.0 < phenotype.latency_budget_ms < venue.latency_ms * quote.late
    if manner == MISSED or too_late or not away > 0.0:
        return Holding(side, t, price, 0.0, cash, cash, 0.0, 0.0, 0.0, 0.0, at_open)
    away = min(away, STOP_SHARE_MAX * price)
    weight = regime_weight(phenotype, quote.regime)
    value = position_value(phenotype, account, away / price, quote.volatility, lot * price, weight)
    value = min(value, largest_value(venue, quote.volume))
    units = value / price
    if manner == MADE:
        rest = cash - side * value - value * venue.maker_fee
    else:
        slices = phenotype.slices if manner == WORKED else 1.0
        paid = value * (1.0 + side * market_concession(quote, phenotype, venue, value, slices))
        rest = cash - side * paid - paid * venue.taker_fee
    gain = distance(phenotype.target_kind, phenotype.target_distance, price, atr, away)
    target = max(price + side * gain, 0.0) if gain > 0.0 else 0.0
    share = 0.01 * phenotype.trail_distance if phenotype.trail_kind == 1 else 0.0
    trail = phenotype.trail_distance * atr if phenotype.trail_kind == 2 and atr > 0.0 else 0.0
    return Holding(side, t, price, units, rest, cash, price - side * away, target, share, trail, at_open)


@lean_kernel
def trail_level(holding: Holding, best: float) -> float:
    """Trailing stop, ``best`` being the best price since entry; 0 when there is none. It only ever tightens."""
    if holding.trail_share > 0.0:
        return best * (1.0 - holding.side * holding.trail_share)
    return best - holding.side * holding.trail_distance if holding.trail_distance > 0.0 else 0.0


@lean_kernel
def exit_inside(
    side: float, open_: float, high: float, low: float, stop: float, trail: float, target: float
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


@lean_kernel
def pessimistic(quote: Quote, side: float, price: float, reason: int) -> float:
    """The price of an exit, less kind where the bar's open is a copy of the close before.

    A stop or trail was then perhaps passed by a gap that the bar does not show: it fills at the bar's worst price.
    """
    if quote.stale and (reason in (STOPPED, TRAILED)):
        return quote.low if side > 0 else quote.high
    return price


@lean_kernel
def scheduled_price(quote: Quote, phenotype: Phenotype) -> float:
    """Price of an exit that was decided at the close before the bar."""
    return quote.open if phenotype.schedule == SINGLE else bar_mean(quote, phenotype.schedule)


@lean_kernel
def liquidate(
    quote: Quote, phenotype: Phenotype, venue: Venue, holding: Holding, price: float, reason: int, closes: float
) -> float:
    """Equity after the position is closed: a target is a limit order, everything else a market order.

    ``closes``: sum of the closes that the position was held over, for the funding. Never below zero: the account is
    lost, not more.
    """
    side, units = holding.side, holding.units
    rate = venue.funding_long_day if side > 0 else venue.funding_short_day
    funded = units * closes * rate * quote.days
    value = units * price
    if reason == TARGET:
        return max(holding.cash + side * value - value * venue.maker_fee - funded, 0.0)
    slices = phenotype.slices if reason in (TIMED, SIGNALLED) else 1.0
    received = value * (1.0 - side * market_concession(quote, phenotype, venue, value, slices))
    return max(holding.cash + side * received - received * venue.taker_fee - funded, 0.0)


@lean_kernel
def exit_is_at_open(phenotype: Phenotype, reason: int) -> bool:
    """Does the exit leave the open of its bar free for the next entry?"""
    return phenotype.schedule == SINGLE and (reason in (TIMED, SIGNALLED))


@lean_kernel
def latest_exit(phenotype: Phenotype, entry: Integer, stop: Integer) -> Integer:
    """Bar of the time exit, or ``stop``."""
    if phenotype.time_exit_bars > 0:
        return min(entry + max(phenotype.time_exit_bars, phenotype.hold_min_bars), stop)
    return stop
