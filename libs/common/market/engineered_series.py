"""Transforms of engineered features: causal rolling figures of a series on the base bar clock, in one pass each."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.market.indicators_own import divide
from common.random import logarithm

Series = npt.NDArray[np.float64]


def transformed(transform: str, a: Series, b: Series, window: int) -> Series:
    """The engineered series (T,) of a source ``a``, and for product and ratio of ``b``; NaN where unknown.

    zscore: distance of x to the mean of its last ``window`` values (x among them) in their population standard
    deviations. rank: share of the ``window`` values before x that lie below it, a tie counting half. difference: x less
    x ``window`` bars ago. log: log(1 + x − the lowest of the last ``window`` values), so the argument is never below 1.
    lag: x itself, for every transform is delayed by the lag gene. product: a b. ratio: a / b, unknown where b is 0.
    """
    match transform:
        case "zscore":
            return rolling_zscore(a, window)
        case "rank":
            return rolling_rank(a, window)
        case "difference":
            result = np.full(len(a), np.nan)
            result[window:] = a[window:] - a[: max(len(a) - window, 0)]
            return result
        case "log":
            return log_above_low(a, window)
        case "product":
            return _finite(a * b)
        case "ratio":
            return _finite(divide(a, b))
        case _:
            return a


def _finite(series: Series) -> Series:
    return np.where(np.isfinite(series), series, np.nan)


def delayed(series: Series, bars: int) -> Series:
    """The series as it was ``bars`` bars ago; NaN on the first ones."""
    result = np.full(len(series), np.nan)
    result[bars:] = series[: max(len(series) - bars, 0)]
    return result


@kernel
def rolling_zscore(series: Series, window: int) -> Series:
    """(x − mean) / standard deviation of the last ``window`` values (T,); NaN where one is unknown or all are equal.

    Every window is the end of one block of ``window`` bars and the beginning of the next. Their moments, by Welford's
    recurrence, are joined by the formula of Chan, Golub and LeVeque (1979): one pass, and no sum is ever subtracted
    from, so no rounding outlives its window.
    """
    bars = len(series)
    score = np.full(bars, np.nan)
    end_mean, end_squares = np.empty(window + 1), np.empty(window + 1)
    for first in range(0, bars, window):
        mean, squares = 0.0, 0.0
        for place in range(min(window, bars - first)):
            bar = first + place
            count = place + 1
            step = series[bar] - mean
            mean += step / count
            squares += step * (series[bar] - mean)
            older = window - count
            if older > 0 and first == 0:
                continue
            gap = mean - end_mean[older] if older > 0 else 0.0
            total_mean = mean - gap * older / window
            total = squares + (end_squares[older] if older > 0 else 0.0) + gap * gap * older * count / window
            if total > 0.0:
                score[bar] = (series[bar] - total_mean) / np.sqrt(total / window)
        mean, squares = 0.0, 0.0
        for count in range(1, window):  # the moments of the last ``count`` bars of this block
            bar = first + window - count
            if bar >= bars:
                break
            step = series[bar] - mean
            mean += step / count
            squares += step * (series[bar] - mean)
            end_mean[count], end_squares[count] = mean, squares
    return score


@kernel
def rolling_rank(series: Series, window: int) -> Series:
    """Share of the ``window`` values before each value that lie below it, ties half; NaN where one is unknown."""
    ranks = np.full(len(series), np.nan)
    unknown = 0
    for bar in range(len(series)):
        if bar >= window and unknown == 0 and not np.isnan(series[bar]):
            below, not_above = np.int64(0), np.int64(0)
            for value in series[bar - window : bar]:
                below += np.int64(value < series[bar])
                not_above += np.int64(value <= series[bar])
            ranks[bar] = 0.5 * (below + not_above) / window
        unknown += np.isnan(series[bar])
        if bar >= window:
            unknown -= np.isnan(series[bar - window])
    return ranks


@kernel
def log_above_low(series: Series, window: int) -> Series:
    """log(1 + x − lowest of the last ``window`` values), (T,); NaN where one of them is unknown."""
    bars = len(series)
    result = np.full(bars, np.nan)
    end_low = np.full(window + 1, np.inf)
    for first in range(0, bars, window):
        low = np.inf
        for place in range(min(window, bars - first)):
            bar = first + place
            if np.isnan(series[bar]):
                break  # the rest of the block has it in its window
            low = min(low, series[bar])
            older = window - 1 - place
            if older > 0 and (first == 0 or np.isnan(end_low[older])):
                continue
            lowest = min(low, end_low[older]) if older > 0 else low
            result[bar] = logarithm(1.0 + series[bar] - lowest)
        low = np.inf
        for count in range(1, window):
            bar = first + window - count
            if bar >= bars:
                break
            low = np.nan if np.isnan(series[bar]) or np.isnan(low) else min(low, series[bar])
            end_low[count] = low
    return result
