"""Novelty: how far a row lies from its nearest neighbours among all that was seen, and an archive of what was novel.

J. Lehman and K. O. Stanley, "Abandoning Objectives: Evolution Through the Search for Novelty Alone", Evolutionary
Computation 19, 2011.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

ADDED_FIRST = 8
"""The first threshold lets in this many."""
ADDED_MAX = 4
"""More in one generation raise the threshold."""
RAISED, LOWERED = 1.2, 0.95
"""What the threshold is multiplied by when more came in, and when none did."""


@kernel
def euclidean(points: Floats, others: Floats) -> Floats:
    """Distance of each of ``points`` (n, d) to each of ``others`` (m, d): (n, m)."""
    apart = np.empty((len(points), len(others)))
    for row in range(len(points)):
        for other in range(len(others)):
            square = 0.0
            for axis in range(points.shape[1]):
                square += (points[row, axis] - others[other, axis]) ** 2
            apart[row, other] = np.sqrt(square)
    return apart


@kernel
def nearest(apart: Floats, neighbours: int) -> Floats:
    """The smallest ``neighbours`` distances of each row of ``apart`` (n, m), ascending, infinite where fewer exist."""
    found = np.full((len(apart), neighbours), np.inf)
    for other in range(apart.shape[1]):
        notice(found, apart[:, other])
    return found


@kernel
def notice(found: Floats, apart: Floats) -> None:
    """Take one more neighbour into ``found`` (n, k), at the distances ``apart`` (n,)."""
    last = found.shape[1] - 1
    for row in range(len(found)):
        if apart[row] >= found[row, last]:
            continue
        place = last
        while place > 0 and found[row, place - 1] > apart[row]:
            found[row, place] = found[row, place - 1]
            place -= 1
        found[row, place] = apart[row]


@kernel
def sparseness(found: Floats) -> Floats:
    """Novelty (n,) of rows with ``nearest`` distances ``found`` (n, k): their mean; infinite for who is alone."""
    novelty = np.full(len(found), np.inf)
    for row in range(len(found)):
        total, count = 0.0, 0
        for distance in found[row]:
            if distance < np.inf:
                total += distance
                count += 1
        if count > 0:
            novelty[row] = total / count
    return novelty


def most_novel(
    apart: Floats, to_candidate: Callable[[int], Floats], wanted: int, neighbours: int
) -> tuple[Rows, Floats]:
    """Rows (w,) of at most ``wanted`` candidates, the most novel first, and their novelty (w,) when they were chosen.

    ``apart`` (n, m): candidates to all that is known; ``to_candidate(row)`` (n,): candidates to one of them. Each is
    measured also against those chosen before it, so that of many alike one is novel. Ties go to the earlier row.
    """
    found = nearest(apart, neighbours)
    free = np.ones(len(apart), np.bool_)
    rows, novelty = np.empty(min(wanted, len(apart)), np.int64), np.empty(min(wanted, len(apart)))
    for place in range(len(rows)):
        score = np.where(free, sparseness(found), -1.0)
        rows[place] = row = int(np.argmax(score))
        novelty[place] = score[row]
        free[row] = False
        notice(found, to_candidate(row))
    return rows, novelty


def raised(threshold: float, novelty: Floats) -> tuple[npt.NDArray[np.bool_], float]:
    """Which of the chosen (n,) enter the archive of the novel, and the threshold from now on.

    ``threshold``: NaN before the first. It rises when too many enter and falls when none does, so that the archive
    grows at a steady pace whatever the scale of the distances.
    """
    finite = novelty[np.isfinite(novelty)]
    if np.isnan(threshold):
        if not len(finite):
            return np.isinf(novelty), threshold
        threshold = float(np.sort(finite)[::-1][: ADDED_FIRST + 1][-1])
    entering = novelty > threshold
    if entering.sum() > ADDED_MAX:
        threshold *= RAISED
    elif not entering.any():
        threshold *= LOWERED
    return entering, threshold
