"""What an island learns while it searches, as arrays by subsystem: kept with its state, told in its fingerprint."""

from typing import Any

import numpy as np
import numpy.typing as npt

Learned = dict[str, npt.NDArray[Any]]
"""One array of records (n,) a subsystem; never written to once it is in a state."""
DTYPES: dict[str, np.dtype[Any]] = {
    "tabu": np.dtype("<u8"),  # selector.memory: ids in the younger filter, its words, those of the older
    "hyperplane": np.dtype("<f8"),  # rows of selector.hyperplane, one after the other
}
"""The record of each subsystem, by name."""


def nothing() -> Learned:
    """What a new island knows."""
    return {name: np.empty(0, dtype) for name, dtype in DTYPES.items()}
