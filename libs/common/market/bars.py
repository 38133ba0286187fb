"""Price bars of one instrument, checked once so that nothing downstream has to doubt them."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from common.errors import DataError

Prices = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
YEAR_US = int(365.25 * DAY_US)


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars in time order, every array of shape (T,); nobody may write to them.

    ``ts_us`` is the instant a bar opens, in microseconds since 1970 UTC; ``bar_us`` the nominal length of a bar.
    Missing bars (nights, weekends, outages) are simply absent. Volume is in the source's unit, 0 where it has none.
    Raises DataError, naming the first offending bar, when lengths differ, a value is not finite, a price is not
    positive, high or low does not contain the bar, volume is negative, or time does not strictly increase.
    """

    name: str
    ts_us: Times
    open: Prices
    high: Prices
    low: Prices
    close: Prices
    volume: Prices
    bar_us: int

    def __post_init__(self) -> None:
        for field in ("open", "high", "low", "close", "volume"):
            values = getattr(self, field)
            if values.dtype != np.float64 or values.shape != self.ts_us.shape:
                raise DataError(
                    f"bars {self.name}: {field} is {values.dtype}{values.shape}; "
                    f"use float64 of shape {self.ts_us.shape}, as ts_us"
                )
        if self.ts_us.dtype != np.int64 or self.ts_us.ndim != 1:
            raise DataError(f"bars {self.name}: ts_us is {self.ts_us.dtype}{self.ts_us.shape}; use one row of int64")
        if self.bar_us <= 0:
            raise DataError(f"bars {self.name}: bar_us is {self.bar_us}; use a positive number of microseconds")
        for reason, wrong in faults(self.ts_us, self.open, self.high, self.low, self.close, self.volume).items():
            if wrong.any():
                row = int(wrong.argmax())
                raise DataError(
                    f"bars {self.name}: {reason} in {int(wrong.sum())} bars, first at {row} ({self.at(row)})"
                )

    @classmethod
    def make(
        cls,
        name: str,
        ts_us: npt.ArrayLike,
        open_: npt.ArrayLike,
        high: npt.ArrayLike,
        low: npt.ArrayLike,
        close: npt.ArrayLike,
        volume: npt.ArrayLike,
    ) -> Self:
        """Bars whose nominal length is the median step between them; at least two."""
        times = np.ascontiguousarray(ts_us, np.int64)
        if times.size < 2:
            raise DataError(f"bars {name}: {times.size} bars; at least two are needed to tell how long a bar is")
        steps = np.diff(times)
        bar_us = int(np.partition(steps, (steps.size - 1) // 2)[(steps.size - 1) // 2])
        # A step of zero or less is a fault of time, which the constructor names better than a fault of bar_us.
        return cls(
            name,
            times,
            np.ascontiguousarray(open_, np.float64),
            np.ascontiguousarray(high, np.float64),
            np.ascontiguousarray(low, np.float64),
            np.ascontiguousarray(close, np.float64),
            np.ascontiguousarray(volume, np.float64),
            max(bar_us, 1),
        )

    def __len__(self) -> int:
        return int(self.ts_us.size)

    def at(self, bar: int) -> str:
        """When a bar opens, for people: ISO 8601, UTC."""
        return f"{np.datetime64(int(self.ts_us[bar]), 'us').astype('datetime64[s]')}Z"

    def until(self, n: int) -> Self:
        """The first ``n`` bars; the arrays are views."""
        return type(self)(
            self.name,
            self.ts_us[:n],
            self.open[:n],
            self.high[:n],
            self.low[:n],
            self.close[:n],
            self.volume[:n],
            self.bar_us,
        )

    @property
    def bars_per_year(self) -> float:
        """How many bars a year of this market has, counted over the whole span (one bar: as if it never closed)."""
        if len(self) < 2:
            return YEAR_US / self.bar_us
        return (len(self) - 1) * YEAR_US / int(self.ts_us[-1] - self.ts_us[0])

    @cached_property
    def digest(self) -> str:
        """BLAKE2b-128 of the content, hex; the name is not part of it."""
        state = hashlib.blake2b(f"{self.bar_us}:{len(self)}:".encode(), digest_size=16)
        state.update(self.ts_us.astype("<i8").tobytes())
        for array in (self.open, self.high, self.low, self.close, self.volume):
            state.update((array + 0.0).astype("<f8").tobytes())  # + 0.0: a volume of -0.0 is a volume of 0.0
        return state.hexdigest()


def faults(
    ts_us: Times, open_: Prices, high: Prices, low: Prices, close: Prices, volume: Prices
) -> dict[str, npt.NDArray[np.bool_]]:
    """Every way a bar can be wrong, in words, and the bars (T,) it is true of; a bar counts for its first fault only.

    A bar is out of order when it does not open after every bar before it.
    """
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    finite = np.isfinite(open_) & np.isfinite(high) & np.isfinite(low) & np.isfinite(close)
    found: dict[str, npt.NDArray[np.bool_]] = {
        "a price is missing or not a number": ~finite,
        "a price is zero or negative": np.minimum(low, np.minimum(bottom, high)) <= 0,
        "high is below low": high < low,
        "high is below open or close": high < top,
        "low is above open or close": low > bottom,
        "volume is missing, not a number or negative": ~(np.isfinite(volume) & (volume >= 0)),
    }
    already = np.zeros(ts_us.size, np.bool_)
    for reason, wrong in found.items():
        found[reason] = wrong & ~already
        already |= wrong
    # A bar that is wrong anyway must not make the good bar beside it look repeated or late.
    latest = np.maximum.accumulate(np.where(already, np.iinfo(np.int64).min, ts_us))[:-1]
    found["the time repeats"] = np.append(False, ts_us[1:] == latest)[: ts_us.size] & ~already
    found["the time goes backwards"] = np.append(False, ts_us[1:] < latest)[: ts_us.size] & ~already
    return found
