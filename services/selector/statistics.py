"""Sharpe ratios with their uncertainty: pooled moments, PSR, the expected maximum of many trials, and the DSR.

Every function takes scalars or arrays of one shape. Sharpe ratios are per bar, not annual; kurtosis is not excess
(3 for a normal distribution).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Floats = npt.NDArray[np.float64]
Count = int | npt.NDArray[np.int64]


class Moments(NamedTuple):
    """Of the returns of one window: ``deviation`` with ddof 1, ``skewness`` and ``kurtosis`` with ddof 0."""

    bars: Floats
    mean: Floats
    deviation: Floats
    skewness: Floats
    kurtosis: Floats


def pooled(first: Moments, second: Moments) -> Moments:
    """The moments of both samples laid end to end, exactly, without the samples.

    Pairwise update of the central power sums: Pébay 2008, "Formulas for robust, one-pass parallel computation of
    covariances and arbitrary-order statistical moments", equations 2.1 to 2.5. No bars at all gives zeros.
    """
    na, a2, a3, a4 = _central_sums(first)
    nb, b2, b3, b4 = _central_sums(second)
    n = na + nb
    share_a, share_b = _ratio(na, n), _ratio(nb, n)
    delta = second.mean - first.mean
    m2 = a2 + b2 + delta**2 * na * share_b
    m3 = a3 + b3 + delta**3 * na * share_b * (share_a - share_b) + 3 * delta * (share_a * b2 - share_b * a2)
    m4 = (
        a4
        + b4
        + delta**4 * na * share_b * (share_a**2 - share_a * share_b + share_b**2)
        + 6 * delta**2 * (share_a**2 * b2 + share_b**2 * a2)
        + 4 * delta * (share_a * b3 - share_b * a3)
    )
    variance = _ratio(m2, n)
    return Moments(
        n,
        first.mean + delta * share_b,
        np.sqrt(_ratio(m2, n - 1)),
        _ratio(m3, n * variance**1.5),
        _ratio(m4, n * variance**2),
    )


def sharpe_ratio(moments: Moments) -> Floats:
    """Mean over deviation, per bar; 0 where nothing varies."""
    return _ratio(moments.mean, moments.deviation)


def probabilistic_sharpe(moments: Moments, benchmark: float | Floats) -> Floats:
    """PSR: the probability that the true Sharpe ratio exceeds ``benchmark``, given length, skewness and kurtosis.

    Bailey, López de Prado 2012, "The Sharpe ratio efficient frontier", equation 11.
    """
    sharpe = sharpe_ratio(moments)
    spread = 1.0 - moments.skewness * sharpe + (moments.kurtosis - 1.0) / 4.0 * sharpe**2
    # Zero only for a two-point distribution; rounding may take it below.
    scale = np.sqrt(np.maximum(moments.bars - 1.0, 0.0) / np.maximum(spread, 1e-12))
    return np.asarray(ndtr((sharpe - benchmark) * scale), np.float64)


def expected_maximum_sharpe(trials: Count, variance: float | Floats) -> Floats:
    """The Sharpe ratio that the best of ``trials`` independent skill-less strategies is expected to show.

    Bailey, López de Prado 2014, "The Deflated Sharpe Ratio", equation 1 (from extreme-value theory). ``variance`` is
    that of the estimates under the null, 1 / bars: with the variance across trials the ratio never finds anything.
    """
    count = np.maximum(np.asarray(trials, np.float64), 1.0)
    low = ndtri(np.where(count > 1.0, 1.0 - 1.0 / count, 0.5))
    high = ndtri(1.0 - 1.0 / (count * np.e))
    best = np.where(count > 1.0, (1.0 - np.euler_gamma) * low + np.euler_gamma * high, 0.0)
    return np.asarray(np.sqrt(np.asarray(variance, np.float64)) * best, np.float64)


def deflated_sharpe(moments: Moments, trials: Count) -> Floats:
    """DSR: the PSR against the expected maximum over ``trials`` (Bailey, López de Prado 2014, equation 2)."""
    variance = _ratio(np.ones_like(moments.bars), moments.bars)
    return np.where(moments.bars > 1, probabilistic_sharpe(moments, expected_maximum_sharpe(trials, variance)), 0.0)


def one_sided_p(z: float | Floats) -> Floats:
    """The chance that a standard normal exceeds ``z``."""
    return np.asarray(ndtr(-np.asarray(z, np.float64)), np.float64)


def _central_sums(moments: Moments) -> tuple[Floats, Floats, Floats, Floats]:
    """Count and the sums of the squared, cubed and fourth-power distances from the mean."""
    n = moments.bars
    m2 = moments.deviation**2 * np.maximum(n - 1, 0)
    variance = _ratio(m2, n)
    return n, m2, moments.skewness * n * variance**1.5, moments.kurtosis * n * variance**2


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """``top / bottom``, and 0 where ``bottom`` is not positive."""
    positive = np.asarray(bottom) > 0
    return np.where(positive, top, 0.0) / np.where(positive, bottom, 1.0)
