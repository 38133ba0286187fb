"""The two coarser timeframes of a market, and which of their bars are complete at the close of every base bar."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.resampling import Groups, aggregate, by_count, by_time


@dataclass(frozen=True, slots=True)
class Coarse:
    """Complete coarse bars, and ``known`` (T,): the last of them that is complete at the close of base bar i, or -1."""

    bars: Bars
    known: npt.NDArray[np.int32]


def coarser(bars: Bars) -> tuple[Coarse, Coarse]:
    """The "higher" and the "highest" timeframe; value i of ``known`` looks at base bars 0..i only.

    Bars up to an hour: four hours and days. Four hours: days and weeks. Days: weeks and months. Anything else: groups
    of 5 and of 20 bars. A group whose last bars are missing (a week that ends on Friday) is complete at the close of
    the first bar after it, since before that nobody can tell that nothing more will come.
    """
    if bars.bar_us <= HOUR_US:
        steps = ("4h", "1d")
    elif bars.bar_us == 4 * HOUR_US:
        steps = ("1d", "1w")
    elif bars.bar_us == DAY_US:
        steps = ("1w", "1mo")
    else:
        return _coarse(bars, by_count(bars, 5), "x5"), _coarse(bars, by_count(bars, 20), "x20")
    return _coarse(bars, by_time(bars, steps[0]), steps[0]), _coarse(bars, by_time(bars, steps[1]), steps[1])


def _coarse(bars: Bars, groups: Groups, label: str) -> Coarse:
    known = np.searchsorted(groups.known_from, np.arange(len(bars)), side="right") - 1
    complete = int((groups.known_from < len(bars)).sum())
    return Coarse(aggregate(bars, groups, label).until(complete), known.astype(np.int32))
