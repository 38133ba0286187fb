"""Instruments with different clocks, seen from the clock of one of them, the master."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from common.market.bars import Bars, Prices, Times

Spans = npt.NDArray[np.int64]


def close_times(bars: Bars) -> Times:
    """When each bar is over, (T,) microseconds: after its nominal length, or as the next one opens if that is earlier.

    Strictly increasing, since the bars are.
    """
    ends = bars.ts_us + bars.bar_us
    ends[:-1] = np.minimum(ends[:-1], bars.ts_us[1:])
    return ends


def known_at(master: Bars, leg: Bars) -> Times:
    """The last bar of ``leg`` that is over when each bar of ``master`` is, shape (bars of the master,); -1: none yet.

    Its own bars where both are the same.
    """
    return np.searchsorted(close_times(leg), close_times(master), side="right").astype(np.int64) - 1


def leg_spans(master: Bars, leg: Bars, known: Times, spans: Iterable[tuple[int, int]] | Spans) -> Spans:
    """The bars of ``leg`` that open and end within spans of the master, (spans, 2), both as first bar and bar after.

    ``known``: ``known_at`` of the two. A span within which the leg has no bar is empty: its first bar is the one after.
    """
    wanted = np.asarray(spans, np.int64).reshape(-1, 2)
    first = np.searchsorted(leg.ts_us, master.ts_us[wanted[:, 0]], side="left")
    after = known[wanted[:, 1] - 1] + 1
    return np.stack([first, np.maximum(after, first)], axis=1).astype(np.int64)


def returns_on(known: Times, close: Prices) -> Prices:
    """Return of a leg over each bar of the master, shape of ``known``: 0 where it had no new bar, NaN at first.

    ``known``: ``known_at``; ``close``: of the leg.
    """
    price = np.where(known >= 0, close[np.maximum(known, 0)], np.nan)
    found = np.full(len(known), np.nan)
    found[1:] = price[1:] / price[:-1] - 1.0
    return found
