"""Single bits of 64-bit words."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from common.kernel import lean_kernel


@intrinsic
def _cttz(_typing: Any, word: Any) -> Any:
    """LLVM's count of trailing zeros: one instruction."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


@lean_kernel
def trailing_zeros(word: np.uint64) -> np.int64:
    """Position of the lowest bit of a word that is not 0."""
    return np.int64(_cttz(word))  # type: ignore[call-arg]


@intrinsic
def _ctlz(_typing: Any, word: Any) -> Any:
    """LLVM's count of leading zeros."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


@intrinsic
def _bitcast(_typing: Any, value: Any) -> Any:
    """The bits of a double as a signed integer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _bitcast_back(_typing: Any, bits: Any) -> Any:
    """The double that has these bits."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@lean_kernel
def highest_bit(word: np.uint64) -> np.int64:
    """Position of the highest bit of a word that is not 0."""
    return np.int64(63) - np.int64(_ctlz(word))  # type: ignore[call-arg]


@lean_kernel
def bits_of(value: float) -> np.int64:
    """The IEEE 754 representation of a double: grows with it, and so do its leading bits; negative for one below 0."""
    return np.int64(_bitcast(value))  # type: ignore[call-arg]


@lean_kernel
def double_of(bits: np.int64) -> float:
    """The double whose IEEE 754 representation this is: the inverse of ``bits_of``."""
    return float(_bitcast_back(bits))  # type: ignore[call-arg]
