"""Slopes along the numbers of a genome, fitness against distance from the best, and how the landscape moves in time.

Fitness-distance correlation: T. Jones and S. Forrest, "Fitness distance correlation as a measure of problem difficulty
for genetic algorithms", ICGA 1995. Drift: the rank correlation (Spearman) of the same strategies' fitness on different
stretches of history; 1 where the landscape stands still.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from common.backtest.costs import Floats
from common.genome.genes import REAL_GENES
from common.genome.layout import Population
from generator.tables import REAL_HIGH, REAL_IS_LOG, REAL_LOW

STEP = 0.02
"""Of a gene's range (of its logarithm, for scales), to either side."""
_REACHES = (1.0, 2.0)
_TOP_SHARE = 0.05


class Slope(NamedTuple):
    """One real gene over ``points`` genomes in which it speaks.

    ``median``: of the absolute slopes, fitness a whole range. ``flat``: share without any slope. ``agreeing``: of those
    with one, the share that keeps its sign over twice the step; 0.5 would be noise.
    """

    gene: str
    points: int
    median: float
    flat: float
    agreeing: float | None


def shares(reals: Floats, slot: int) -> Floats:
    """Values of a real gene (n,) as shares of its range, 0 to 1."""
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    return np.log(reals / low) / np.log(high / low) if REAL_IS_LOG[slot] else (reals - low) / (high - low)


def values(share: Floats, slot: int) -> Floats:
    """The inverse of ``shares``, within the range."""
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    share = np.clip(share, 0.0, 1.0)
    found = low * (high / low) ** share if REAL_IS_LOG[slot] else low + share * (high - low)
    return np.clip(found, low, high)


def slopes(points: Population, speaking: npt.NDArray[np.bool_], fitness: Callable[[Population], Floats]) -> list[Slope]:
    """Central differences along every real gene that speaks; one-sided at the ends of its range.

    ``speaking`` (n, real genes). Every gene costs four back-tests a point.
    """
    found = []
    for slot in map(int, np.flatnonzero(speaking.any(axis=0))):
        chosen = points[speaking[:, slot]]
        share = shares(chosen["reals"][:, slot].astype(np.float64), slot)
        measured = []
        for reach in _REACHES:
            ends = [np.clip(share + side * reach * STEP, 0.0, 1.0) for side in (1.0, -1.0)]
            seen = []
            for end in ends:
                moved = chosen.copy()
                moved["reals"][:, slot] = values(end, slot).astype(np.float32)
                seen.append(fitness(moved))
            measured.append((seen[0] - seen[1]) / (ends[0] - ends[1]))
        near, far = measured
        steep = near != 0.0
        agreeing = float((np.sign(near[steep]) == np.sign(far[steep])).mean()) if steep.any() else None
        path = REAL_GENES[slot].path
        found.append(Slope(path, len(chosen), float(np.median(np.abs(near))), float((~steep).mean()), agreeing))
    return sorted(found, key=lambda each: -each.median)


def fitness_distance(fitness: Floats, distances: Floats) -> float | None:
    """Correlation of fitness (n,) with the distance (n,) to the best; near -1: who climbs comes closer.

    None where either does not vary.
    """
    if np.ptp(fitness) == 0.0 or np.ptp(distances) == 0.0:
        return None
    return float(np.corrcoef(fitness, distances)[0, 1])


def drift(fitness: Floats) -> dict[str, Any]:
    """Of the fitness (n, folds) of the same points: rank correlation of each two folds, and where the best end up.

    ``best_standing[i][j]``: mean standing on fold j, from 0 (the worst) to 1, of the twentieth that is best on fold i;
    0.5 is what chance gives. None where a fold tells no two points apart.
    """
    ranks = np.column_stack([rankdata(column) for column in fitness.T])
    count, folds = ranks.shape
    standing = (ranks - 0.5) / count
    top = max(1, int(_TOP_SHARE * count))
    best = [np.argsort(-ranks[:, fold], kind="stable")[:top] for fold in range(folds)]
    varies = np.ptp(ranks, axis=0) > 0

    def related(one: int, other: int) -> float | None:
        if not varies[one] or not varies[other]:
            return None
        return float(np.corrcoef(ranks[:, one], ranks[:, other])[0, 1])

    return {
        "rank_correlation": [[related(one, other) for other in range(folds)] for one in range(folds)],
        "best_standing": [[float(standing[best[one], other].mean()) for other in range(folds)] for one in range(folds)],
    }
