"""The event-skipping engine: from signal to signal and from extreme to extreme, so that cost grows with trades.

Agrees with the truth engine (``engine.py``), which it shares what happens at one order with (``orders.py``). It differs
in how it finds the next event, by bitmaps and block extremes, and in how it sums returns, by prefix sums.
"""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats, venue_of
from common.backtest.index import (
    ATR,
    CLOSED,
    DOWN,
    HIGHEST,
    LATE,
    LOWEST,
    MOVE,
    OPENED,
    REGIME,
    SPREAD,
    STEPS,
    UP,
    VOLATILITY,
    VOLUME,
    Between,
    Bytes,
    Index,
    Singles,
    between,
    extremes,
    step_of,
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
from common.kernel import lean_kernel

_ONE, _FOUR, _EIGHT = np.uint64(1), np.uint64(4), np.uint64(8)
_SIDES = np.uint64(2)
_NOTHING = Between(0.0, 0.0, 0.0, 0.0, 0.0)


class Course(NamedTuple):
    """Where and how a position ended; price 0 where the exit was scheduled."""

    bar: Integer
    price: float
    reason: int


@lean_kernel
def _quote(prices: Floats, facts: Singles, t: np.uint64, bar_ms: float, days: float) -> Quote:
    """The quote of bar ``t`` > 0, as ``orders.quote_of`` gives it."""
    p, s = t * _FOUR, (t - _ONE) * _EIGHT
    return Quote(
        prices[p + OPENED],
        prices[p + HIGHEST],
        prices[p + LOWEST],
        prices[p + CLOSED],
        prices[p - _FOUR + CLOSED],
        np.float64(facts[s + ATR]),
        np.float64(facts[s + VOLATILITY]),
        np.float64(facts[s + MOVE]),
        np.float64(facts[s + VOLUME]),
        np.float64(facts[s + SPREAD]),
        np.float64(facts[s + LATE]),
        np.int64(facts[s + REGIME]),
        bar_ms,
        days,
    )


@lean_kernel
def _rise(
    close: Floats, t: np.uint64, stop: np.uint64, cash: float, signed: float, peak: float, kept: float
) -> tuple[float, bool]:
    """Peak of equity after the closes of ``[t, stop)``, and whether less than ``kept`` of it was left at any."""
    deeper = False
    for i in range(t, stop):
        value = cash + signed * close[i]
        peak = max(peak, value)
        deeper = deeper | (value < peak * kept)
    return peak, deeper


@lean_kernel
def _deepest(
    close: Floats, t: np.uint64, stop: np.uint64, cash: float, signed: float, peak: float, drawdown: float
) -> float:
    """Drawdown after the closes of ``[t, stop)``."""
    for i in range(t, stop):
        value = cash + signed * close[i]
        peak = max(peak, value)
        drawdown = max(drawdown, 1.0 - value / peak)
    return drawdown


@lean_kernel
def _next_touch(
    reach: Bytes, trails: Bytes, holding: Holding, t: np.uint64, close: float, floor: float, ripe: np.uint64
) -> np.uint64:
    """The first bar after ``t`` that may end the position by its prices, or from which one has to look again."""
    side, share, rows = holding.side, 1.0 / close, t * _SIDES
    down, up = (rows + DOWN) * STEPS, (rows + UP) * STEPS
    against, along = (down, up) if side > 0 else (up, down)
    touch = t + np.uint64(reach[against + step_of((side * close - floor) * share)])
    if holding.target > 0.0:
        gained = t + np.uint64(reach[along + step_of(side * (holding.target - close) * share)])
        touch = min(touch, max(gained, ripe))
    if holding.trail_share > 0.0:
        touch = min(touch, t + np.uint64(trails[against + step_of(holding.trail_share)]))
    elif holding.trail_distance > 0.0:
        # As a share of the price a fixed distance shrinks while the price rises: by a fifth before the last step.
        touch = min(touch, t + np.uint64(trails[against + step_of(0.8 * holding.trail_distance * share)]))
        touch = min(touch, t + np.uint64(reach[up + STEPS - _ONE]))
    return touch


@lean_kernel
def _hold(
    reach: Bytes,
    trails: Bytes,
    prices: Floats,
    leave: Words,
    phenotype: Phenotype,
    holding: Holding,
    stop: Integer,
) -> Course:
    """Carry a position until something closes it.

    From the close of a bar to the next bar at which something may happen, where the truth engine looks at every one.
    """
    side, cash = holding.side, holding.cash
    signed, floor = side * holding.units, side * holding.stop
    if cash + signed * holding.stop < 1e-9 * holding.base:  # the cash is eaten before the stop
        ruin = -cash / holding.units
        floor = max(floor, ruin + 1e-9 * abs(ruin))
    trailing = (holding.trail_share > 0.0) | (holding.trail_distance > 0.0)
    latest = latest_exit(phenotype, holding.bar, stop)
    final, t = np.uint64(stop - 1), np.uint64(holding.bar)
    edge, ripe = np.uint64(min(latest, stop - 1)), t + np.uint64(max(phenotype.hold_min_bars, 1))
    best, p = holding.price, t * _FOUR
    close = prices[p + CLOSED]
    while True:
        if cash + signed * close <= 0.0:
            return Course(np.int64(t), close, RUINED)
        if t == final:
            return Course(np.int64(t), close, ENDED)
        level = floor
        if trailing:
            best = max(best, prices[p + HIGHEST]) if side > 0 else min(best, prices[p + LOWEST])
            level = max(level, side * trail_level(holding, best))
        touch = min(_next_touch(reach, trails, holding, t, close, level, ripe), edge)
        if phenotype.leaves:
            heard = np.int64(max(t, ripe - _ONE))
            if heard < np.int64(touch):
                signalled = next_true(leave, leave, heard, np.int64(touch))
                if signalled < np.int64(touch):
                    return Course(signalled + 1, 0.0, SIGNALLED)
        if touch >= edge and latest < stop:
            return Course(np.int64(latest), 0.0, TIMED)
        if trailing:
            for i in range(t + _ONE, touch):
                high, low = prices[i * _FOUR + HIGHEST], prices[i * _FOUR + LOWEST]
                best = max(best, high) if side > 0 else min(best, low)
        t, p = touch, touch * _FOUR
        close = prices[p + CLOSED]
        target = holding.target if t >= ripe else 0.0
        price, reason = exit_inside(
            side,
            prices[p + OPENED],
            prices[p + HIGHEST],
            prices[p + LOWEST],
            holding.stop,
            trail_level(holding, best),
            target,
        )
        if reason != NO_EXIT:
            return Course(np.int64(t), price, reason)


@lean_kernel
def _add_bar(r: float, d: float, sums: Floats) -> None:
    rr = r * r
    sums[S1] += r
    sums[S2] += rr
    sums[S3] += rr * r
    sums[S4] += rr * rr
    sums[D1] += d
    sums[D2] += d * d


@lean_kernel
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


@lean_kernel
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
    _, reach, trails, closes, prices, facts, prefix = index
    enter_long, enter_short, leave_long, leave_short = logic
    close = market.close
    bar_ms, days = market.bar_ms, market.days
    venue, account = venue_of(costs, phenotype.venue), open_account()
    lot = phenotype.budget * phenotype.fraction / market.open[start]
    count = np.int64(sums[TRADES])
    capital = sums[CAPITAL]
    peak, drawdown = (sums[PEAK] / capital if capital > 0.0 else 1.0), sums[DRAWDOWN]
    lowest = peak
    drift = overnight + intraday
    pending: Integer = np.int64(-1)
    pending_r, pending_d = 0.0, 0.0
    turnover, held_bars, held_long, overlap = 0.0, np.int64(0), np.int64(0), np.int64(0)
    t: Integer = np.int64(start + 1)
    while account.cash > 0.0:
        t = next_true(enter_long, enter_short, t - 1, stop - 1) + 1
        if t >= stop:
            break
        is_long = bit(enter_long, np.uint64(t - 1))
        quote = _quote(prices, facts, np.uint64(t), bar_ms, days)
        holding = enter(quote, phenotype, venue, account, 1.0 if is_long else -1.0, t, lot)
        if not holding.units > 0.0:
            t += 1
            continue
        leave = leave_long if is_long else leave_short
        course = _hold(reach, trails, prices, leave, phenotype, holding, stop)
        end, base, price = course.bar, holding.base, course.price
        inverse, signed = 1.0 / base, holding.side * holding.units
        if t != pending:  # else the equity between the two trades is no bar's equity
            if base > peak:
                drawdown = max(drawdown, 1.0 - lowest / peak)
                peak = lowest = base
            lowest = min(lowest, base)
            _add_bar(pending_r, pending_d, sums)
            pending_r, pending_d = 0.0, 0.0
        else:
            overlap += 1
        before, close_before, held = base, holding.price, 0.0
        if end > t:
            quote = _quote(prices, facts, np.uint64(end), bar_ms, days)
            found = between(prefix, np.uint64(t), np.uint64(end - 1))
            low, high = extremes(closes, np.uint64(t), np.uint64(end))
            crest, trough = (high, low) if is_long else (low, high)
            if holding.cash + signed * crest > peak:
                drawdown = max(drawdown, 1.0 - lowest / peak)
                top, deeper = _rise(close, np.uint64(t), np.uint64(end), holding.cash, signed, peak, 1.0 - drawdown)
                if deeper:
                    drawdown = _deepest(close, np.uint64(t), np.uint64(end), holding.cash, signed, peak, drawdown)
                peak = lowest = top
            else:
                lowest = min(lowest, holding.cash + signed * trough)
            first_close, close_before = prices[np.uint64(t) * _FOUR + CLOSED], quote.close_before
            held = found.closes + close_before
            first = holding.cash + signed * first_close - base
            before = holding.cash + signed * close_before
            _add_bar(
                pending_r + first * inverse, pending_d + (first - drift_of_entry(holding, intraday)) * inverse, sums
            )
            pending_r, pending_d = 0.0, 0.0
            _add_between(found, first_close, close_before, signed * inverse, drift, sums)
        if price == 0.0:
            price = scheduled_price(quote, phenotype)
        cash = liquidate(quote, phenotype, venue, holding, price, course.reason, held)
        gain = drift_of_exit(phenotype, holding, end, close_before, course.reason, overnight, intraday)
        pending = end
        pending_r += (cash - before) * inverse
        pending_d += (cash - before - gain) * inverse
        held_bars += end - t + 1
        if is_long:
            held_long += end - t + 1
        turnover += holding.units * (holding.price + price) * inverse
        profits[count] = (cash - base) * inverse
        count += 1
        account = book(account, cash, holding.units * holding.price)
        t = end if exit_is_at_open(phenotype, course.reason) else end + 1
    _add_bar(pending_r, pending_d, sums)
    if account.cash > peak:
        drawdown = max(drawdown, 1.0 - lowest / peak)
        peak = lowest = account.cash
    lowest = min(lowest, account.cash)
    sums[BARS] += stop - start
    sums[TRADES] = count
    sums[HELD] += held_bars
    sums[HELD_LONG] += held_long
    sums[OVERLAP] += overlap
    sums[TURNOVER] += turnover
    sums[CAPITAL] = capital * account.cash
    sums[PEAK] = capital * peak if capital > 0.0 else sums[PEAK]
    sums[DRAWDOWN] = max(drawdown, 1.0 - lowest / peak)
    return account.cash
