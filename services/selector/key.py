"""The key of a run's random streams, as the kernels take it."""

from typing import Any

import numpy as np

from common.events.spec import RunSpec


def key_of(run: RunSpec) -> Any:
    """As uint64 whatever its size, so that one compiled variant of a kernel serves every run."""
    return np.uint64(run.stream_key)
