"""NSGA-II survival: constraint domination, fronts, crowding distance, and who stays.

Deb, Pratap, Agarwal, Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II". Rows must come in
the order of their genome ids: every tie that remains is broken by position, so the arrival order cannot matter.
"""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from selector.crowding import crowding, pruned
from selector.ordering import lexicographic, stable
from selector.ranking import UNRANKED, fronts

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Orders = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def survivors(objectives: Floats, violation: Floats, size: int) -> Rows:
    """Rows of at most ``size`` survivors, the best first: by rank, then crowding distance, then position.

    ``objectives`` (n, m) to be maximised, ``violation`` (n,). Whole fronts are kept while they fit; in the last one
    the most crowded make way, one at a time. The order is that of the survivors among themselves, so it follows from
    them.
    """
    kept = fittest(objectives, violation, size)
    return kept[best_first(*standing(objectives[kept], violation[kept], len(kept)))]


def fittest(objectives: Floats, violation: Floats, size: int) -> Rows:
    """The rows of ``survivors`` in ascending order."""
    if len(violation) <= size:
        return np.arange(len(violation))
    columns, ascending = _sorted(objectives)
    return _fittest(columns, ascending, violation, size)


def standing(objectives: Floats, violation: Floats, wanted: int) -> tuple[Ranks, Floats]:
    """Rank (n,) and crowding distance (n,) of each row; ``UNRANKED`` and 0 behind the front that completes ``wanted``.

    Constraint domination: feasible rows (violation <= 0) rank by Pareto dominance; behind them stand the infeasible
    ones, the smaller violation first, equal violations on one front.
    """
    columns, ascending = _sorted(objectives)
    rank, repeated = _ranked(columns, ascending, violation, wanted)
    return rank, crowding(columns, ascending, rank, repeated)


def best_first(rank: Ranks, crowding: Floats) -> Rows:
    """Rows by rank, then crowding, the greater first, then position."""
    return np.lexsort((-crowding, rank))


def _sorted(objectives: Floats) -> tuple[Floats, Orders]:
    """The columns of ``objectives`` (n, m), one after the other, and their rows as they ascend, ties in any order."""
    columns = np.ascontiguousarray(objectives.T)
    return columns, np.argsort(columns, axis=1)


@kernel
def _fittest(columns: Floats, ascending: Orders, violation: Floats, size: int) -> Rows:
    rank, repeated = _ranked(columns, ascending, violation, size)
    count = np.bincount(rank[rank != UNRANKED])
    certain, last = 0, 0
    while last < len(count) and certain + count[last] <= size:
        certain += int(count[last])
        last += 1
    chosen = pruned(columns, ascending, rank == last, repeated, size - certain)
    return np.sort(np.concatenate((np.flatnonzero(rank < last), chosen)))


@kernel
def _ranked(columns: Floats, ascending: Orders, violation: Floats, wanted: int) -> tuple[Ranks, Flags]:
    """Rank (n,), and which rows are copies of another one of their front; puts ties of ``ascending`` in order."""
    m, n = columns.shape
    for objective in range(m):
        stable(ascending[objective], columns[objective])
    excess = np.maximum(violation, 0.0)
    rank = np.full(n, UNRANKED, np.int32)
    repeated = np.zeros(n, np.bool_)
    feasible = ascending[0][::-1][excess[ascending[0][::-1]] <= 0.0]
    if len(feasible) > 0:
        repeated[feasible] = lexicographic(feasible, columns[0], columns, 1)
        rank[feasible] = fronts(feasible, columns, ascending, wanted)
    if len(feasible) < min(wanted, n):
        _behind(columns, excess, rank, repeated)
    return rank, repeated


@kernel
def _behind(columns: Floats, excess: Floats, rank: Ranks, repeated: Flags) -> None:
    """Rank the infeasible rows behind the others, by their ``excess`` (n,)."""
    rows = np.flatnonzero(excess > 0.0)
    rows = rows[np.argsort(excess[rows], kind="mergesort")]
    repeated[rows] = lexicographic(rows, excess, columns, 0)
    level = -1
    for other in range(len(rank)):
        if rank[other] != UNRANKED:
            level = max(level, int(rank[other]))
    reached = 0.0
    for index in range(len(rows)):
        row = rows[index]
        if excess[row] > reached:
            level += 1
            reached = excess[row]
        rank[row] = level
