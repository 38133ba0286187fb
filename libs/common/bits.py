"""Single bits of 64-bit words."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from common.kernel import kernel


@intrinsic
def _cttz(_typing: Any, word: Any) -> Any:
    """LLVM's count of trailing zeros: one instruction."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


@kernel
def trailing_zeros(word: np.uint64) -> np.int64:
    """Position of the lowest bit of a word that is not 0."""
    return np.int64(_cttz(word))
