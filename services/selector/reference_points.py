"""NSGA-III survival: members that spread over reference points on a hyperplane, for three objectives or more.

K. Deb and H. Jain, "An evolutionary many-objective optimization algorithm using reference-point-based nondominated
sorting approach, part I", IEEE Transactions on Evolutionary Computation 18(4), 2014; part II for infeasible rows.
"""

from itertools import combinations
from math import comb

import numpy as np

from common.kernel import kernel
from common.random import Stream, below
from selector.hyperplane import IDEAL, NADIR, learned
from selector.ranking import UNRANKED
from selector.survival import Floats, Ranks, Rows, standing

INNER_SCALE = 0.5


def simplex_lattice(parts: int, objectives: int) -> Floats:
    """All points (C(m + p - 1, p), m) whose coordinates are multiples of 1 / ``parts`` >= 0 and sum to 1, ascending.

    I. Das and J. E. Dennis, SIAM Journal on Optimization 8(3), 1998: each point is a way to set m - 1 bars among
    p stars.
    """
    slots = parts + objectives - 1
    ends = np.array([(-1, *bars, slots) for bars in combinations(range(slots), objectives - 1)], np.int64)
    return (np.diff(ends, axis=1) - 1) / parts


def layers(size: int, objectives: int) -> tuple[int, int]:
    """Parts of the outer and of the inner lattice that together have most points, but no more than ``size``.

    The inner one is 0, which is none, where the outer has points inside (as many parts as objectives, or more):
    the second layer is for many objectives, where a lattice of few points lies on the rim alone.
    """

    def points(parts: int) -> int:
        return comb(objectives + parts - 1, parts) if parts else 0

    outer = 1
    while objectives > 1 and points(outer + 1) <= size:
        outer += 1
    if outer >= objectives:
        return outer, 0
    fitting = [
        (points(one) + points(other), one, other)
        for one in range(1, outer + 1)
        for other in range(one + 1)
        if points(one) + points(other) <= size
    ]
    return max(fitting, default=(0, 1, 0))[1:]


def reference_points(size: int, objectives: int) -> Floats:
    """Points (r, m) on the simplex for a population of ``size``: a lattice, and one shrunk to half inside if few fit.

    At least one for each objective, even where the population is smaller.
    """
    outer, inner = layers(size, objectives)
    points = simplex_lattice(outer, objectives)
    if not inner:
        return points
    shrunk = simplex_lattice(inner, objectives) * INNER_SCALE + (1 - INNER_SCALE) / objectives
    return np.concatenate([points, shrunk])


def survivors_by_reference(
    objectives: Floats, violation: Floats, size: int, points: Floats, weights: Floats, stream: Stream, memory: Floats
) -> tuple[Rows, Floats]:
    """Rows of at most ``size`` survivors, ascending, and the memory (m + 3, m) with what these rows taught.

    ``objectives`` (n, m) to be maximised, ``violation`` (n,), ``points`` (r, m). ``weights`` (m,) stretch normalised
    costs, so that the lines keep nearer to the best of an objective that weighs more. Whole fronts stay while they fit.
    From the last one a member goes to a random one of the points that have fewest: the nearest to the line through the
    point where it has none yet, else any. Where the feasible rows are too few, the least violating follow.
    """
    rank = standing(objectives, violation, size)[0]
    costs = -objectives
    feasible = violation <= 0
    if feasible.any():
        memory = learned(costs[feasible], rank[feasible] == 0, memory)
    order = np.argsort(rank, kind="stable")
    if len(order) <= size:
        return np.arange(len(order)), memory
    last = rank[order[size - 1]]
    certain, drawn = np.flatnonzero(rank < last), np.flatnonzero(rank == last)
    if not feasible[drawn[0]]:
        return np.sort(order[:size]), memory
    niche, distance = associate(costs, points, weights, memory)
    count = np.bincount(niche[certain], minlength=len(points))
    chosen = niching(niche[drawn], distance[drawn], count, size - len(certain), stream)
    return np.sort(np.concatenate([certain, drawn[chosen]])), memory


def standing_by_reference(
    objectives: Floats, violation: Floats, wanted: int, points: Floats, weights: Floats, memory: Floats
) -> tuple[Ranks, Floats]:
    """Rank (n,) as ``survival.standing`` gives it, and room (n,): one over the number of members of a row's point.

    In the place of the crowding distance: of equal rank the lonelier one stands before, and those alone are alike.
    """
    rank = standing(objectives, violation, wanted)[0]
    niche = associate(-objectives, points, weights, memory)[0]
    ranked = rank != UNRANKED
    count = np.bincount(niche[ranked], minlength=len(points))
    return rank, np.where(ranked, 1.0 / np.maximum(count[niche], 1), 0.0)


@kernel
def associate(costs: Floats, points: Floats, weights: Floats, memory: Floats) -> tuple[Rows, Floats]:
    """The point (n,) to whose line each row of ``costs`` (n, m) is nearest, and the distance (n,), both normalised.

    All coordinates are >= 0, so the nearest line is the one on which the row's projection is longest.
    """
    n, m = costs.shape
    directions = points.copy()
    for point in range(len(points)):
        directions[point] /= np.sqrt((points[point] * points[point]).sum())
    niche = np.empty(n, np.int64)
    distance = np.empty(n)
    place = np.empty(m)
    for row in range(n):
        for objective in range(m):
            extent = memory[NADIR, objective] - memory[IDEAL, objective]
            above = max(costs[row, objective] - memory[IDEAL, objective], 0.0)
            place[objective] = weights[objective] * above / extent if extent > 0.0 else 0.0
        longest = -1.0
        for point in range(len(points)):
            projection = 0.0
            for objective in range(m):
                projection += place[objective] * directions[point, objective]
            if projection > longest:
                longest = projection
                niche[row] = point
        square = 0.0
        for objective in range(m):
            square += (place[objective] - longest * directions[niche[row], objective]) ** 2
        distance[row] = np.sqrt(square)
    return niche, distance


@kernel
def niching(niche: Rows, distance: Floats, count: Rows, wanted: int, stream: Stream) -> Rows:
    """Which ``wanted`` of n rows fill the points that have fewest; ``count`` (r,) is that of the members so far.

    ``niche`` (n,) and ``distance`` (n,) are those of the candidates. Counts up what it takes.
    """
    waiting = np.bincount(niche, minlength=len(count))
    taken = np.zeros(len(niche), np.bool_)
    chosen = np.empty(wanted, np.int64)
    for place in range(wanted):
        fewest, ties = np.iinfo(np.int64).max, 0
        for point in range(len(count)):
            if waiting[point] > 0 and count[point] <= fewest:
                ties = ties + 1 if count[point] == fewest else 1
                fewest = count[point]
        left = below(stream, ties)
        target = -1
        while left >= 0:
            target += 1
            left -= waiting[target] > 0 and count[target] == fewest
        skipped = below(stream, waiting[target]) if fewest else 0
        best = -1
        for row in range(len(niche)):
            if niche[row] == target and not taken[row]:
                if fewest == 0:
                    if best < 0 or distance[row] < distance[best]:
                        best = row
                elif skipped == 0:
                    best = row
                    break
                else:
                    skipped -= 1
        taken[best] = True
        waiting[target] -= 1
        count[target] += 1
        chosen[place] = best
    return chosen
