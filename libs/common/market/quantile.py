"""Causal rolling rank: where a value stands among the values just before it."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

RANK_BARS = 250
"""How many bars before the current one are looked at."""
RANK_KNOWN_MIN = 50
"""With fewer known values than this among them, the rank is unknown."""
_WINDOW = 256  # whole vector registers; what it holds beyond RANK_BARS is counted off again
_CODE_MAX = 32766
_CODES_PER_DEVIATION = 8000.0
_CODE_UNKNOWN = 32767
_SAMPLE_STEP = 16


@kernel
def quantile_rank(series: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the RANK_BARS values before each value of ``series`` (T,) that lie below it; a tie counts half.

    Returns (T,) in [0, 1]; NaN where the value is NaN or where fewer than RANK_KNOWN_MIN of those before are known.
    """
    ranks = np.full(len(series), np.nan)
    padded = np.full(RANK_BARS + len(series), np.nan)
    padded[RANK_BARS:] = series
    codes = np.full(_WINDOW + len(series), _CODE_UNKNOWN, np.int16)
    _encode(series, codes[_WINDOW:])
    known = 0
    for bar in range(len(series)):
        value = series[bar]
        is_known = not np.isnan(value)
        if is_known and known >= RANK_KNOWN_MIN:
            # Counting all of them beats a sorted window, and codes beat values: four times as many fit a register.
            code = codes[_WINDOW + bar]
            window = codes[bar : bar + _WINDOW]
            narrow_below, narrow_not_above = np.int16(0), np.int16(0)
            for place in range(_WINDOW):
                narrow_below = np.int16(narrow_below + np.int16(window[place] < code))
                narrow_not_above = np.int16(narrow_not_above + np.int16(window[place] <= code))
            below, not_above = np.int64(narrow_below), np.int64(narrow_not_above)
            for place in range(_WINDOW - RANK_BARS):
                below -= np.int64(window[place] < code)
                not_above -= np.int64(window[place] <= code)
            if not_above > below:  # equal codes: only the values themselves tell whether they are equal too
                below, not_above = _count(padded[bar : bar + RANK_BARS], value)
            ranks[bar] = 0.5 * (below + not_above) / known
        known += is_known
        known -= not np.isnan(padded[bar])
    return ranks


@kernel
def _encode(series: npt.NDArray[np.float64], codes: npt.NDArray[np.int16]) -> None:
    """Codes (T,) in the order of the values: a smaller value never has the larger code, a NaN is above all others.

    Subtracting, multiplying and cutting off never swap two numbers, rounded or not. So any centre and scale will do,
    and a sample of the series gives good ones.
    """
    sample = series[::_SAMPLE_STEP]
    count, total, squares = 0, 0.0, 0.0
    for value in sample:
        if np.isfinite(value):
            count += 1
            total += value
    centre = total / count if count else 0.0
    for value in sample:
        if np.isfinite(value):
            squares += (value - centre) * (value - centre)
    scale = _CODES_PER_DEVIATION / np.sqrt(squares / count) if squares > 0.0 else 0.0
    usable = 0.0 < scale < np.inf
    for bar in range(len(series)):
        if np.isnan(series[bar]):
            codes[bar] = _CODE_UNKNOWN
        elif usable:
            codes[bar] = np.int16(min(max((series[bar] - centre) * scale, -_CODE_MAX), _CODE_MAX))
        else:
            codes[bar] = 0


@kernel
def _count(window: npt.NDArray[np.float64], value: float) -> tuple[np.int64, np.int64]:
    """How many of the RANK_BARS values are below ``value``, and how many not above; a NaN is neither."""
    below, not_above = np.int64(0), np.int64(0)
    for place in range(RANK_BARS):
        below += np.int64(window[place] < value)
        not_above += np.int64(window[place] <= value)
    return below, not_above
