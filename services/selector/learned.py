"""What an island learns while it searches, as arrays by subsystem: kept with its state, told in its fingerprint."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.events.spec import OBJECTIVES

Learned = dict[str, npt.NDArray[Any]]
"""One array of records (n,) a subsystem; never written to once it is in a state."""
OPERATOR = np.dtype([("quality", "<f8"), ("share", "<f8"), ("tried", "<f8"), ("failed", "<f8")])
"""Of one operator: what it is worth, its share among its kind, and its children of late."""
RATE = np.dtype([("mutation_rate", "<f8"), ("crossover_rate", "<f8"), ("step", "<f8"), ("population", "<f8")])
MOMENT = np.dtype(
    [("generation", "<u4"), ("record", "<f8", (len(OBJECTIVES),))]
    + [(name, "<f8") for name in ("achievement", "diversity", "renewed")]
)
"""A closed generation: the best so far of each objective and of the achievement, diversity, share of members new."""
TURN = np.dtype(
    [("diversity", "<f8"), ("restarts", "<u4"), ("extinctions", "<u4"), ("last", "<i8"), ("renewal", "<f8")]
)
"""The first diversity, the turns taken so far, the generation of the last one, and what it asks of the next one."""
DTYPES: dict[str, np.dtype[Any]] = {
    "operators": OPERATOR,  # selector.adaptation, in the order of APPLIED
    "rates": RATE,  # selector.adaptation, one row
    "performance": MOMENT,  # selector.convergence, the last generations
    "scale": np.dtype("<f8"),  # selector.convergence: the least of each objective at first, then the extents
    "turns": TURN,  # selector.convergence and selector.extinction, one row
    "tabu": np.dtype("<u8"),  # selector.memory: ids in the younger filter, its words, those of the older
    "hyperplane": np.dtype("<f8"),  # rows of selector.hyperplane, one after the other
}
"""The record of each subsystem, by name."""


def nothing() -> Learned:
    """What a new island knows."""
    return {name: np.empty(0, dtype) for name, dtype in DTYPES.items()}
