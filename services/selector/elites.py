"""The archive of an island: which cells its run has, and who holds them."""

from functools import cache

import numpy as np
import numpy.typing as npt

from common.events.spec import OBJECTIVES, RunSpec
from selector.archive import CELLS, EXPOSURE_EDGES, HOLDING_EDGES, LONG_EDGES, best_per_cell, cells
from selector.cvt import ROUNDS, SAMPLES_PER_CELL, Tree, centres, nearest_of, tree_of
from selector.state import Members, distinct, join

_EDGES: tuple[tuple[float, ...], ...] = (
    (0, *HOLDING_EDGES, 2 * HOLDING_EDGES[-1]),
    (0, *EXPOSURE_EDGES, 1),
    (0, *LONG_EDGES, 1),
)


def behaviour(members: Members) -> npt.NDArray[np.float64]:
    """Behaviour (n, 3) in [0, 1]: on each axis of the grid all bins are equally wide."""
    descriptor = members["descriptor"].astype(np.float64)
    scaled = [np.interp(descriptor[:, axis], edges, np.linspace(0, 1, len(edges))) for axis, edges in enumerate(_EDGES)]
    return np.stack(scaled, axis=1)


def cell_count(run: RunSpec) -> int:
    """Cells of the run's archive."""
    return CELLS if run.evolution.archive.shape == "grid" else run.evolution.archive.cells


def cells_of(members: Members, run: RunSpec) -> npt.NDArray[np.int64]:
    """The cell (n,) of each member in the run's archive. Niches of champions are always cells of the grid."""
    if run.evolution.archive.shape == "grid":
        return cells(members["descriptor"])
    return nearest_of(_tessellation(run.evolution.archive.cells), behaviour(members))


def with_elites(archive: Members, members: Members, run: RunSpec) -> Members:
    """The archive, in the order of its cells, when the feasible ``members`` have come.

    The greatest ``score_of`` holds a cell, of equals the first by id.
    """
    contenders = distinct(join(archive, members[members["violation"] <= 0]))
    return contenders[best_per_cell(cells_of(contenders, run), score_of(contenders, run))]


def score_of(members: Members, run: RunSpec) -> npt.NDArray[np.float64]:
    """What members (n,) are ranked by within a cell: the first objective that the run names."""
    return np.ascontiguousarray(members["objectives"][:, OBJECTIVES.index(run.evolution.objectives[0])])


@cache
def _tessellation(count: int) -> Tree:
    return tree_of(centres(count, len(_EDGES), SAMPLES_PER_CELL * count, ROUNDS))
