"""The event-skipping engine: from signal to signal and from extreme to extreme, so that cost grows with trades.

Agrees with the truth engine (``engine.py``), which it shares what happens at one order with (``orders.py``). It differs
in how it finds the next event, by bitmaps and block extremes, and in how it sums returns, by prefix sums.
"""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats, venue_of
from common.backtest.index import (
    CLOSE_HIGH,
    CLOSE_LOW,
    CLOSE_SUM,
    CUBES,
    EXCESS_SQUARES,
    FOURTHS,
    HIGH,
    LARGE,
    LOW,
    SMALL,
    SQUARES,
    Index,
    range_sum,
)
from common.backtest.market import MarketArrays, Words
from common.backtest.metrics import (
    BARS,
    CAPITAL,
    D1,
    D2,
    DRAWDOWN,
    HELD,
    HELD_LONG,
    OVERLAP,
    PEAK,
    S1,
    S2,
    S3,
    S4,
    TRADES,
    TURNOVER,
)
from common.backtest.orders import (
    ENDED,
    NO_EXIT,
    RUINED,
    SIGNALLED,
    TIMED,
    Holding,
    drift_of_entry,
    drift_of_exit,
    enter,
    exit_inside,
    exit_is_at_open,
    latest_exit,
    liquidate,
    scheduled_price,
    trail_level,
)
from common.backtest.phenotype import Integer, Phenotype
from common.backtest.signals import Logic, bit, next_true
from common.backtest.sizing import book, open_account
from common.kernel import kernel


class Course(NamedTuple):
    """Where a position ended, and the fold's peak and drawdown of equity on the way."""

    bar: Integer
    price: float
    reason: int
    peak: float
    drawdown: float


@kernel
def _exit_scheduled(leave: Words, phenotype: Phenotype, entry: Integer, stop: Integer) -> tuple[Integer, int]:
    """Bar and reason of the exit that is decided at a close; ``stop`` when there is none."""
    latest, mature = latest_exit(phenotype, entry, stop), entry + max(phenotype.hold_min_bars, 1)
    if phenotype.leaves:
        edge = min(latest, stop - 1)
        if mature <= edge:
            signalled = next_true(leave, leave, mature - 1, edge)
            if signalled < edge:
                return signalled + 1, SIGNALLED
    return latest, TIMED


@kernel
def _quiet(block: Floats, holding: Holding, best: float, ruin: float) -> bool:
    """Can no bar of this block stop, trail, take the target of, or ruin the position?"""
    side = holding.side
    worst, good = (block[LOW], block[HIGH]) if side > 0 else (block[HIGH], block[LOW])
    level = side * holding.stop
    if holding.trail_share > 0.0 or holding.trail_distance > 0.0:
        top = best if side * (best - good) > 0.0 else good
        level = max(level, side * trail_level(holding, top))
    level = max(level, ruin)
    return side * worst > level and (holding.target == 0.0 or side * good < side * holding.target)


@kernel
def _hold(
    market: MarketArrays,
    index: Index,
    leave: Words,
    phenotype: Phenotype,
    holding: Holding,
    stop: Integer,
    peak: float,
    drawdown: float,
) -> Course:
    """Carry a position until something closes it."""
    side, entry, cash = holding.side, holding.bar, holding.cash
    signed = side * holding.units
    scheduled, why = _exit_scheduled(leave, phenotype, entry, stop)
    mature = entry + max(phenotype.hold_min_bars, 1)
    floor = 1.0 - drawdown
    # At or beyond this side of it, in signed prices, the position has eaten its cash; with a margin for rounding.
    ruin = -cash / holding.units
    ruin += 1e-9 * abs(ruin)
    edge = min(scheduled, stop - 1)
    trail, best, t = 0.0, holding.price, entry
    while t < scheduled:
        if t > entry:
            if t & (SMALL - 1) == 0 and t + SMALL <= edge:
                size, block = np.int64(SMALL), index.small[t // SMALL]
                if t & (LARGE - 1) == 0 and t + LARGE <= edge:
                    size, block = np.int64(LARGE), index.large[t // LARGE]
                quiet = _quiet(block, holding, best, ruin)
                if not quiet and size == LARGE:
                    size, block = np.int64(SMALL), index.small[t // SMALL]
                    quiet = _quiet(block, holding, best, ruin)
                if quiet:
                    best = max(best, block[HIGH]) if side > 0 else min(best, block[LOW])
                    trail = trail_level(holding, best)
                    one, other = cash + signed * block[CLOSE_LOW], cash + signed * block[CLOSE_HIGH]
                    top = max(peak, one, other)
                    if min(one, other) < top * floor:
                        for inner in range(t, t + size):
                            value = cash + signed * market.close[inner]
                            peak = max(peak, value)
                            if value < peak * floor:
                                drawdown = 1.0 - value / peak
                                floor = 1.0 - drawdown
                    peak = top
                    t += size
                    continue
            target = holding.target if t >= mature else 0.0
            price, reason = exit_inside(
                side, market.open[t], market.high[t], market.low[t], holding.stop, trail, target
            )
            if reason != NO_EXIT:
                return Course(t, price, reason, peak, drawdown)
        value = cash + signed * market.close[t]
        if value <= 0.0:
            return Course(t, market.close[t], RUINED, peak, drawdown)
        if t == stop - 1:
            return Course(t, market.close[t], ENDED, peak, drawdown)
        peak = max(peak, value)
        if value < peak * floor:
            drawdown = 1.0 - value / peak
            floor = 1.0 - drawdown
        best = max(best, market.high[t]) if side > 0 else min(best, market.low[t])
        trail = trail_level(holding, best)
        t += 1
    return Course(scheduled, scheduled_price(market, phenotype, scheduled), why, peak, drawdown)


@kernel
def _add_bar(r: float, d: float, sums: Floats) -> None:
    rr = r * r
    sums[S1] += r
    sums[S2] += rr
    sums[S3] += rr * r
    sums[S4] += rr * rr
    sums[D1] += d
    sums[D2] += d * d


@kernel
def _add_between(
    prefix: Floats, market: MarketArrays, scale: float, drift: float, first: Integer, end: Integer, sums: Floats
) -> None:
    """Add the returns of bars ``(first, end)``: ``scale`` times the change of close in each."""
    change = market.close[end - 1] - market.close[first]
    carried = range_sum(prefix, CLOSE_SUM, first, end - 1)
    square = scale * scale
    sums[S1] += scale * change
    sums[S2] += square * range_sum(prefix, SQUARES, first + 1, end)
    sums[S3] += square * scale * range_sum(prefix, CUBES, first + 1, end)
    sums[S4] += square * square * range_sum(prefix, FOURTHS, first + 1, end)
    sums[D1] += scale * (change - drift * carried)
    sums[D2] += square * range_sum(prefix, EXCESS_SQUARES, first + 1, end)


@kernel
def simulate(
    market: MarketArrays,
    index: Index,
    logic: Logic,
    phenotype: Phenotype,
    costs: Floats,
    start: Integer,
    stop: Integer,
    overnight: float,
    intraday: float,
    sums: Floats,
    profits: Floats,
) -> float:
    """Trade bars ``[start, stop)`` from an equity of 1, flat at both ends; returns final equity.

    ``logic`` holds only entries that masks and calendars allow. Adds the fold to ``sums`` (metrics.SUMS,), and the
    profit of each trade to ``profits`` after those that are there.
    """
    venue, account = venue_of(costs, phenotype.venue), open_account()
    lot = phenotype.budget * phenotype.fraction / market.open[start]
    count = np.int64(sums[TRADES])
    capital = sums[CAPITAL]
    peak, drawdown = (sums[PEAK] / capital if capital > 0.0 else 1.0), sums[DRAWDOWN]
    drift = overnight + intraday
    pending, pending_r, pending_d = np.int64(-1), 0.0, 0.0
    t: Integer = np.int64(start + 1)
    while account.cash > 0.0:
        t = next_true(logic.enter_long, logic.enter_short, t - 1, stop - 1) + 1
        if t >= stop:
            break
        is_long = bit(logic.enter_long, np.uint64(t - 1))
        holding = enter(market, phenotype, venue, account, 1 if is_long else -1, t, lot)
        if not holding.units > 0.0:
            t += 1
            continue
        if t != pending:  # else the equity between the two trades is no bar's equity
            peak = max(peak, account.cash)
            drawdown = max(drawdown, 1.0 - account.cash / peak)
        leave = logic.leave_long if is_long else logic.leave_short
        course = _hold(market, index, leave, phenotype, holding, stop, peak, drawdown)
        end, base = course.bar, holding.base
        closes = range_sum(index.prefix, CLOSE_SUM, t, end)
        cash = liquidate(market, phenotype, venue, holding, end, course.price, course.reason, closes)
        peak, drawdown, before = course.peak, course.drawdown, base
        if t != pending:
            _add_bar(pending_r, pending_d, sums)
            pending_r, pending_d = 0.0, 0.0
        else:
            sums[OVERLAP] += 1.0
        close_before = holding.price
        if end > t:
            scale = holding.side * holding.units / base
            close_before = market.close[end - 1]
            first = holding.cash + holding.side * holding.units * market.close[t]
            before = holding.cash + holding.side * holding.units * close_before
            pending_r += (first - base) / base
            pending_d += (first - base - drift_of_entry(holding, intraday)) / base
            _add_bar(pending_r, pending_d, sums)
            pending_r, pending_d = 0.0, 0.0
            if end > t + 1:
                _add_between(index.prefix, market, scale, drift, t, end, sums)
        gain = drift_of_exit(phenotype, holding, end, close_before, course.reason, overnight, intraday)
        pending = end
        pending_r += (cash - before) / base
        pending_d += (cash - before - gain) / base
        sums[HELD] += end - t + 1
        if is_long:
            sums[HELD_LONG] += end - t + 1
        sums[TURNOVER] += holding.units * (holding.price + course.price) / base
        profits[count] = cash / base - 1.0
        count += 1
        account = book(account, cash, holding.units * holding.price)
        t = end if exit_is_at_open(phenotype, course.reason) else end + 1
    _add_bar(pending_r, pending_d, sums)
    peak = max(peak, account.cash)
    drawdown = max(drawdown, 1.0 - account.cash / peak)
    sums[BARS] += stop - start
    sums[TRADES] = count
    sums[CAPITAL] = capital * account.cash
    sums[PEAK] = capital * peak if capital > 0.0 else sums[PEAK]
    sums[DRAWDOWN] = drawdown
    return account.cash
