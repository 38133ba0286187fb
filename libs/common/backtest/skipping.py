"""The event-skipping engine: from signal to signal and from extreme to extreme, so that cost grows with trades.

Agrees with the truth engine (``engine.py``), which it shares what happens at one order with (``orders.py``). It differs
in how it finds the next event, by bitmaps and block extremes, and in how it sums returns, by prefix sums.
"""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats, venue_of
from common.backtest.index import (
    ATR,
    CLOSE_HIGH,
    CLOSE_LOW,
    CLOSED,
    HIGH,
    HIGHEST,
    LATE,
    LEVELS,
    LOW,
    LOWEST,
    MOVE,
    OPENED,
    REGIME,
    SPREAD,
    VOLATILITY,
    VOLUME,
    Between,
    Index,
    Singles,
    between,
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
    Quote,
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

_ONE, _FOUR = np.uint64(1), np.uint64(4)
_NOTHING = Between(0.0, 0.0, 0.0, 0.0, 0.0)


class Course(NamedTuple):
    """Where a position ended, and the fold's peak and drawdown of equity on the way."""

    bar: Integer
    price: float
    reason: int
    peak: float
    drawdown: float


@kernel
def _quote(prices: Floats, facts: Singles, t: np.uint64, bar_ms: float, days: float) -> Quote:
    """The quote of bar ``t`` > 0, as ``orders.quote_of`` gives it."""
    s = t - _ONE
    return Quote(
        prices[t, OPENED],
        prices[t, HIGHEST],
        prices[t, LOWEST],
        prices[t, CLOSED],
        prices[s, CLOSED],
        np.float64(facts[s, ATR]),
        np.float64(facts[s, VOLATILITY]),
        np.float64(facts[s, MOVE]),
        np.float64(facts[s, VOLUME]),
        np.float64(facts[s, SPREAD]),
        np.float64(facts[s, LATE]),
        np.int64(facts[s, REGIME]),
        bar_ms,
        days,
    )


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
def _mark(
    prices: Floats, t: np.uint64, stop: np.uint64, cash: float, signed: float, peak: float, drawdown: float
) -> tuple[float, float]:
    """Peak and drawdown of equity after the closes of ``[t, stop)``."""
    for i in range(t, stop):
        value = cash + signed * prices[i, CLOSED]
        peak = max(peak, value)
        if value < peak * (1.0 - drawdown):
            drawdown = 1.0 - value / peak
    return peak, drawdown


@kernel
def _hold(
    windows: Singles,
    prices: Floats,
    scheduled: Integer,
    why: int,
    mature: Integer,
    holding: Holding,
    stop: Integer,
    peak: float,
    drawdown: float,
) -> Course:
    """Carry a position until something closes it; price 0 where the exit was ``scheduled`` (for the reason ``why``).

    Windows in which no bar can end the position are passed over, longer ones after each success; that they may reach
    beyond the exit does no harm. What remains is looked at bar by bar, as the truth engine does.
    """
    side, cash = holding.side, holding.cash
    signed, sign = side * holding.units, np.float64(side)
    worst, good, low, high = (LOW, HIGH, CLOSE_LOW, CLOSE_HIGH) if side > 0 else (HIGH, LOW, CLOSE_HIGH, CLOSE_LOW)
    # In signed prices: at or beyond this close the position has eaten its cash; with a margin for rounding.
    ruin = -cash / holding.units
    stop_floor = max(sign * holding.stop, ruin + 1e-9 * abs(ruin))
    ceiling = sign * holding.target if holding.target > 0.0 else np.inf
    trails = holding.trail_share > 0.0 or holding.trail_distance > 0.0
    final, entry, end, ripe = np.uint64(stop - 1), np.uint64(holding.bar), np.uint64(scheduled), np.uint64(mature)
    edge = min(end, final)
    best, t, careful = holding.price, entry, entry + _ONE
    while t < end:
        if t >= careful:
            level = 1 if edge > t + _FOUR else 0
            while t < edge:
                favourable, floor = np.float64(windows[level, t, good]), stop_floor
                if trails:
                    favourable = max(best, favourable) if side > 0 else min(best, favourable)
                    floor = max(floor, sign * trail_level(holding, favourable))
                if not ((sign * windows[level, t, worst] > floor) & (sign * windows[level, t, good] < ceiling)):
                    if level == 0:
                        careful = t + _FOUR
                        break
                    level -= 1
                    continue
                until = min(t + (_FOUR << np.uint64(2 * level)), edge)
                crest, trough = cash + signed * windows[level, t, high], cash + signed * windows[level, t, low]
                if (crest > peak) | (trough < peak * (1.0 - drawdown)):
                    peak, drawdown = _mark(prices, t, until, cash, signed, peak, drawdown)
                if trails:
                    for i in range(t, until):
                        best = max(best, prices[i, HIGHEST]) if side > 0 else min(best, prices[i, LOWEST])
                t = until
                level = min(level + 1, LEVELS - 1)
            if t >= end:
                break
        if t > entry:
            target = holding.target if t >= ripe else 0.0
            trail = trail_level(holding, best)
            price, reason = exit_inside(
                side, prices[t, OPENED], prices[t, HIGHEST], prices[t, LOWEST], holding.stop, trail, target
            )
            if reason != NO_EXIT:
                return Course(np.int64(t), price, reason, peak, drawdown)
        value = cash + signed * prices[t, CLOSED]
        if value <= 0.0:
            return Course(np.int64(t), prices[t, CLOSED], RUINED, peak, drawdown)
        if t == final:
            return Course(np.int64(t), prices[t, CLOSED], ENDED, peak, drawdown)
        peak = max(peak, value)
        if value < peak * (1.0 - drawdown):
            drawdown = 1.0 - value / peak
        best = max(best, prices[t, HIGHEST]) if side > 0 else min(best, prices[t, LOWEST])
        t += _ONE
    return Course(np.int64(scheduled), 0.0, why, peak, drawdown)


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
    found: Between, first_close: float, last_close: float, scale: float, drift: float, sums: Floats
) -> None:
    """Add the returns of the bars between two closes: ``scale`` times the change of close in each.

    The squares of change - drift * close before are multiplied out; what the product of both sums to follows from the
    squares of the closes at the ends.
    """
    change, square = last_close - first_close, scale * scale
    product = 0.5 * (change * (last_close + first_close) - found.squares)
    sums[S1] += scale * change
    sums[S2] += square * found.squares
    sums[S3] += square * scale * found.cubes
    sums[S4] += square * square * found.fourths
    sums[D1] += scale * (change - drift * found.closes)
    sums[D2] += square * (found.squares - drift * (2.0 * product - drift * found.close_squares))


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
    # Arrays out of their tuples once: each time one is taken out Numba counts its references.
    _, windows, prices, facts, prefix = index
    enter_long, enter_short, leave_long, leave_short = logic
    bar_ms, days = market.bar_ms, market.days
    venue, account = venue_of(costs, phenotype.venue), open_account()
    lot = phenotype.budget * phenotype.fraction / prices[start, OPENED]
    count = np.int64(sums[TRADES])
    capital = sums[CAPITAL]
    peak, drawdown = (sums[PEAK] / capital if capital > 0.0 else 1.0), sums[DRAWDOWN]
    drift = overnight + intraday
    pending, pending_r, pending_d = np.int64(-1), 0.0, 0.0
    t: Integer = np.int64(start + 1)
    while account.cash > 0.0:
        t = next_true(enter_long, enter_short, t - 1, stop - 1) + 1
        if t >= stop:
            break
        is_long = bit(enter_long, np.uint64(t - 1))
        quote = _quote(prices, facts, np.uint64(t), bar_ms, days)
        holding = enter(quote, phenotype, venue, account, 1 if is_long else -1, t, lot)
        if not holding.units > 0.0:
            t += 1
            continue
        if t != pending:  # else the equity between the two trades is no bar's equity
            peak = max(peak, account.cash)
            drawdown = max(drawdown, 1.0 - account.cash / peak)
        scheduled, why = _exit_scheduled(leave_long if is_long else leave_short, phenotype, t, stop)
        mature = t + max(phenotype.hold_min_bars, 1)
        course = _hold(windows, prices, scheduled, why, mature, holding, stop, peak, drawdown)
        end, base, price = course.bar, holding.base, course.price
        found, held = _NOTHING, 0.0
        if end > t:
            quote = _quote(prices, facts, np.uint64(end), bar_ms, days)
            found = between(prefix, prices, np.uint64(t), np.uint64(end - 1))
            held = found.closes + prices[end - 1, CLOSED]
        if price == 0.0:
            price = scheduled_price(quote, phenotype)
        cash = liquidate(quote, phenotype, venue, holding, price, course.reason, held)
        peak, drawdown, before = course.peak, course.drawdown, base
        if t != pending:
            _add_bar(pending_r, pending_d, sums)
            pending_r, pending_d = 0.0, 0.0
        else:
            sums[OVERLAP] += 1.0
        close_before = holding.price
        if end > t:
            scale = holding.side * holding.units / base
            close_before = prices[end - 1, CLOSED]
            first = holding.cash + holding.side * holding.units * prices[t, CLOSED]
            before = holding.cash + holding.side * holding.units * close_before
            pending_r += (first - base) / base
            pending_d += (first - base - drift_of_entry(holding, intraday)) / base
            _add_bar(pending_r, pending_d, sums)
            pending_r, pending_d = 0.0, 0.0
            _add_between(found, prices[t, CLOSED], close_before, scale, drift, sums)
        gain = drift_of_exit(phenotype, holding, end, close_before, course.reason, overnight, intraday)
        pending = end
        pending_r += (cash - before) / base
        pending_d += (cash - before - gain) / base
        sums[HELD] += end - t + 1
        if is_long:
            sums[HELD_LONG] += end - t + 1
        sums[TURNOVER] += holding.units * (holding.price + price) / base
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
