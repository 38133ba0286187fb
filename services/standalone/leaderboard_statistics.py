"""Is one strategy better than another, or than chance: paired bootstrap, random entries, and Holm's correction."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.market.stress import stationary_places
from common.random import Stream, below, new_stream

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
INTERVAL = 0.9


class Compared(NamedTuple):
    """Difference of two yearly Sharpe ratios, its 90 % interval, and the chance of as much where there is none."""

    difference: float
    low: float
    high: float
    p_value: float


@kernel
def _ratio(values: Floats, places: Places) -> float:
    """Mean over sample deviation of the values at the places; 0 for a constant."""
    n, total, squares = len(places), 0.0, 0.0
    for place in places:
        total += values[place]
        squares += values[place] * values[place]
    mean = total / n
    variance = (squares - n * mean * mean) / (n - 1)
    return mean / math.sqrt(variance) if variance > 1e-14 * squares / n + 1e-30 else 0.0


@kernel
def _differences(key: np.uint64, name: int, first: Floats, second: Floats, block: int, draws: int) -> Floats:
    """Difference of the two ratios in each of ``draws`` pairs of series of the same days."""
    found = np.empty(draws)
    for draw in range(draws):
        stream = new_stream(key, name, 0, draw)
        places = stationary_places(stream, len(first), len(first), block)
        found[draw] = _ratio(first, places) - _ratio(second, places)
    return found


def block_days(days: int) -> int:
    """Mean length of the blocks: the third root of the series, the rate at which it is best (Politis, Romano 1994)."""
    return max(1, round(days ** (1.0 / 3.0)))


def compare(first: Floats, second: Floats, days_per_year: float, key: int, name: int, draws: int) -> Compared:
    """Is the Sharpe ratio of ``first`` above that of ``second``, both (days,), on the same days?

    Stationary bootstrap of pairs (D. N. Politis and J. P. Romano, JASA 89, 1994) of the difference, as O. Ledoit and
    M. Wolf ask for it ("Robust performance hypothesis testing with the Sharpe ratio", 2008), not studentised. The
    p-value is one-sided: (1 + how many centred draws reach the difference) / (draws + 1). The interval is the basic
    one. Fewer than three days say nothing: p is 1.
    """
    if len(first) < 3:
        return Compared(0.0, 0.0, 0.0, 1.0)
    annual, every = math.sqrt(days_per_year), np.arange(len(first))
    difference = (_ratio(first, every) - _ratio(second, every)) * annual
    drawn = _differences(np.uint64(key), name, first, second, block_days(len(first)), draws) * annual
    reached = int((drawn - difference >= difference).sum())
    low, high = np.quantile(drawn, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return Compared(difference, 2 * difference - float(high), 2 * difference - float(low), (1 + reached) / (draws + 1))


def holm(p_values: Floats) -> Floats:
    """Adjusted p-values (n,) that hold for all tests together (S. Holm, Scandinavian Journal of Statistics 6, 1979).

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    found = np.empty(len(p_values))
    found[order] = np.minimum(stepped, 1.0)
    return found


@kernel
def _gaps(stream: Stream, idle: int, trades: int) -> Places:
    """Idle bars before each trade, (trades,): every way to spread at most ``idle`` bars is equally likely.

    Chosen as ``trades`` of idle + trades places, by selection sampling (Knuth, TAOCP 2, algorithm S).
    """
    found, left, last = np.empty(trades, np.int64), trades, -1
    for place in range(idle + trades):
        if left > 0 and below(stream, idle + trades - place) < left:
            found[trades - left] = place - last - 1
            last, left = place, left - 1
    return found


@kernel
def random_entries(
    stream: Stream, open_: Floats, close: Floats, bars: Places, worth: Floats, costs: Floats, returns: Floats
) -> None:
    """The same trades at random places of a span: returns (n,) of its bars, whose ``open_`` and ``close`` are given.

    ``bars`` (k,) that each trade lasts from open to open (0: within one bar), ``worth`` (k,) its signed value in
    multiples of the equity, ``costs`` (k,) what it paid as a share of the equity, charged in the bar of its entry.
    Their order is shuffled, and the idle bars between them are spread anew: turnover, holding times and costs stay.
    """
    n, trades = len(returns), len(bars)
    order = np.arange(trades)
    for place in range(trades - 1):
        other = place + below(stream, trades - place)
        order[place], order[other] = order[other], order[place]
    busy = 0
    for trade in range(trades):
        busy += max(bars[trade], 1)
    gaps = _gaps(stream, max(n - busy, 0), trades)
    returns[:] = 0.0
    bar = 0
    for place in range(trades):
        trade = order[place]
        bar += gaps[place]
        if bar >= n:
            break
        length, value = max(bars[trade], 1), worth[trade]
        returns[bar] -= costs[trade]
        stop = min(bar + length, n)
        for t in range(bar, stop):
            before = open_[t] if t == bar else close[t - 1]
            returns[t] += value * (close[t] - before) / open_[bar]
        if bars[trade] > 0 and stop < n:
            returns[stop] += value * (open_[stop] - close[stop - 1]) / open_[bar]
        bar = stop
