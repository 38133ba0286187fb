"""MAP-Elites: a fixed grid over behaviour, one elite per cell (Mouret, Clune 2015)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.random import below

HOLDING_EDGES: tuple[float, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
"""Mean bars in a position; logarithmic: two bars against four differ as much as a hundred against two hundred."""
EXPOSURE_EDGES: tuple[float, ...] = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""Share of bars in a position."""
LONG_EDGES: tuple[float, ...] = (0.05, 0.35, 0.65, 0.95)
"""Share of those bars that were long."""
GRID: tuple[int, ...] = (len(HOLDING_EDGES) + 1, len(EXPOSURE_EDGES) + 1, len(LONG_EDGES) + 1)
CELLS: int = int(np.prod(GRID))

_EDGES = tuple(np.array(edges, np.float32) for edges in (HOLDING_EDGES, EXPOSURE_EDGES, LONG_EDGES))
_SIDES = ("short", "mostly short", "both ways", "mostly long", "long")
_NOBODY = -1

Indices = npt.NDArray[np.int64]


def cells(descriptor: npt.NDArray[np.float32]) -> Indices:
    """Cell (n,) of each row of ``descriptor`` (n, 3); a value on an edge belongs above it."""
    bins = [np.searchsorted(edges, descriptor[:, axis], side="right") for axis, edges in enumerate(_EDGES)]
    return np.ravel_multi_index(tuple(bins), GRID)


def niche(cell: int) -> str:
    """A cell in words.

    >>> niche(0)
    'short, under 2 bars, under 5 % of the time'
    """
    holding, exposure, side = (int(index) for index in np.unravel_index(cell, GRID))
    share = tuple(round(100 * edge) for edge in EXPOSURE_EDGES)
    return f"{_SIDES[side]}, {_span(HOLDING_EDGES, holding, 'bars')}, {_span(share, exposure, '%')} of the time"


def _span(edges: tuple[float, ...], index: int, unit: str) -> str:
    if index == 0:
        return f"under {edges[0]} {unit}"
    return f"{edges[-1]} {unit} or more" if index == len(edges) else f"{edges[index - 1]} to {edges[index]} {unit}"


@kernel
def best_per_cell(cell: Indices, score: npt.NDArray[np.float64]) -> Indices:
    """The row with the highest ``score`` (n,) of each occupied ``cell`` (n,), in the order of the cells.

    Rows must come in the order of their genome ids: of equal scores the first row wins.
    """
    best = np.full(cell.max() + 1 if len(cell) else 0, _NOBODY, np.int64)
    for row in range(len(cell)):
        holder = best[cell[row]]
        if holder == _NOBODY or score[row] > score[holder]:
            best[cell[row]] = row
    return best[best != _NOBODY]


@kernel
def sample(stream: npt.NDArray[np.uint64], n: int, wanted: int) -> Indices:
    """``min(n, wanted)`` different indices below ``n``, ascending, every set equally likely (partial Fisher-Yates)."""
    indices = np.arange(n)
    count = min(n, wanted)
    for position in range(count):
        other = position + below(stream, n - position)
        indices[position], indices[other] = indices[other], indices[position]
    return np.sort(indices[:count])


REJECTED, IMPROVED, NEW = np.uint8(0), np.uint8(1), np.uint8(2)
"""What became of an addition; the larger, the better, as emitters rank by it."""
EMPTY = -np.inf
"""The score of a cell without an owner: no finite score is worse."""

Floats = npt.NDArray[np.float64]
Status = npt.NDArray[np.uint8]


class Archive(NamedTuple):
    """A whole archive as arrays, which ``add`` writes to; its cells may be those of any grid or tessellation."""

    score: Floats
    """(cells,), ``EMPTY`` where nobody lives."""
    solution: Floats
    """(cells, genes)"""
    descriptor: Floats
    """(cells, axes)"""
    occupied: Indices
    """(cells,): the occupied cells, in the order of their discovery; behind them, rubbish."""
    tally: Floats
    """(3,): occupied cells, sum of their scores, best score."""


class Statistics(NamedTuple):
    """The figures of an archive."""

    elites: int
    coverage: float
    """Share of cells with an owner."""
    qd_score: float
    """Sum of the owners' scores, each less the offset (Pugh, Soros, Stanley 2016)."""
    best: float


def empty_archive(count: int, genes: int, axes: int) -> Archive:
    """``count`` cells without owners, for solutions of ``genes`` numbers and descriptors of ``axes``."""
    return Archive(
        np.full(count, EMPTY),
        np.zeros((count, genes)),
        np.zeros((count, axes)),
        np.zeros(count, np.int64),
        np.array([0.0, 0.0, EMPTY]),
    )


def statistics(archive: Archive, offset: float = 0.0) -> Statistics:
    """The figures of ``archive``; ``offset`` is the score that is worth nothing."""
    elites, total, best = archive.tally.tolist()
    return Statistics(int(elites), elites / len(archive.score), total - offset * elites, best)


@kernel
def grid_cells(descriptor: Floats, low: Floats, high: Floats, shape: Indices) -> Indices:
    """Cell (n,) of each row of ``descriptor`` (n, d) on a grid of ``shape`` (d,) equal parts of [low, high].

    A value on an edge belongs above it, one outside to the outermost part. A row with a NaN has no cell: -1.
    """
    cell = np.zeros(len(descriptor), np.int64)
    for axis in range(len(shape)):
        parts, last = shape[axis] / (high[axis] - low[axis]), float(shape[axis] - 1)
        for row in range(len(descriptor)):
            part = (descriptor[row, axis] - low[axis]) * parts
            if np.isnan(part):
                cell[row] = _NOBODY
            elif cell[row] != _NOBODY:
                cell[row] = cell[row] * shape[axis] + np.int64(min(max(part, 0.0), last))
    return cell


@kernel
def judge(incumbent: Floats, cell: Indices, score: Floats) -> tuple[Status, Floats]:
    """What each row would become if it alone were added: status (n,), and gain (n,).

    ``incumbent`` (cells,) as ``Archive.score``. The gain is the score of a row in an empty cell, else what it adds to
    that of the owner (Fontaine, Togelius, Nikolaidis, Hoover 2020). No row depends on the others, so neither does an
    emitter on the order of a batch. A score that is not finite, or a cell below 0, is rejected with gain ``EMPTY``.
    """
    status, gain = np.empty(len(cell), np.uint8), np.empty(len(cell))
    for row in range(len(cell)):
        points = score[row]
        if cell[row] < 0 or not -np.inf < points < np.inf:
            status[row], gain[row] = REJECTED, EMPTY
            continue
        owner = incumbent[cell[row]]
        if owner == EMPTY:
            status[row], gain[row] = NEW, points
        else:
            status[row], gain[row] = IMPROVED if points > owner else REJECTED, points - owner
    return status, gain


@kernel
def add(archive: Archive, cell: Indices, score: Floats, solution: Floats, descriptor: Floats) -> tuple[Status, Floats]:
    """Add a batch and return ``judge``'s status (n,) and gain (n,) of each row against the archive as it was before.

    ``cell`` (n,), ``score`` (n,), ``solution`` (n, genes), ``descriptor`` (n, axes). The archive becomes what it would
    if the rows came one by one: an owner gives way only to a better one, and of equal scores the first stays.
    """
    status, gain = judge(archive.score, cell, score)
    scores, tally = archive.score, archive.tally
    found, total, best = np.int64(tally[0]), tally[1], tally[2]
    for row in range(len(cell)):
        home, points = cell[row], score[row]
        if status[row] == REJECTED or points <= scores[home]:
            continue
        if scores[home] == EMPTY:
            archive.occupied[found] = home
            found += 1
            total += points
        else:
            total += points - scores[home]
        best = max(best, points)
        scores[home] = points
        for gene in range(solution.shape[1]):
            archive.solution[home, gene] = solution[row, gene]
        for axis in range(descriptor.shape[1]):
            archive.descriptor[home, axis] = descriptor[row, axis]
    tally[0], tally[1], tally[2] = found, total, best
    return status, gain
