"""Bars as shapes: what each did relative to the close before it, so that a path can be made of other bars."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.market.bars import DAY_US, Bars, Prices, Times
from common.random import exponential, logarithm

VOLUME_BARS = 250
"""Volume is told relative to the mean of so many bars up to and including its own."""
PATH_MAX = 20.0
"""A path stays within e to the power of plus or minus this of where it starts."""
_WEEK_US = 7 * DAY_US
_CALENDAR_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Shapes:
    """Arrays of shape (N,), logs of ratios: ``gap`` = open / close before, the others to their own open.

    So low ≤ 0, low ≤ close and high ≥ 0, high ≥ close. ``volume`` is a multiple of the mean around the bar.
    """

    gap: Prices
    high: Prices
    low: Prices
    close: Prices
    volume: Prices

    @property
    def returns(self) -> Prices:
        """Log return of each bar, close to close."""
        return self.gap + self.close

    def pick(self, places: npt.NDArray[np.int64]) -> Self:
        """The shapes at ``places``, in that order, copied."""
        return type(self)(
            self.gap[places], self.high[places], self.low[places], self.close[places], self.volume[places]
        )

    def scaled(self, factor: npt.NDArray[np.float64] | float) -> Self:
        """Every log move times ``factor`` (≥ 0); volume stays."""
        return type(self)(self.gap * factor, self.high * factor, self.low * factor, self.close * factor, self.volume)


def shapes_of(bars: Bars) -> Shapes:
    """The shapes of all bars but the first, which has no close before it."""
    opens = bars.open[1:]
    total = np.cumsum(np.append(0.0, bars.volume))
    ends = np.arange(1, len(bars) + 1)
    begins = np.maximum(ends - VOLUME_BARS, 0)
    mean = (total[ends] - total[begins]) / (ends - begins)
    # A running sum keeps rounding: without its bound a bar of no volume after a huge one could count for anything.
    volume = np.where(mean > 0, np.clip(bars.volume / np.where(mean > 0, mean, 1.0), 0.0, VOLUME_BARS), 0.0)
    return Shapes(
        _logs(opens, bars.close[:-1]),
        _logs(bars.high[1:], opens),
        _logs(bars.low[1:], opens),
        _logs(bars.close[1:], opens),
        volume[1:],
    )


def continued(bars: Bars, shapes: Shapes, name: str) -> Bars:
    """``bars`` followed by bars of these shapes, in the market's own calendar; ``name`` is added to the name.

    Volume is relative to the mean of the last 250 bars. Where the path would leave e±20 it stops at that bound.
    """
    open_, high, low, close = _path(shapes.gap, shapes.high, shapes.low, shapes.close, bars.close[-1])
    volume = shapes.volume * bars.volume[-VOLUME_BARS:].mean()
    return Bars(
        f"{bars.name}/{name}",
        np.concatenate((bars.ts_us, next_times(bars, len(open_)))),
        np.concatenate((bars.open, open_)),
        np.concatenate((bars.high, np.maximum(high, np.maximum(open_, close)))),
        np.concatenate((bars.low, np.minimum(low, np.minimum(open_, close)))),
        np.concatenate((bars.close, close)),
        np.concatenate((bars.volume, volume)),
        bars.bar_us,
    )


def next_times(bars: Bars, count: int) -> Times:
    """When the next ``count`` bars open: at the times of the week at which bars opened in most of the last 8 weeks.

    So nights and weekends stay shut and holidays are traded. Bars that fit no week, and histories of less than two
    weeks, go on in steps of one bar.
    """
    last = int(bars.ts_us[-1])
    weeks = min((last - int(bars.ts_us[0])) // _WEEK_US, _CALENDAR_WEEKS)
    if weeks >= 2 and _WEEK_US % bars.bar_us == 0:
        recent = bars.ts_us[bars.ts_us > last - weeks * _WEEK_US]
        slots, seen = np.unique((recent - last) % _WEEK_US, return_counts=True)
        slots = slots[2 * seen >= weeks]
        if slots.size:
            later = np.arange(count // slots.size + 2)[:, None] * _WEEK_US + slots
            return last + later[later > 0][:count]
    return last + bars.bar_us * np.arange(1, count + 1)


@kernel
def _logs(above: Prices, below: Prices) -> Prices:
    """Logs of ratios, by ``common.random``: the same bits on every machine."""
    found = np.empty(len(above))
    for bar in range(len(above)):
        found[bar] = logarithm(above[bar] / below[bar])
    return found


@kernel
def _path(gap: Prices, high: Prices, low: Prices, close: Prices, start: float) -> npt.NDArray[np.float64]:
    """Prices (4, N): open, high, low, close of bars of these shapes, the first after a close of ``start``."""
    prices = np.empty((4, len(gap)))
    level = 0.0
    for bar in range(len(gap)):
        opened = min(max(level + gap[bar], -PATH_MAX), PATH_MAX)
        level = min(max(opened + close[bar], -PATH_MAX), PATH_MAX)
        prices[0, bar] = start * exponential(opened)
        prices[1, bar] = start * exponential(min(max(opened + high[bar], -PATH_MAX), PATH_MAX))
        prices[2, bar] = start * exponential(min(max(opened + low[bar], -PATH_MAX), PATH_MAX))
        prices[3, bar] = start * exponential(level)
    return prices
