"""Numbers in a drawn order."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.random import below, new_stream


@kernel
def shuffled(key: int | np.uint64, island: int, generation: int, slot: int, size: int) -> npt.NDArray[np.int64]:
    """The numbers below ``size``, every order equally likely (R. Durstenfeld 1964)."""
    stream = new_stream(key, island, generation, slot)
    numbers = np.arange(size)
    for position in range(size - 1, 0, -1):
        other = below(stream, position + 1)
        numbers[position], numbers[other] = numbers[other], numbers[position]
    return numbers
