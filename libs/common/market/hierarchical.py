"""Hierarchical risk parity: capital split along the tree that correlations make, without inverting a covariance.

M. López de Prado, "Building diversified portfolios that outperform out of sample", Journal of Portfolio Management 42
(2016), with the algorithm of its appendix.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Tree(NamedTuple):
    """Scratch for up to k legs: two (k, k) tables of distances, then (k,) lists and a stack of 2 k numbers."""

    distance: Floats
    apart: Floats
    name: Places
    first: Places
    last: Places
    following: Places
    order: Places
    stack: Places


def make_tree(legs: int) -> Tree:
    """Memory for so many legs, not filled."""
    lists = np.empty((5, legs), np.int64)
    tables = np.empty((2, legs, legs))
    stack = np.empty(2 * legs + 2, np.int64)
    return Tree(tables[0], tables[1], lists[0], lists[1], lists[2], lists[3], lists[4], stack)


@kernel
def correlation(covariance: Floats, i: int | np.int64, j: int | np.int64) -> float:
    """Correlation of two legs, within +-1 whatever rounding does; 0 where a variance is 0 or unknown."""
    scale = covariance[i, i] * covariance[j, j]
    if not scale > 0.0:
        return 0.0
    return min(max(covariance[i, j] / math.sqrt(scale), -1.0), 1.0)


@kernel
def _measure_distances(covariance: Floats, legs: Places, count: int | np.int64, tree: Tree) -> None:
    """Distance sqrt((1 - correlation) / 2), and between its columns the Euclidean one, which clusters are made by."""
    for i in range(count):
        for j in range(count):
            near = 1.0 if i == j else correlation(covariance, legs[i], legs[j])
            tree.distance[i, j] = math.sqrt(0.5 * (1.0 - near))
    for i in range(count):
        for j in range(count):
            total = 0.0
            for row in range(count):
                difference = tree.distance[row, i] - tree.distance[row, j]
                total += difference * difference
            tree.apart[i, j] = math.sqrt(total)


@kernel
def _order_leaves(count: int | np.int64, tree: Tree) -> None:
    """Single linkage; ``order`` gets the leaves, those of the cluster that is older in front, as SciPy numbers them."""
    apart, name, first, last, following = tree.apart, tree.name, tree.first, tree.last, tree.following
    for i in range(count):
        name[i], first[i], last[i], following[i] = i, i, i, -1
    root = 0
    for merge in range(count - 1):
        a, b, best = -1, -1, np.inf
        for i in range(count):
            for j in range(i + 1, count):
                if name[i] >= 0 and name[j] >= 0 and (a < 0 or apart[i, j] < best):
                    a, b, best = i, j, apart[i, j]
        if name[b] < name[a]:
            a, b = b, a
        following[last[a]] = first[b]
        last[a] = last[b]
        name[a], name[b] = count + merge, -1
        for c in range(count):
            nearest = min(apart[a, c], apart[b, c])
            apart[a, c], apart[c, a] = nearest, nearest
        root = a
    leaf = first[root]
    for place in range(count):
        tree.order[place] = leaf
        leaf = following[leaf]


@kernel
def _variance_of(covariance: Floats, legs: Places, order: Places, start: int | np.int64, stop: int | np.int64) -> float:
    """Variance of the leaves ``[start, stop)`` of the order under weights inverse to their own variances."""
    total = 0.0
    for i in range(start, stop):
        total += 1.0 / covariance[legs[order[i]], legs[order[i]]]
    variance = 0.0
    for i in range(start, stop):
        for j in range(start, stop):
            a, b = legs[order[i]], legs[order[j]]
            variance += covariance[a, b] / (covariance[a, a] * covariance[b, b])
    return max(variance / (total * total), 0.0)


@kernel
def hierarchical_weights(covariance: Floats, legs: Places, count: int | np.int64, tree: Tree, weights: Floats) -> None:
    """Weights of ``legs[:count]``, at least one, rows of ``covariance`` (k, k) with positive variance; they sum to 1.

    Written into the places of ``weights`` (k,) that the legs name; the others stay. Two halves of no variance share
    equally.
    """
    _measure_distances(covariance, legs, count, tree)
    _order_leaves(count, tree)
    for i in range(count):
        weights[legs[i]] = 1.0
    stack, depth = tree.stack, 2
    stack[0], stack[1] = 0, count
    while depth > 0:
        start, stop = stack[depth - 2], stack[depth - 1]
        depth -= 2
        if stop - start < 2:
            continue
        middle = start + (stop - start) // 2
        left = _variance_of(covariance, legs, tree.order, start, middle)
        right = _variance_of(covariance, legs, tree.order, middle, stop)
        share = 1.0 - left / (left + right) if left + right > 0.0 else 0.5
        for place in range(start, stop):
            weights[legs[tree.order[place]]] *= share if place < middle else 1.0 - share
        stack[depth], stack[depth + 1] = start, middle
        stack[depth + 2], stack[depth + 3] = middle, stop
        depth += 4
