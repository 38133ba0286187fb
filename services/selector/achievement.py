"""How far members reach into the objective space: a proxy of the hypervolume that they dominate."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.random import new_stream, normal

DIRECTIONS = 64
Floats = npt.NDArray[np.float64]


@kernel
def achievement(values: Floats) -> float:
    """How far members (n, m), scaled and to be maximised, reach into the objective space: a proxy of hypervolume.

    The mean over fixed directions w of max over members of min over objectives of value / w: the R2 indicator
    (M. P. Hansen and A. Jaszkiewicz 1998). A member that dominates another never lowers it.
    """
    n, m = values.shape
    stream = new_stream(np.uint64(0), 0, 0, 0)
    direction = np.empty(m)
    total = 0.0
    for _ in range(DIRECTIONS):
        for objective in range(m):
            direction[objective] = max(abs(normal(stream)), 1e-9)
        farthest = 0.0
        for row in range(n):
            reach = np.inf
            for objective in range(m):
                reach = min(reach, max(values[row, objective], 0.0) / direction[objective])
            farthest = max(farthest, reach)
        total += farthest
    return total / DIRECTIONS
