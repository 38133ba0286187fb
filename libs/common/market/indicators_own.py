"""Indicators of the feature table that TA-Lib does not have: price action and rolling statistics."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

Series = npt.NDArray[np.float64]


def divide(numerator: Series, denominator: Series) -> Series:
    """Quotient of two series (T,); NaN where the denominator is zero."""
    quotient = np.full(numerator.shape, np.nan)
    with np.errstate(over="ignore"):
        return np.divide(numerator, denominator, out=quotient, where=denominator != 0.0)


def shift(series: Series) -> Series:
    """The series (T,) one bar later; NaN on the first bar."""
    shifted = np.full(series.shape, np.nan)
    shifted[1:] = series[:-1]
    return shifted


def returns(close: Series) -> Series:
    """Simple return of each bar (T,), close / previous close − 1."""
    return divide(close, shift(close)) - 1.0


@kernel
def up_streak(close: Series) -> Series:
    """Closes in a row above (positive) or below (negative) the close before (T,); 0 on an unchanged close."""
    streak = np.full(len(close), np.nan)
    count = 0.0
    for bar in range(1, len(close)):
        if close[bar] > close[bar - 1]:
            count = max(count, 0.0) + 1.0
        elif close[bar] < close[bar - 1]:
            count = min(count, 0.0) - 1.0
        else:
            count = 0.0
        streak[bar] = count
    return streak


@kernel
def zscore(series: Series, bars: int) -> Series:
    """Distance (T,) to the mean of the last ``bars`` values, this one included, in population standard deviations."""
    score = np.full(len(series), np.nan)
    for bar in range(bars - 1, len(series)):
        window = series[bar + 1 - bars : bar + 1]
        if window.min() == window.max():
            continue  # the mean of equal numbers may miss them by a rounding, and rounding is no deviation
        score[bar] = (series[bar] - window.mean()) / window.std()
    return score


@kernel
def skewness(series: Series, bars: int) -> Series:
    """Third standardised moment of the last ``bars`` values (T,), not corrected for bias (scipy.stats.skew)."""
    skew = np.full(len(series), np.nan)
    for bar in range(bars - 1, len(series)):
        window = series[bar + 1 - bars : bar + 1]
        if window.min() == window.max():
            continue
        centred = window - window.mean()
        skew[bar] = (centred * centred * centred).mean() / (centred * centred).mean() ** 1.5
    return skew


@kernel
def autocorrelation(series: Series, bars: int) -> Series:
    """Pearson correlation (T,) of the last ``bars`` values with the values one bar before each of them."""
    correlation = np.full(len(series), np.nan)
    for bar in range(bars, len(series)):
        now = series[bar + 1 - bars : bar + 1]
        before = series[bar - bars : bar]
        if now.min() == now.max() or before.min() == before.max():
            continue
        now_centred = now - now.mean()
        before_centred = before - before.mean()
        scale = np.sqrt((now_centred * now_centred).sum() * (before_centred * before_centred).sum())
        correlation[bar] = (now_centred * before_centred).sum() / scale
    return correlation


OWN: dict[str, Callable[..., Series]] = {
    "gap": lambda bars: divide(bars.open, shift(bars.close)) - 1.0,
    "close_location": lambda bars: divide(bars.close - bars.low, bars.high - bars.low),
    "body": lambda bars: divide(bars.close, bars.open) - 1.0,
    "upper_shadow": lambda bars: divide(bars.high - np.maximum(bars.open, bars.close), bars.high - bars.low),
    "lower_shadow": lambda bars: divide(np.minimum(bars.open, bars.close) - bars.low, bars.high - bars.low),
    "up_streak": lambda bars: up_streak(bars.close),
    "zscore": lambda bars, period: zscore(bars.close, period),
    "skewness": lambda bars, period: skewness(returns(bars.close), period),
    "autocorrelation": lambda bars, period: autocorrelation(returns(bars.close), period),
}
"""Name in the feature table -> ``compute(bars, *parameters)`` -> (T,). Gap and body are returns; shadows and the place
of the close are shares of the bar's range; skewness and autocorrelation (lag 1) are those of the bars' returns."""
