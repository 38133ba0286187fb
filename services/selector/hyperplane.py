"""What NSGA-III remembers of the objective space: ideal, extreme points, and the hyperplane that gives the nadir.

K. Deb and H. Jain, IEEE Transactions on Evolutionary Computation 18(4), 2014, section IV-C; all in costs, which are
objectives negated. An ideal and extreme points once found are never lost, so the scale does not jump to and fro.
"""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

Floats = npt.NDArray[np.float64]

IDEAL, NADIR, WORST, EXTREMES = 0, 1, 2, 3
"""Rows of the memory; from ``EXTREMES`` on one extreme point for each objective."""
_SMALL, _OFF_AXIS, _EXTENT_MIN, _SOLVED = 1e-3, 1e6, 1e-6, 1e-5


def no_memory(objectives: int) -> Floats:
    """The memory (m + 3, m) of a population that has not been seen yet."""
    memory = np.full((EXTREMES + objectives, objectives), np.inf)
    memory[WORST] = -np.inf
    return memory


def learned(costs: Floats, first_front: npt.NDArray[np.bool_], memory: Floats) -> Floats:
    """The memory after feasible ``costs`` (n, m), of which some are ``first_front`` (n,)."""
    after = memory.copy()
    front = costs[first_front]
    after[IDEAL] = np.minimum(memory[IDEAL], costs.min(axis=0))
    after[WORST] = np.maximum(memory[WORST], costs.max(axis=0))
    known = np.isfinite(memory[EXTREMES:]).all(axis=1)
    after[EXTREMES:] = _extremes(np.concatenate([memory[EXTREMES:][known], front]), after[IDEAL])
    nadir = np.empty(costs.shape[1])
    if _intercepts(after[EXTREMES:] - after[IDEAL], nadir) and (nadir > _EXTENT_MIN).all():
        nadir = np.minimum(after[IDEAL] + nadir, after[WORST])
    else:
        nadir = front.max(axis=0)
    narrow = nadir - after[IDEAL] <= _EXTENT_MIN
    after[NADIR] = np.where(narrow, costs.max(axis=0), nadir)
    return after


@kernel
def _extremes(costs: Floats, ideal: Floats) -> Floats:
    """For each axis the first row of ``costs`` (n, m) with the least achievement scalarising function."""
    n, m = costs.shape
    found = np.empty((m, m))
    for axis in range(m):
        least = np.inf
        best = 0
        for row in range(n):
            worst = 0.0
            for objective in range(m):
                excess = costs[row, objective] - ideal[objective]
                if excess >= _SMALL:
                    worst = max(worst, excess if objective == axis else excess * _OFF_AXIS)
            if worst < least:
                least, best = worst, row
        found[axis] = costs[best]
    return found


@kernel
def _intercepts(extremes: Floats, intercepts: Floats) -> bool:
    """Where the hyperplane through ``extremes`` (m, m) cuts each axis; False if there is no such plane.

    Gaussian elimination with partial pivoting, here and not in LAPACK, whose bits differ between machines.
    """
    m = len(extremes)
    rows = np.ones((m, m + 1))
    rows[:, :m] = extremes
    for column in range(m):
        pivot = column
        for row in range(column + 1, m):
            if abs(rows[row, column]) > abs(rows[pivot, column]):
                pivot = row
        if rows[pivot, column] == 0.0:
            return False
        for position in range(m + 1):
            rows[column, position], rows[pivot, position] = rows[pivot, position], rows[column, position]
        for row in range(column + 1, m):
            factor = rows[row, column] / rows[column, column]
            for position in range(column, m + 1):
                rows[row, position] -= factor * rows[column, position]
    plane = np.empty(m)
    for column in range(m - 1, -1, -1):
        total = rows[column, m]
        for position in range(column + 1, m):
            total -= rows[column, position] * plane[position]
        plane[column] = total / rows[column, column]
    for row in range(m):
        reached = 0.0
        for position in range(m):
            reached += extremes[row, position] * plane[position]
        if not abs(reached - 1.0) <= _SOLVED:
            return False
    intercepts[:] = 1.0 / plane
    return True
