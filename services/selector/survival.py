"""NSGA-II survival: constraint domination, fronts, crowding distance, and who stays.

Deb, Pratap, Agarwal, Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II". Rows must come in
the order of their genome ids: every tie that remains is broken by position, so the arrival order cannot matter.
"""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from selector.ranking import UNRANKED, fronts

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


def survivors(objectives: Floats, violation: Floats, size: int) -> Rows:
    """Rows of at most ``size`` survivors, the best first: by rank, then crowding distance, then position.

    ``objectives`` (n, m) to be maximised, ``violation`` (n,). Whole fronts are kept while they fit; the last
    one gives its least crowded rows. The order is that of the survivors among themselves, so it follows from them.
    """
    kept = fittest(objectives, violation, size)
    return kept[best_first(*standing(objectives[kept], violation[kept], len(kept)))]


def fittest(objectives: Floats, violation: Floats, size: int) -> Rows:
    """The rows of ``survivors`` in ascending order."""
    if len(violation) <= size:
        return np.arange(len(violation))
    return np.sort(best_first(*standing(objectives, violation, size))[:size])


def standing(objectives: Floats, violation: Floats, wanted: int) -> tuple[Ranks, Floats]:
    """Rank (n,) and crowding distance (n,) of each row; ``UNRANKED`` and 0 behind the front that completes ``wanted``.

    Constraint domination: feasible rows (violation <= 0) rank by Pareto dominance; behind them stand the infeasible
    ones, the smaller violation first, equal violations on one front.
    """
    n = len(violation)
    excess = np.maximum(violation, 0.0)
    order = np.lexsort((*(-objectives.T[::-1]), excess))
    sorted_points, sorted_excess = objectives[order], excess[order]
    feasible = int(np.searchsorted(sorted_excess, 0.0, side="right"))
    sorted_rank = np.full(n, UNRANKED, np.int32)
    sorted_rank[:feasible] = fronts(sorted_points[:feasible], wanted)
    if feasible < wanted:
        levels = np.unique(sorted_excess[feasible:], return_inverse=True)[1]
        sorted_rank[feasible:] = levels + sorted_rank[:feasible].max(initial=-1) + 1
    repeated = np.zeros(n, np.bool_)
    same = (sorted_points[1:] == sorted_points[:-1]).all(axis=1) & (sorted_excess[1:] == sorted_excess[:-1])
    repeated[order[1:][same]] = True
    rank = np.empty(n, np.int32)
    rank[order] = sorted_rank
    by_rank = np.argsort(rank, kind="stable")
    return rank, _crowding(objectives, rank, repeated, by_rank)


def best_first(rank: Ranks, crowding: Floats) -> Rows:
    """Rows by rank, then crowding, the greater first, then position."""
    return np.lexsort((-crowding, rank))


@kernel
def _crowding(points: Floats, rank: Ranks, repeated: npt.NDArray[np.bool_], by_rank: Rows) -> Floats:
    """Crowding distance (n,) within each front, divided by m; infinite at either end of an objective.

    Of equal rows of a front all but the first get 0, so that copies make way for what differs. An objective that is
    constant counts 0. Ties in one objective are taken in row order.
    """
    n, m = points.shape
    crowding = np.zeros(n)
    start = 0
    while start < n and rank[by_rank[start]] != UNRANKED:
        stop = start
        while stop < n and rank[by_rank[stop]] == rank[by_rank[start]]:
            stop += 1
        rows = by_rank[start:stop]
        if stop - start <= 2:
            crowding[rows] = np.inf
        else:
            distinct = rows[~repeated[rows]]
            for objective in range(m):
                values = points[distinct, objective]
                order = np.argsort(values, kind="mergesort")
                last = len(order) - 1
                extent = values[order[last]] - values[order[0]]
                if extent > 0.0:
                    crowding[distinct[order[0]]] = np.inf
                    crowding[distinct[order[last]]] = np.inf
                    for index in range(1, last):
                        width = values[order[index + 1]] - values[order[index - 1]]
                        crowding[distinct[order[index]]] += width / extent / m
        start = stop
    return crowding
