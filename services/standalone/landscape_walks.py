"""Random walks over a landscape: how fast what was known of a place is forgotten, and where steps lead.

E. Weinberger, "Correlated and uncorrelated fitness landscapes and how to tell the difference", Biological Cybernetics
63, 1990. The correlation length is the number of steps after which the correlation has fallen to 1/e.
"""

import math
from dataclasses import dataclass

import numpy as np

from common.backtest.costs import Floats
from standalone.landscape_space import Points, Space

LAGS_MAX = 20


@dataclass(frozen=True, slots=True)
class Walks:
    """Walks of one kind of step. ``autocorrelation`` (lags,) from lag 1 on.

    ``length`` in steps, with ``low`` and ``high`` of about 95 %: two jackknife errors of the correlation of one step.
    0 where neighbours tell nothing of each other, infinite where all are alike. Of all steps the shares that led
    upward and nowhere (the same fitness): what is left led downward.
    """

    autocorrelation: Floats
    length: float
    low: float
    high: float
    upward: float
    level: float


def walk(space: Space, starts: Points, kind: int, steps: int) -> Points:
    """Walks of ``steps`` steps from each of the ``starts`` (n,): points (steps + 1, n)."""
    found = [starts]
    for number in range(steps):
        found.append(space.step(found[-1], kind, number))
    return np.stack(found)


def describe(fitness: Floats) -> Walks:
    """What walks (steps + 1, walks) of equal length show; ``fitness`` of each point.

    Mean and variance are those over all walks, as if each had begun anywhere.
    """
    lags = min(LAGS_MAX, len(fitness) - 1)
    whole = np.array([correlation(fitness, lag) for lag in range(1, lags + 1)])
    count = fitness.shape[1]
    left_out = np.array([correlation(np.delete(fitness, row, axis=1), 1) for row in range(count)])
    error = math.sqrt((count - 1) / count * float(((left_out - left_out.mean()) ** 2).sum()))
    change = np.diff(fitness, axis=0)
    return Walks(
        whole,
        correlation_length(float(whole[0])),
        correlation_length(float(whole[0]) - 2 * error),
        correlation_length(float(whole[0]) + 2 * error),
        float((change > 0).mean()),
        float((change == 0).mean()),
    )


def correlation(fitness: Floats, lag: int) -> float:
    """The correlation of points ``lag`` steps apart on walks (steps + 1, walks); 1 where all are alike."""
    centred = fitness - fitness.mean()
    variance = float((centred**2).mean())
    if variance == 0.0:
        return 1.0
    return float((centred[lag:] * centred[: len(centred) - lag]).mean()) / variance


def correlation_length(first: float) -> float:
    """Steps to 1/e, from the correlation of one step: -1 / ln r(1).

    >>> round(correlation_length(0.9), 2), correlation_length(-0.1), correlation_length(1.0)
    (9.49, 0.0, inf)
    """
    if first <= 0.0:
        return 0.0
    return math.inf if first >= 1.0 else -1.0 / math.log(first)
