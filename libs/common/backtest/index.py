"""What lets the event-skipping engine pass over bars: block extremes, and prefix sums of powers of price changes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.backtest.market import MarketArrays, Words
from common.backtest.phenotype import Phenotype
from common.kernel import kernel

LEVELS, LEVEL_SHIFT = 4, 2
"""Windows of 4, 16, 64 and 256 bars."""
CLOSE_SUM, SQUARES, CUBES, FOURTHS, EXCESS_SQUARES, PREFIXES = range(6)
LOW, HIGH, CLOSE_LOW, CLOSE_HIGH, EXTREMES = range(5)
OPENED, HIGHEST, LOWEST, CLOSED = range(4)
ATR, VOLATILITY, MOVE, VOLUME, SPREAD, LATE, REGIME, FACTS = range(8)


GATE_FIRST = (0, 5, 29, 36, 48)
"""Rows of ``gates``: five regimes, 24 hours, seven weekdays, twelve months, three blackout calendars."""
GATES = 51


class Index(NamedTuple):
    """``gates`` (GATES, words): the bars of each regime, hour, weekday and month, and outside each blackout.

    ``windows`` (LEVELS, T, EXTREMES): lowest low, highest high, lowest and highest close of the window that
    begins at t.
    ``prefix`` (T + 1, 2 * PREFIXES): sums over the bars before t, in double-double (high parts, then low parts: a range
    is then exact to rounding, however much prices have grown or shrunk before it), of close, of the change of close
    since the bar before to the powers 2, 3 and 4, and of the square of that change less the drift of the bar's window.
    ``prices`` (T, 4): open, high, low, close. ``facts`` (T, FACTS): what an order needs to know of the close before.
    """

    gates: Words
    windows: Floats
    prefix: Floats
    prices: Floats
    facts: Floats


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
def _two_sum(high: float, low: float, term: float) -> tuple[float, float]:
    """Add to a double-double number (Knuth, TAOCP 2, 4.2.2)."""
    total = high + term
    part = total - high
    return total, low + ((high - (total - part)) + (term - part))


@kernel
def _prefixes(market: MarketArrays, drift: Floats, into: Floats) -> None:
    for t in range(len(market.close)):
        change = market.close[t] - market.close[t - 1] if t > 0 else 0.0
        excess = change - drift[t] * market.close[t - 1] if t > 0 else 0.0
        terms = (market.close[t], change * change, change * change * change, change**4, excess * excess)
        for which in range(PREFIXES):
            into[t + 1, which], into[t + 1, PREFIXES + which] = _two_sum(
                into[t, which], into[t, PREFIXES + which], terms[which]
            )


@kernel
def range_sum(prefix: Floats, which: int, first: int | np.int64, stop: int | np.int64) -> float:
    """Sum of column ``which`` over bars ``[first, stop)``."""
    return (prefix[stop, which] - prefix[first, which]) + (
        prefix[stop, PREFIXES + which] - prefix[first, PREFIXES + which]
    )


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


def build_index(market: MarketArrays) -> Index:
    """The index of a market, its ``prefix`` still for no drift (see ``with_drift``)."""
    bars = len(market.close)
    windows = np.empty((LEVELS, bars, EXTREMES))
    narrow = np.stack([market.low, market.high, market.close, market.close], axis=1)
    for level in range(LEVELS):
        _widen(narrow, 1 << (LEVEL_SHIFT * level), windows[level])
        narrow = windows[level]
    prices = np.stack([market.open, market.high, market.low, market.close], axis=1)
    columns = (market.atr, market.volatility, market.move, market.volume, market.spread, market.late, market.regime)
    facts = np.zeros((bars, FACTS + 1))  # eight numbers: one line of the cache
    facts[:, :FACTS] = np.stack(columns, axis=1)
    gates = np.zeros((GATES, market.bank.shape[1]), np.uint64)
    _gates(market, gates)
    index = Index(gates, windows, np.zeros((bars + 1, 2 * PREFIXES)), prices, facts)
    _prefixes(market, np.zeros(bars), index.prefix)
    return index


def with_drift(
    index: Index, market: MarketArrays, spans: npt.NDArray[np.int64], window: npt.NDArray[np.int64], drifts: Floats
) -> Index:
    """The index for folds ``spans`` (folds, 2) of windows ``window`` (folds,) with these drifts.

    ``drifts`` (windows, 2): mean return of the instrument in each window, overnight and within the bar.
    """
    drift = np.zeros(len(market.close))
    for (first, stop), which in zip(spans, window, strict=True):
        drift[first:stop] = drifts[which].sum()
    prefix = np.zeros_like(index.prefix)
    _prefixes(market, drift, prefix)
    return index._replace(prefix=prefix)
