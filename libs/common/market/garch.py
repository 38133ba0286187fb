"""A GARCH(1,1) path with Student's t: parameters told from returns, and bars drawn from them.

T. Bollerslev, "Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31, 1986, and "A
conditionally heteroskedastic time series model for speculative prices", Review of Economics and Statistics 69, 1987.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.market.shapes import Shapes
from common.random import Stream, logarithm, normal, uniform

ALPHAS = np.array([0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2])
PERSISTENCES = np.array([0.9, 0.94, 0.96, 0.98, 0.99, 0.995])
FREEDOM_MIN, FREEDOM_MAX = 5, 30
NIGHT_SHARE_MAX = 0.9
VARIANCE_MIN = 1e-24
"""Below it returns are rounding: a price that stands still, or grows by the same share with every bar."""


class Garch(NamedTuple):
    """variance' = variance · (1 − persistence) + alpha · (return − mean)² + (persistence − alpha) · variance of before.

    ``variance`` is the long-run one of a bar's log return, ``freedom`` that of the t, ``night_share`` the share of the
    variance that falls between a close and the next open. ``mean`` is the mean log return.
    """

    mean: float
    variance: float
    alpha: float
    persistence: float
    freedom: int
    night_share: float


def estimate(shapes: Shapes) -> Garch:
    """Long-run variance from the sample (variance targeting), alpha and persistence by Gaussian quasi-likelihood.

    The two are the best of a grid, ALPHAS by PERSISTENCES, for an estimate good enough to draw from; freedom is that of
    the t whose kurtosis the standardised returns have, 4 + 6 / (kurtosis − 3), between 5 and 30.
    """
    returns = shapes.returns
    mean, variance = float(returns.mean()), float(returns.var())
    squares = (returns - mean) ** 2
    inside = float(shapes.close.var())
    night = float(shapes.gap.var())
    share = min(night / (night + inside), NIGHT_SHARE_MAX) if night > 0 else 0.0
    if variance < VARIANCE_MIN:
        return Garch(mean, 0.0, 0.0, 0.0, FREEDOM_MAX, share)
    costs = [
        (_cost(squares, variance, alpha, persistence), alpha, persistence)
        for alpha in ALPHAS.tolist()
        for persistence in PERSISTENCES.tolist()
    ]
    _, alpha, persistence = min(costs)
    kurtosis = _kurtosis(squares, variance, alpha, persistence)
    freedom = FREEDOM_MAX if kurtosis <= 3 else int(min(max(4 + 6 / (kurtosis - 3), FREEDOM_MIN), FREEDOM_MAX))
    return Garch(mean, variance, alpha, persistence, freedom, share)


@kernel
def _cost(squares: npt.NDArray[np.float64], variance: float, alpha: float, persistence: float) -> float:
    """Minus twice the Gaussian log-likelihood, but for a constant."""
    now = variance
    total = 0.0
    for bar in range(len(squares)):
        total += logarithm(now) + squares[bar] / now
        now = variance * (1 - persistence) + alpha * squares[bar] + (persistence - alpha) * now
    return total


@kernel
def _kurtosis(squares: npt.NDArray[np.float64], variance: float, alpha: float, persistence: float) -> float:
    now = variance
    second = fourth = 0.0
    for bar in range(len(squares)):
        standard = squares[bar] / now
        second += standard
        fourth += standard * standard
        now = variance * (1 - persistence) + alpha * squares[bar] + (persistence - alpha) * now
    return len(squares) * fourth / (second * second)


@kernel
def draw_path(stream: Stream, model: Garch, bars: int) -> npt.NDArray[np.float64]:
    """Gap, high, low, close (as in ``Shapes``) and standard deviation of each of ``bars`` bars, shape (5, bars).

    Starts at the long-run variance. The day is a Brownian bridge from open to close, whose highest and lowest are each
    drawn exactly, the two independently: (c ± sqrt(c² − 2 s² ln U)) / 2 (Karatzas and Shreve, 1991, 4.3.40).
    """
    path = np.empty((5, bars))
    now = model.variance
    for bar in range(bars):
        chi_square = 0.0
        for _ in range(model.freedom):
            chi_square += normal(stream) ** 2
        # Scaled to variance one: that of Student's t is freedom / (freedom - 2).
        shock = math.sqrt(now) * normal(stream) * math.sqrt((model.freedom - 2) / chi_square)
        # The shock is split into two that are uncorrelated and have their shares of the variance.
        side = math.sqrt(model.night_share * (1 - model.night_share) * now) * normal(stream)
        night = model.night_share * shock + side
        day = model.mean + shock - night
        spread = 2 * (1 - model.night_share) * now
        path[0, bar] = night
        path[1, bar] = (day + math.sqrt(day * day - spread * logarithm(1.0 - uniform(stream)))) / 2
        path[2, bar] = (day - math.sqrt(day * day - spread * logarithm(1.0 - uniform(stream)))) / 2
        path[3, bar] = day
        path[4, bar] = math.sqrt(now)
        now = (
            model.variance * (1 - model.persistence)
            + model.alpha * shock * shock
            + (model.persistence - model.alpha) * now
        )
    return path
