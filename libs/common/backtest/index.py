"""What lets the event-skipping engine pass over bars: how far away prices are, and prefix sums of price changes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.backtest.market import MarketArrays, Words
from common.backtest.phenotype import Phenotype
from common.bits import bits_of
from common.kernel import kernel, lean_kernel

OPENED, HIGHEST, LOWEST, CLOSED = (np.uint64(column) for column in range(4))
ATR, VOLATILITY, MOVE, VOLUME, SPREAD, LATE, REGIME, STALE = (np.uint64(column) for column in range(8))
CLOSES, CLOSE_SQUARES, SQUARES, CUBES, FOURTHS, SEGMENT, LAST, PREFIXES = (
    np.uint64(c) for c in (0, 1, 2, 3, 4, 5, 6, 8)
)
STEPS = np.uint64(16)
"""Distances of ``reach`` and ``trails``: 0, and two an octave from 1/512 of the price to a quarter of it."""
DOWN, UP = np.uint64(0), np.uint64(1)
AHEAD_MAX = 255
_STEP_SHIFT, _STEP_FIRST, _STEP_LAST = 51, 2 * (1023 - 9) - 1, int(STEPS) - 1
LEVELS = 9
"""Windows of 1, 2, 4 up to 256 closes."""
LOWEST_CLOSE, HIGHEST_CLOSE = np.uint64(0), np.uint64(1)
SEGMENT_BARS, SEGMENT_RATIO = 4096, 4.0
Singles = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
GATE_FIRST = (0, 5, 29, 36, 48)
"""Rows of ``gates``: five regimes, 24 hours, seven weekdays, twelve months, three blackout calendars."""
GATES = 51


class Index(NamedTuple):
    """``gates`` (GATES, words): the bars of each regime, hour, weekday and month, and outside each blackout.

    ``reach`` (T, 2, STEPS): bars from the close of t to the first whose low lies each distance below that close, and
    to the first whose high lies it above; AHEAD_MAX where there is none up to there. ``trails`` (T, 2, STEPS): to the
    first whose low lies each distance below the highest high from t on, high above lowest low. Both fall short by less
    than rounding. ``closes`` (LEVELS, T, 2): lowest and highest of the 1, 2, 4, up to 256 closes from t on.
    ``prices`` (T, 4): open, high, low, close. ``facts`` (T, 8) float32: what an order needs to know of the close before
    it. ``prefix`` (T, PREFIXES): sums from the start of t's segment on, of the closes before t and their squares, and
    of the changes of close up to t's to the powers 2, 3 and 4; the number of t's segment; its close. Segments are short
    in bars and in price: differences of sums are exact to rounding also at a thousandth of an earlier price.
    """

    gates: Words
    reach: Bytes
    trails: Bytes
    closes: Floats
    prices: Floats
    facts: Singles
    prefix: Floats


@lean_kernel
def step_of(share: float) -> np.uint64:
    """The last step whose distance is at most this share of the price; 0, which is the next bar, below the first."""
    step = np.int64((bits_of(share) >> _STEP_SHIFT) - _STEP_FIRST)
    return np.uint64(min(max(step, np.int64(0)), np.int64(_STEP_LAST)))


@kernel
def _reaches(high: Floats, low: Floats, close: Floats, shares: Floats, reach: Bytes, trails: Bytes) -> None:
    """Fill ``reach`` and ``trails``; ``shares`` (STEPS,): the distances, less a margin for rounding."""
    bars = len(close)
    for t in range(bars):
        crest, trough = high[t], low[t]
        fallen, risen, off_crest, off_trough = np.uint64(1), np.uint64(1), np.uint64(1), np.uint64(1)
        for which in range(2):
            for step in range(trails.shape[2]):
                reach[t, which, step] = trails[t, which, step] = AHEAD_MAX if step > 0 else 1
        for ahead in range(1, min(AHEAD_MAX, bars - t)):
            top, bottom = high[t + ahead], low[t + ahead]
            while fallen < STEPS and bottom <= close[t] * (1.0 - shares[fallen]):
                reach[t, DOWN, fallen] = ahead
                fallen += np.uint64(1)
            while risen < STEPS and top >= close[t] * (1.0 + shares[risen]):
                reach[t, UP, risen] = ahead
                risen += np.uint64(1)
            while off_crest < STEPS and bottom <= crest * (1.0 - shares[off_crest]):
                trails[t, DOWN, off_crest] = ahead
                off_crest += np.uint64(1)
            while off_trough < STEPS and top >= trough * (1.0 + shares[off_trough]):
                trails[t, UP, off_trough] = ahead
                off_trough += np.uint64(1)
            crest, trough = max(crest, top), min(trough, bottom)


@kernel
def _windows(close: Floats, closes: Floats) -> None:
    """Fill ``closes``."""
    bars = len(close)
    for t in range(bars):
        closes[0, t, LOWEST_CLOSE] = closes[0, t, HIGHEST_CLOSE] = close[t]
    for level in range(1, LEVELS):
        for t in range(bars):
            other = min(t + (1 << (level - 1)), bars - 1)
            closes[level, t, LOWEST_CLOSE] = min(
                closes[level - 1, t, LOWEST_CLOSE], closes[level - 1, other, LOWEST_CLOSE]
            )
            closes[level, t, HIGHEST_CLOSE] = max(
                closes[level - 1, t, HIGHEST_CLOSE], closes[level - 1, other, HIGHEST_CLOSE]
            )


@kernel
def _prefixes(close: Floats, prefix: Floats) -> None:
    """Fill ``prefix``."""
    segment, began, reference = 0, 0, close[0]
    closes, close_squares, squares, cubes, fourths = 0.0, 0.0, 0.0, 0.0, 0.0
    change = 0.0
    for t in range(len(close)):
        price = close[t]
        # The change before decides: a bar after which the price is far smaller must not carry its powers along.
        far = price > SEGMENT_RATIO * reference or price * SEGMENT_RATIO < reference or abs(change) > price
        change = price - close[t - 1] if t > 0 else 0.0
        squares += change * change
        cubes += change * change * change
        fourths += change * change * change * change
        if t > 0 and (far or t - began == SEGMENT_BARS):
            segment, began, reference = segment + 1, t, price
            closes, close_squares, squares, cubes, fourths = 0.0, 0.0, 0.0, 0.0, 0.0
        prefix[t, CLOSES], prefix[t, CLOSE_SQUARES], prefix[t, SQUARES] = closes, close_squares, squares
        prefix[t, CUBES], prefix[t, FOURTHS], prefix[t, SEGMENT], prefix[t, LAST] = cubes, fourths, segment, price
        closes += price
        close_squares += price * price


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


@lean_kernel
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


@lean_kernel
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
    stale = np.append(market.stale[1:], 0)  # of the bar after: all that an order in it needs is in one row
    known = (market.atr, market.volatility, market.move, market.volume, market.spread, market.late, market.regime)
    facts[:] = np.stack((*known, stale), axis=1)
    reach, trails = _aligned((bars, 2, int(STEPS)), np.uint8), _aligned((bars, 2, int(STEPS)), np.uint8)
    octaves = np.arange(_STEP_LAST) // 2
    shares = np.append(0.0, 2.0**-9 * 2.0**octaves * np.where(np.arange(_STEP_LAST) % 2 == 1, 1.5, 1.0)) * (1.0 - 1e-6)
    _reaches(market.high, market.low, market.close, shares, reach, trails)
    closes = _aligned((LEVELS, bars, 2), np.float64)
    _windows(market.close, closes)
    prefix = _aligned((bars, int(PREFIXES)), np.float64)
    _prefixes(market.close, prefix)
    gates = np.zeros((GATES, market.bank.shape[1]), np.uint64)
    _gates(market, gates)
    flat = [array.reshape(-1) for array in (reach, trails, closes, prices, facts, prefix)]
    return Index(gates, *flat)
