"""What lets the event-skipping engine pass over bars: block extremes, and prefix sums of powers of price changes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.backtest.market import MarketArrays, Words
from common.backtest.phenotype import Phenotype
from common.kernel import kernel

LEVELS = 4
"""Windows of 4, 16, 64 and 256 bars."""
LOW, HIGH, CLOSE_LOW, CLOSE_HIGH, EXTREMES = range(5)
OPENED, HIGHEST, LOWEST, CLOSED = range(4)
ATR, VOLATILITY, MOVE, VOLUME, SPREAD, LATE, REGIME = range(7)
CLOSES, CLOSE_SQUARES, SQUARES, CUBES, FOURTHS, SEGMENT, PREFIXES = range(7)
SEGMENT_BARS, SEGMENT_RATIO = 4096, 4.0
Singles = npt.NDArray[np.float32]
GATE_FIRST = (0, 5, 29, 36, 48)
"""Rows of ``gates``: five regimes, 24 hours, seven weekdays, twelve months, three blackout calendars."""
GATES = 51


class Index(NamedTuple):
    """``gates`` (GATES, words): the bars of each regime, hour, weekday and month, and outside each blackout.

    ``windows`` (LEVELS, T, EXTREMES) float32: lowest low, highest high, lowest and highest close of the 4, 16, 64 and
    256 bars from t on, rounded outward. ``prices`` (T, 4): open, high, low, close. ``facts`` (T, 8) float32: what an
    order needs to know of the close before it. ``prefix`` (T + 1, PREFIXES): sums over the bars before t, from the
    start of t's segment on, of close, of its square, and of its change since the bar before to the powers 2, 3 and 4;
    and the number of t's segment. Segments are short in bars and in price: differences of sums are exact to rounding
    also at a thousandth of an earlier price. Small, so that what trades touch fits a core's second cache.
    """

    gates: Words
    windows: Singles
    prices: Floats
    facts: Singles
    prefix: Floats


@kernel
def _widen(narrow: Floats, step: int, into: Floats) -> None:
    """Extremes of windows four times as long as those of ``narrow``, (T, EXTREMES), which are ``step`` bars long."""
    bars = len(narrow)
    for t in range(bars):
        for which in range(EXTREMES):
            value = narrow[t, which]
            for part in range(1, 4):
                other = narrow[min(t + part * step, bars - 1), which]
                value = min(value, other) if which in (LOW, CLOSE_LOW) else max(value, other)
            into[t, which] = value


@kernel
def _prefixes(prices: Floats, prefix: Floats) -> None:
    """Fill ``prefix``."""
    segment, began, reference = 0, 0, prices[0, CLOSED]
    sums, change = np.zeros(SEGMENT), 0.0
    for t in range(len(prices) + 1):
        if t < len(prices):
            close = prices[t, CLOSED]
            far = close > SEGMENT_RATIO * reference or close * SEGMENT_RATIO < reference or abs(change) > close
            if t > 0 and (far or t - began == SEGMENT_BARS):
                segment, began, reference = segment + 1, t, close
                sums[:] = 0.0
        prefix[t, :SEGMENT], prefix[t, SEGMENT] = sums, segment
        if t < len(prices):
            change = close - prices[t - 1, CLOSED] if t > 0 else 0.0
            sums[CLOSES] += close
            sums[CLOSE_SQUARES] += close * close
            sums[SQUARES] += change * change
            sums[CUBES] += change * change * change
            sums[FOURTHS] += change * change * change * change


class Between(NamedTuple):
    """Sums over the bars between two closes: changes to the powers 2, 3 and 4, and the closes they are from."""

    squares: float
    cubes: float
    fourths: float
    closes: float
    close_squares: float


@kernel
def between(prefix: Floats, prices: Floats, first: np.uint64, last: np.uint64) -> Between:
    """Sums over the changes of close from bar ``first`` to bar ``last``. Bar by bar where they lie in two segments."""
    before, after = first + np.uint64(1), last + np.uint64(1)
    if prefix[first, SEGMENT] == prefix[after, SEGMENT]:
        return Between(
            prefix[after, SQUARES] - prefix[before, SQUARES],
            prefix[after, CUBES] - prefix[before, CUBES],
            prefix[after, FOURTHS] - prefix[before, FOURTHS],
            prefix[last, CLOSES] - prefix[first, CLOSES],
            prefix[last, CLOSE_SQUARES] - prefix[first, CLOSE_SQUARES],
        )
    squares, cubes, fourths, closes, close_squares = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(before, after):
        from_, change = prices[t - np.uint64(1), CLOSED], prices[t, CLOSED] - prices[t - np.uint64(1), CLOSED]
        square = change * change
        squares, cubes, fourths = squares + square, cubes + square * change, fourths + square * square
        closes, close_squares = closes + from_, close_squares + from_ * from_
    return Between(squares, cubes, fourths, closes, close_squares)


@kernel
def _gates(market: MarketArrays, into: Words) -> None:
    for t in range(len(market.close)):
        word, mask = t >> 6, np.uint64(1) << np.uint64(t & 63)
        into[GATE_FIRST[0] + market.regime[t], word] |= mask
        into[GATE_FIRST[1] + market.hour[t], word] |= mask
        into[GATE_FIRST[2] + market.weekday[t], word] |= mask
        into[GATE_FIRST[3] + market.month[t], word] |= mask
        for calendar in range(GATES - GATE_FIRST[4]):
            if (market.blackout[t] >> calendar) & 1 == 0:
                into[GATE_FIRST[4] + calendar, word] |= mask


@kernel
def _narrow(gates: Words, first: int, count: int, mask: int | np.int64, logic: Words, scratch: Words) -> None:
    """Keep of the entries those on which one of the gates in ``mask`` is open."""
    if mask == (1 << count) - 1:
        return
    for index in range(len(scratch)):
        scratch[index] = np.uint64(0)
    for gate in range(count):
        if (mask >> gate) & 1:
            row = gates[first + gate]
            for index in range(len(scratch)):
                scratch[index] |= row[index]
    for index in range(len(scratch)):
        logic[0, index] &= scratch[index]
        logic[2, index] &= scratch[index]


@kernel
def pass_gates(gates: Words, phenotype: Phenotype, logic: Words, scratch: Words) -> None:
    """Keep of the entry bitmaps ``logic[0]`` and ``logic[2]`` (4, words) what masks and calendars allow."""
    _narrow(gates, GATE_FIRST[0], 5, phenotype.regimes, logic, scratch)
    _narrow(gates, GATE_FIRST[1], 24, phenotype.hours, logic, scratch)
    _narrow(gates, GATE_FIRST[2], 7, phenotype.weekdays, logic, scratch)
    _narrow(gates, GATE_FIRST[3], 12, phenotype.months, logic, scratch)
    if phenotype.blackout > 0:
        _narrow(gates, GATE_FIRST[4], 3, np.int64(1) << (phenotype.blackout - 1), logic, scratch)


def _aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros that begin at a line of the cache, so that a row of 32 or 64 bytes never lies on two."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    first = -raw.ctypes.data % 64
    return raw[first : first + size].view(dtype).reshape(shape)


def build_index(market: MarketArrays) -> Index:
    """The index of a market."""
    bars = len(market.close)
    prices = _aligned((bars, 4), np.float64)
    prices[:] = np.stack([market.open, market.high, market.low, market.close], axis=1)
    facts = _aligned((bars, 8), np.float32)
    columns = (market.atr, market.volatility, market.move, market.volume, market.spread, market.late, market.regime)
    facts[:, : len(columns)] = np.stack(columns, axis=1)
    windows = _aligned((LEVELS, bars, EXTREMES), np.float32)
    narrow = np.stack([market.low, market.high, market.close, market.close], axis=1)
    for level in range(LEVELS):
        wide = np.empty_like(narrow)
        _widen(narrow, 4**level, wide)
        windows[level] = np.nextafter(wide.astype(np.float32), np.float32([-np.inf, np.inf, -np.inf, np.inf]))
        narrow = wide
    prefix = _aligned((bars + 1, PREFIXES), np.float64)
    _prefixes(prices, prefix)
    gates = np.zeros((GATES, market.bank.shape[1]), np.uint64)
    _gates(market, gates)
    return Index(gates, windows, prices, facts, prefix)
