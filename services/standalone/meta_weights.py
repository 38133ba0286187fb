"""Weights of a combination of strategies, from their returns: equal, by risk, by covariance, by a tree."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from common.market.hierarchical import hierarchical_weights, make_tree

Floats = npt.NDArray[np.float64]
_TINY = 1e-12


def shrunk(returns: Floats) -> Floats:
    """Covariance (k, k) of ``returns`` (T, k), shrunk towards a multiple of the identity so that it can be inverted.

    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88, 2004.
    """
    days, count = returns.shape
    centred = returns - returns.mean(axis=0)
    sample = centred.T @ centred / days
    level = float(np.trace(sample)) / count
    target = level * np.eye(count)
    apart = float(((sample - target) ** 2).sum()) / count
    squares = centred**2
    noise = float((squares.T @ squares / days - sample**2).sum()) / (days * count)
    share = min(noise, apart) / apart if apart > 0.0 else 0.0
    return share * target + (1.0 - share) * sample


def long_only(covariance: Floats, reward: Floats) -> Floats:
    """Weights (k,) ≥ 0 with sum 1 of the least risk for each unit of ``reward`` (k,), none of it below 0.

    Least w' C w - 2 w' r over w ≥ 0, which is a non-negative least-squares problem in the Cholesky factor of C, is
    proportional to it.
    """
    factor = np.linalg.cholesky(covariance + _TINY * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
    found, _ = nnls(factor.T, np.linalg.solve(factor, reward))
    return np.asarray(found / found.sum(), np.float64)


def equal(returns: Floats) -> Floats:
    """The same for all."""
    return np.full(returns.shape[1], 1.0 / returns.shape[1])


def inverse_volatility(returns: Floats) -> Floats:
    """In proportion to one over the deviation."""
    weights = 1.0 / returns.std(axis=0)
    return np.asarray(weights / weights.sum(), np.float64)


def minimum_variance(returns: Floats) -> Floats:
    """The least variance under the shrunk covariance, long only."""
    return _scaled_long_only(returns, np.ones(returns.shape[1]))


def maximum_diversification(returns: Floats) -> Floats:
    """The highest ratio of mean volatility to volatility (Y. Choueifaty and Y. Coignard, 2008), long only."""
    return _scaled_long_only(returns, np.sqrt(np.diag(shrunk(returns))))


def _scaled_long_only(returns: Floats, reward: Floats) -> Floats:
    """``long_only`` in units in which the covariance is about 1: daily variances are small numbers."""
    covariance = shrunk(returns)
    scale = float(np.trace(covariance)) / len(covariance)
    return long_only(covariance / scale, reward / reward.mean())


def hierarchical(returns: Floats) -> Floats:
    """Hierarchical risk parity of the sample covariance (``common.market.hierarchical``)."""
    count = returns.shape[1]
    weights = np.zeros(count)
    covariance = np.atleast_2d(np.cov(returns, rowvar=False))
    hierarchical_weights(covariance, np.arange(count), count, make_tree(count), weights)
    return weights


METHODS: dict[str, Callable[[Floats], Floats]] = {
    "equal": equal,
    "inverse volatility": inverse_volatility,
    "minimum variance": minimum_variance,
    "maximum diversification": maximum_diversification,
    "hierarchical risk parity": hierarchical,
}


def fitted(method: str, returns: Floats) -> Floats:
    """Weights (k,) that sum to 1 of a method of ``METHODS``; a member that never moved gets nothing, if another did."""
    moved = returns.std(axis=0) > 0.0
    if not moved.any():
        return equal(returns)
    weights = np.zeros(returns.shape[1])
    weights[moved] = METHODS[method](np.ascontiguousarray(returns[:, moved]))
    return weights


def diversification_ratio(weights: Floats, returns: Floats) -> float:
    """Mean volatility of the members over the volatility of the combination; 1 where nothing is gained."""
    whole = float((returns @ weights).std())
    return float(weights @ returns.std(axis=0)) / whole if whole > 0.0 else 1.0


def effective_members(returns: Floats) -> float:
    """How many members of no correlation would be as diverse: e to the entropy of the eigenvalues of correlation / k.

    A. Roy and M. Vetterli, "The effective rank", EUSIPCO 2007.
    """
    moved = returns[:, returns.std(axis=0) > 0.0]
    if moved.shape[1] < 2:
        return float(moved.shape[1])
    values = np.linalg.eigvalsh(np.corrcoef(moved, rowvar=False)) / moved.shape[1]
    values = values[values > _TINY]
    return float(np.exp(-(values * np.log(values)).sum()))


def mean_correlation(returns: Floats) -> float:
    """Mean of the correlations of all pairs of members that move; 0 for fewer than two."""
    moved = returns[:, returns.std(axis=0) > 0.0]
    count = moved.shape[1]
    if count < 2:
        return 0.0
    return float((np.corrcoef(moved, rowvar=False).sum() - count) / (count * (count - 1)))
