"""What a trade of the event-skipping engine adds to its fold: powers of its bars' returns, peak and drawdown."""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats
from common.backtest.drift import drift_of_entry, drift_of_exit
from common.backtest.index import (
    CLOSE_SQUARES,
    CLOSES,
    CUBES,
    FOURTHS,
    HIGHEST_CLOSE,
    LAST,
    LEVELS,
    LOWEST_CLOSE,
    PREFIXES,
    SEGMENT,
    SQUARES,
)
from common.backtest.metrics import D1, D2, HELD, HELD_LONG, S1, S2, S3, S4, TURNOVER
from common.backtest.orders import Holding
from common.backtest.phenotype import Integer, Phenotype
from common.bits import highest_bit
from common.kernel import inlined_kernel, lean_kernel

QUIET = 1e-5
"""A difference of prefix sums below this share of them has lost too many digits."""
_WIDEST = np.uint64(1 << (LEVELS - 1))


class Equity(NamedTuple):
    """A fold's equity so far: its peak, the lowest since then, and the drawdown before that peak."""

    peak: float
    lowest: float
    drawdown: float


class Pending(NamedTuple):
    """The bar of the last exit, whose return another trade may still add to, and its returns so far."""

    bar: Integer
    r: float
    d: float


class Between(NamedTuple):
    """Sums over the bars between two closes: changes to the powers 2, 3 and 4, and the closes they are from."""

    squares: float
    cubes: float
    fourths: float
    closes: float
    close_squares: float


@lean_kernel
def between(prefix: Floats, first: np.uint64, last: np.uint64) -> Between:
    """Sums over the changes of close from bar ``first`` to bar ``last``. Bar by bar where they lie in two segments."""
    a, b = first * PREFIXES, last * PREFIXES
    fourths = prefix[b + FOURTHS] - prefix[a + FOURTHS]
    # Of small changes after large ones the difference keeps no digits: they are added up.
    if prefix[a + SEGMENT] == prefix[b + SEGMENT] and fourths > QUIET * prefix[b + FOURTHS]:
        return Between(
            prefix[b + SQUARES] - prefix[a + SQUARES],
            prefix[b + CUBES] - prefix[a + CUBES],
            fourths,
            prefix[b + CLOSES] - prefix[a + CLOSES],
            prefix[b + CLOSE_SQUARES] - prefix[a + CLOSE_SQUARES],
        )
    squares, cubes, fourths, closes, close_squares = 0.0, 0.0, 0.0, 0.0, 0.0
    while a < b:
        from_ = prefix[a + LAST]
        a += PREFIXES
        change = prefix[a + LAST] - from_
        square = change * change
        squares, cubes, fourths = squares + square, cubes + square * change, fourths + square * square
        closes, close_squares = closes + from_, close_squares + from_ * from_
    return Between(squares, cubes, fourths, closes, close_squares)


@lean_kernel
def extremes(closes: Floats, first: np.uint64, stop: np.uint64) -> tuple[float, float]:
    """Lowest and highest close of the bars ``[first, stop)``, at least one: of two windows that overlap."""
    lowest, highest = np.inf, 0.0
    row = np.uint64(len(closes) // LEVELS)
    while stop - first >= 2 * _WIDEST:
        wide = (LEVELS - 1) * row + 2 * first
        lowest, highest = min(lowest, closes[wide + LOWEST_CLOSE]), max(highest, closes[wide + HIGHEST_CLOSE])
        first += _WIDEST
    level = np.uint64(highest_bit(stop - first))
    one = level * row + 2 * first
    other = level * row + 2 * (stop - (np.uint64(1) << level))
    return (
        min(lowest, closes[one + LOWEST_CLOSE], closes[other + LOWEST_CLOSE]),
        max(highest, closes[one + HIGHEST_CLOSE], closes[other + HIGHEST_CLOSE]),
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
def deepest(equity: Equity) -> float:
    """Drawdown so far."""
    return max(equity.drawdown, 1.0 - equity.lowest / equity.peak)


@inlined_kernel
def meet(equity: Equity, value: float) -> Equity:
    """After a bar that ended with this equity."""
    if value > equity.peak:
        return Equity(value, value, deepest(equity))
    return Equity(equity.peak, min(equity.lowest, value), equity.drawdown)


@inlined_kernel
def follow(equity: Equity, close: Floats, closes: Floats, holding: Holding, end: Integer) -> Equity:
    """After the closes of a position that was left in bar ``end``; bar by bar only where there is a new peak."""
    first, stop = np.uint64(holding.bar), np.uint64(end)
    cash, signed = holding.cash, holding.side * holding.units
    low, high = extremes(closes, first, stop)
    crest, trough = (high, low) if signed > 0.0 else (low, high)
    if cash + signed * crest <= equity.peak:
        return Equity(equity.peak, min(equity.lowest, cash + signed * trough), equity.drawdown)
    drawdown = deepest(equity)
    peak, deeper = _rise(close, first, stop, cash, signed, equity.peak, 1.0 - drawdown)
    if deeper:
        drawdown = _deepest(close, first, stop, cash, signed, equity.peak, drawdown)
    return Equity(peak, peak, drawdown)


@lean_kernel
def add_bar(r: float, d: float, sums: Floats) -> None:
    """Add one bar: its return and its drift-free return."""
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


@inlined_kernel
def add_trade(
    pending: Pending,
    found: Between,
    phenotype: Phenotype,
    holding: Holding,
    end: Integer,
    reason: int,
    price: float,
    cash: float,
    first_close: float,
    close_before: float,
    drifts: tuple[float, float],
    sums: Floats,
) -> Pending:
    """Add a trade that ended in bar ``end`` with ``cash``; its last bar stays pending.

    ``found``: the bars between the closes of its first bar, ``first_close``, and of the bar before its last,
    ``close_before``, or the entry's price where that is the same bar; ``drifts``: overnight and intraday.
    """
    overnight, intraday = drifts
    base, signed = holding.base, holding.side * holding.units
    inverse, r, d, before = 1.0 / base, pending.r, pending.d, base
    if end > holding.bar:
        first = holding.cash + signed * first_close - base
        add_bar(r + first * inverse, d + (first - drift_of_entry(holding, intraday)) * inverse, sums)
        _add_between(found, first_close, close_before, signed * inverse, overnight + intraday, sums)
        before, r, d = holding.cash + signed * close_before, 0.0, 0.0
    gain = drift_of_exit(phenotype, holding, end, close_before, reason, overnight, intraday)
    held = np.float64(end - holding.bar + 1)
    sums[HELD] += held
    sums[HELD_LONG] += held if signed > 0.0 else 0.0
    sums[TURNOVER] += holding.units * (holding.price + price) * inverse
    return Pending(end, r + (cash - before) * inverse, d + (cash - before - gain) * inverse)
