"""A centroidal Voronoi tessellation: cells of about equal size however many axes behaviour has.

V. Vassiliades, K. Chatzilygeroudis, J.-B. Mouret, "Using Centroidal Voronoi Tessellations to Scale Up the
Multidimensional Archive of Phenotypic Elites Algorithm", IEEE Transactions on Evolutionary Computation 22, 2018.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.random import new_stream, uniform

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SAMPLES_PER_CELL, ROUNDS = 50, 20
"""Points that a centre is the mean of, and rounds of Lloyd's algorithm; more hardly evens the cells out."""
_KEY = np.uint64(0x6376745F63656E74)
_DEPTH_MAX = 64
_NOBODY = -1


class Tree(NamedTuple):
    """Points in a k-d tree (J. L. Bentley 1975): each range of ``order`` is split at its middle, along ``axis``."""

    points: Floats
    """(m, d)"""
    order: Indices
    """(m,): rows of ``points``"""
    axis: Indices
    """(m,): along which the range is split that has its middle here"""


@kernel
def tree_of(points: Floats) -> Tree:
    """The tree of ``points`` (m, d); a range is split along the axis in which it is longest."""
    count, axes = points.shape
    order, axis = np.arange(count), np.zeros(count, np.int64)
    starts, stops = np.empty(_DEPTH_MAX, np.int64), np.empty(_DEPTH_MAX, np.int64)
    starts[0], stops[0], waiting = 0, count, 1
    while waiting > 0:
        waiting -= 1
        start, stop = starts[waiting], stops[waiting]
        if stop - start < 2:
            continue
        rows = order[start:stop].copy()
        longest, extent = 0, -1.0
        for other in range(axes):
            values = points[rows, other]
            if values.max() - values.min() > extent:
                longest, extent = other, values.max() - values.min()
        order[start:stop] = rows[np.argsort(points[rows, longest], kind="mergesort")]
        middle = (start + stop) >> 1
        axis[middle] = longest
        starts[waiting], stops[waiting] = start, middle
        starts[waiting + 1], stops[waiting + 1] = middle + 1, stop
        waiting += 2
    return Tree(points, order, axis)


@kernel
def nearest_of(tree: Tree, points: Floats) -> Indices:
    """The row of ``tree.points`` that is nearest to each of ``points`` (n, d); the first of equals, -1 for a NaN."""
    found = np.empty(len(points), np.int64)
    starts, stops = np.empty(_DEPTH_MAX, np.int64), np.empty(_DEPTH_MAX, np.int64)
    least = np.empty(_DEPTH_MAX)
    for row in range(len(points)):
        best, square = np.int64(_NOBODY), np.inf
        starts[0], stops[0], least[0], waiting = 0, len(tree.order), 0.0, 1
        while waiting > 0:
            waiting -= 1
            start, stop = starts[waiting], stops[waiting]
            if least[waiting] > square or stop <= start:
                continue
            middle = (start + stop) >> 1
            centre, axis = tree.order[middle], tree.axis[middle]
            apart = 0.0
            for other in range(points.shape[1]):
                apart += (points[row, other] - tree.points[centre, other]) ** 2
            if apart < square or (apart == square and centre < best):
                best, square = centre, apart
            beyond = points[row, axis] - tree.points[centre, axis]
            # The farther side is put aside first, so the nearer one is searched first.
            before = beyond < 0.0
            starts[waiting], stops[waiting] = (middle + 1, stop) if before else (start, middle)
            starts[waiting + 1], stops[waiting + 1] = (start, middle) if before else (middle + 1, stop)
            least[waiting], least[waiting + 1] = max(least[waiting], beyond * beyond), least[waiting]
            waiting += 2
        found[row] = best
    return found


@kernel
def centres(cells: int, axes: int, samples: int, rounds: int) -> Floats:
    """Centres (cells, axes) of a tessellation of the unit cube, always the same ones.

    Lloyd's algorithm over ``samples`` >= ``cells`` uniform points, of which the first are the centres to begin with; a
    centre that has none of the points stays where it is.
    """
    stream = new_stream(_KEY, cells, axes, 0)
    points = np.empty((samples, axes))
    for row in range(samples):
        for axis in range(axes):
            points[row, axis] = uniform(stream)
    middle = points[:cells].copy()
    total, count = np.empty((cells, axes)), np.empty(cells, np.int64)
    for _ in range(rounds):
        total[:, :] = 0.0
        count[:] = 0
        home = nearest_of(tree_of(middle), points)
        for row in range(samples):
            count[home[row]] += 1
            for axis in range(axes):
                total[home[row], axis] += points[row, axis]
        for cell in range(cells):
            if count[cell] > 0:
                middle[cell] = total[cell] / count[cell]
    return middle
