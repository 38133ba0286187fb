"""Non-dominated fronts by bit sets: who dominates whom is a few AND operations on 64-bit words."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel
from selector.ordering import alike

UNRANKED = np.int32(2**31 - 1)
"""The rank of a row behind the last front that was wanted."""
_CHUNK_ROWS = 1024
_FRONTS_FIRST = 32

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@kernel
def fronts(rows: Rows, columns: Floats, ascending: Rows, wanted: int) -> npt.NDArray[np.int32]:
    """Front (k,) of each of the ``rows`` (k,), all objectives to be maximised; 0 is the best front.

    ``columns`` (m, n) are the objectives, ``ascending`` (m, n) their rows as they ascend. ``rows`` must be in
    descending lexicographic order. Ranking stops with the front that completes ``wanted`` rows; rows behind it are
    ``UNRANKED``. The order of the search is that of ENS-BS (Zhang, Tian, Cheng, Jin 2015): in lexicographic order
    nobody is dominated by a later row, and the front of a row is found by bisection.
    """
    m, n = columns.shape
    place = np.full(n, -1, np.int64)
    place[rows] = np.arange(len(rows))
    points = np.empty((m, len(rows)))
    descending = np.empty((m, len(rows)), np.int64)
    for objective in range(m):
        points[objective] = columns[objective][rows]
        index = len(rows)
        for row in ascending[objective]:
            if place[row] >= 0:
                index -= 1
                descending[objective, index] = place[row]
    return _fronts(points, descending, wanted)


@kernel
def _fronts(points: Floats, descending: Rows, wanted: int) -> npt.NDArray[np.int32]:
    n = points.shape[1]
    words = (n + 63) >> 6
    rank = np.full(n, UNRANKED, np.int32)
    members = np.zeros((_FRONTS_FIRST, words), np.uint64)
    sizes = np.zeros(n + 1, np.int64)
    superiors, seen = np.empty((min(n, _CHUNK_ROWS), words), np.uint64), np.empty(words, np.uint64)
    found, limit, kept = 0, n, 0
    for start in range(0, n, _CHUNK_ROWS):
        stop = min(n, start + _CHUNK_ROWS)
        _find_superiors(points, descending, start, stop, superiors, seen)
        for row in range(start, stop):
            if row > 0 and alike(row, row - 1, points):
                front = rank[row - 1]
            else:
                front = _first_front(superiors[row - start], members, found, (row >> 6) + 1)
            if front >= limit:
                continue
            if front == found:
                found += 1
                if found > len(members):
                    grown = np.zeros((2 * len(members), words), np.uint64)
                    grown[: len(members)] = members
                    members = grown
            rank[row] = front
            members[front, row >> 6] |= np.uint64(1) << np.uint64(row & 63)
            sizes[front] += 1
            kept += 1
            while kept - sizes[limit - 1] >= wanted and limit > 1:
                kept -= sizes[limit - 1]
                limit -= 1
            found = min(found, limit)
    for row in range(n):
        if rank[row] >= limit:
            rank[row] = UNRANKED
    return rank


@lean_kernel
def _find_superiors(points: Floats, descending: Rows, start: int, stop: int, superiors: Words, seen: Words) -> None:
    """Bit j of ``superiors[i - start]``: row j is at least as good as row i in every objective but the first.

    The first needs no look: rows that stand before i in lexicographic order are at least as good in it, and only those
    are asked for. In chunks of rows, so that memory grows with n and not with its square.
    """
    m, n = points.shape
    for row in range(start, stop):
        for word in range((row >> 6) + 1):
            superiors[row - start, word] = ~np.uint64(0)
    for objective in range(1, m):
        for word in range(((stop - 1) >> 6) + 1):
            seen[word] = 0
        position = 0
        while position < n:
            level = points[objective, descending[objective, position]]
            tie_end = position
            while tie_end < n and points[objective, descending[objective, tie_end]] == level:
                row = descending[objective, tie_end]
                if row < stop:
                    seen[row >> 6] |= np.uint64(1) << np.uint64(row & 63)
                tie_end += 1
            for index in range(position, tie_end):
                row = descending[objective, index]
                if start <= row < stop:
                    target = superiors[row - start]
                    for word in range((row >> 6) + 1):
                        target[word] &= seen[word]
            position = tie_end


@lean_kernel
def _first_front(superiors: Words, members: Words, found: int, words: int) -> int:
    """The first of ``found`` fronts with no member among ``superiors``; if front k has one, every earlier front has."""
    low, high = 0, found
    while low < high:
        middle = (low + high) >> 1
        dominated = False
        for word in range(words):
            if superiors[word] & members[middle, word]:
                dominated = True
                break
        if dominated:
            low = middle + 1
        else:
            high = middle
    return low
