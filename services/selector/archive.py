"""MAP-Elites: a fixed grid over behaviour, one elite per cell (Mouret, Clune 2015)."""

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
    best = np.full(CELLS, _NOBODY, np.int64)
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
