"""One instrument as the kernels see it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats

Words = npt.NDArray[np.uint64]
Labels = npt.NDArray[np.uint8]


class MarketArrays(NamedTuple):
    """What belongs to bar i is known at its close. Shapes (T,), except where stated."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    atr: Floats
    volatility: Floats
    """Annualised, NaN where unknown."""
    move: Floats
    """Volatility of one bar, 0 where unknown."""
    volume: Floats
    """Mean quote volume of the last bars, 0 where the feed has none."""
    spread: Floats
    """Factor on spread and slippage, 1 except under stress."""
    late: Floats
    """Exponential draws of mean 1: how late an order of this bar is, in multiples of the venue's latency."""
    stale: Labels
    """1: the bar's open is a copy of the close before (``market.opens``), known when it prints."""
    regime: Labels
    hour: Labels
    weekday: Labels
    month: Labels
    blackout: Labels
    """Bit b: the bar is in calendar b of ``time.blackout``, its first allele (none) not counted."""
    bank: Words
    """(conditions, words)."""
    bar_ms: float
    days: float
    """Calendar days that a bar stands for."""


def single(values: Floats) -> Floats:
    """Rounded to single precision, in which the index holds what is known of a bar: both engines then see the same."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite: a stop is then half the price away
        return np.asarray(values, np.float32).astype(np.float64)
