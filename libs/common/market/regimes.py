"""The regime of every bar: bull, bear, sideways, high volatility or crisis, told from the past alone."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.genome.genes import REGIMES
from common.market.bars import Bars

VOLATILITY_BARS = 20
MEMORY_BARS = 500
"""What is typical is judged over this many bars back; before ``MEMORY_BARS_MIN`` of them everything is sideways."""
MEMORY_BARS_MIN = 120
AVERAGE_BARS = 50
SLOPE_BARS = 20
PEAK_BARS = 250
HIGH_VOLATILITY_RANK = 0.9
TREND = 0.5
CRISIS_DEPTH = 1.0
_BULL, _BEAR, _SIDEWAYS, _HIGH_VOLATILITY, _CRISIS = (
    REGIMES.index(name) for name in ("bull", "bear", "sideways", "high_volatility", "crisis")
)


def _slope_deviation() -> float:
    """Standard deviation of the change of SMA(50) over 20 bars, in bars' volatility, when price is a random walk."""
    weights = np.convolve(np.ones(AVERAGE_BARS), np.ones(SLOPE_BARS)) / AVERAGE_BARS
    return float(np.sqrt((weights**2).sum()))


SLOPE_DEVIATION = _slope_deviation()


def regime_labels(bars: Bars) -> npt.NDArray[np.uint8]:
    """Index into ``genes.REGIMES`` of every bar (T,), known at its close; the same for bars of any length.

    Let v be the standard deviation of the last 20 log returns, its rank the place (0 to 1) it takes among the last 500
    values of v, and s their median, the typical volatility. The first that holds:

    * crisis: rank ≥ 0.9, and the log of the 250-bar high over the close ≥ 1.0 · s · √250 (for s = 1 %, a fall of 15 %);
    * high_volatility: rank ≥ 0.9;
    * bull, bear: the change over 20 bars of the 50-bar mean of log prices, divided by what one standard deviation of it
      would be on a driftless random walk of volatility s, is above 0.5, or below -0.5;
    * sideways: otherwise, and where history is too short to tell.
    """
    logs = pd.Series(np.log(bars.close))
    volatility = logs.diff().rolling(VOLATILITY_BARS).std()
    memory = volatility.rolling(MEMORY_BARS, min_periods=MEMORY_BARS_MIN)
    rank, typical = memory.rank(method="average", pct=True), memory.median()
    depth = pd.Series(np.log(bars.high)).rolling(PEAK_BARS, min_periods=1).max() - logs
    slope = logs.rolling(AVERAGE_BARS).mean().diff(SLOPE_BARS)
    wild = rank >= HIGH_VOLATILITY_RANK
    # A comparison with NaN (warm-up) is false; where price stands still 0 > 0 is false too.
    chosen = np.select(
        [
            wild & (depth >= CRISIS_DEPTH * np.sqrt(PEAK_BARS) * typical),
            wild,
            slope > TREND * SLOPE_DEVIATION * typical,
            slope < -TREND * SLOPE_DEVIATION * typical,
        ],
        [_CRISIS, _HIGH_VOLATILITY, _BULL, _BEAR],
        _SIDEWAYS,
    )
    return chosen.astype(np.uint8)
