"""Causal rolling rank: where a value stands among the values just before it."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

RANK_BARS = 250
"""How many bars before the current one are looked at."""
RANK_KNOWN_MIN = 50
"""With fewer known values than this among them, the rank is unknown."""


@kernel
def quantile_rank(series: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the RANK_BARS values before each value of ``series`` (T,) that lie below it; a tie counts half.

    Returns (T,) in [0, 1]; NaN where the value is NaN or where fewer than RANK_KNOWN_MIN of those before are known.
    """
    ranks = np.full(len(series), np.nan)
    padded = np.full(RANK_BARS + len(series), np.nan)  # a window of constant length compiles to vector registers
    padded[RANK_BARS:] = series
    known = 0
    for bar in range(len(series)):
        value = series[bar]
        is_known = not np.isnan(value)
        if is_known and known >= RANK_KNOWN_MIN:
            # Counting all of them beats a sorted window five times, and a NaN counts as neither.
            below = np.int64(0)
            not_above = np.int64(0)
            window = padded[bar : bar + RANK_BARS]
            for place in range(RANK_BARS):
                below += np.int64(window[place] < value)
                not_above += np.int64(window[place] <= value)
            ranks[bar] = 0.5 * (below + not_above) / known
        known += is_known
        known -= not np.isnan(padded[bar])
    return ranks
