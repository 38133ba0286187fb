"""Coarser bars from finer ones: which bars form a group, when that group is complete, and what it looks like."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.errors import DataError
from common.market.bars import DAY_US, HOUR_US, Bars, Times

_UNITS = {"m": 60_000_000, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
_MONDAY_US = -3 * DAY_US  # 1970-01-01 was a Thursday
_MONTH_US = 31 * DAY_US


@dataclass(frozen=True, slots=True)
class Groups:
    """Runs of consecutive base bars; arrays of shape (G,), one entry per group, in time order.

    ``first`` is the index of its first base bar, ``start_us`` the instant it begins, ``known_from`` the base bar at
    whose close the group is known to be complete: its last bar where that one reaches the end of the group, else the
    first bar of the next group, which for the last group does not exist yet (then it is the number of base bars).
    """

    first: npt.NDArray[np.int64]
    start_us: Times
    known_from: npt.NDArray[np.int64]
    length_us: int


def resample(bars: Bars, step: str) -> Bars:
    """Bars of length ``step``: a number and a unit (m, h, d, w, mo), as in ``15m``, ``4h``, ``1d``, ``1w``, ``1mo``.

    Groups are cut in UTC, weeks on Monday, months on the calendar. The last bar may still be open. Raises DataError for
    a step that is not one of these or shorter than the bars.
    """
    return aggregate(bars, by_time(bars, step), step)


def by_time(bars: Bars, step: str) -> Groups:
    """Groups of the clock and the calendar."""
    match = re.fullmatch(r"([1-9][0-9]{0,3})(mo|[mhdw])", step)
    if match is None:
        raise DataError(f"step: {step!r} is not a length; use a number and m, h, d, w or mo, as in 4h, 1d, 1w, 1mo")
    count, unit = int(match[1]), match[2]
    if unit == "mo":
        months = bars.ts_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) // count
        start = (months * count).astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
        end = ((months + 1) * count).astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
        length_us = count * _MONTH_US
    else:
        length_us = count * _UNITS[unit]
        anchor = _MONDAY_US if unit == "w" else 0
        start = (bars.ts_us - anchor) // length_us * length_us + anchor
        end = start + length_us
    if length_us < bars.bar_us:
        raise DataError(f"step: {step} is shorter than the bars of {bars.name}, {bars.bar_us // 1_000_000} s; use more")
    return _groups(bars, start, end, length_us)


def _groups(bars: Bars, start: Times, end: Times, length_us: int) -> Groups:
    full = bars.ts_us + bars.bar_us >= end
    # A bar that opens although the one before it already filled their group (bars that overlap) counts for the next
    # group: otherwise a group that was known as complete would change.
    late = np.zeros(len(bars), np.bool_)
    late[1:] = full[:-1] & (start[1:] == start[:-1])
    start = np.where(late, end, start)
    full &= ~late
    first = np.flatnonzero(np.diff(start, prepend=start[:1] - 1))
    last = np.append(first[1:], len(bars))[: first.size] - 1
    return Groups(first, start[first], np.where(full[last], last, last + 1), length_us)


def by_count(bars: Bars, count: int) -> Groups:
    """Groups of ``count`` bars, counted from the first: for bars that no calendar fits."""
    first = np.arange(0, len(bars), count, dtype=np.int64)
    return Groups(first, bars.ts_us[first], first + count - 1, count * bars.bar_us)


def aggregate(bars: Bars, groups: Groups, label: str) -> Bars:
    """One bar per group: first open, highest high, lowest low, last close, sum of volume."""
    first = groups.first
    if first.size == 0:
        empty = np.empty(0)
        return Bars(f"{bars.name}@{label}", groups.start_us, empty, empty, empty, empty, empty, groups.length_us)
    last = np.append(first[1:], len(bars)) - 1
    return Bars(
        f"{bars.name}@{label}",
        groups.start_us,
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.volume, first),
        groups.length_us,
    )
