"""The one place that knows how kernels are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` with Numba: no GIL (steps run in threads), cached on disk, IEEE arithmetic.

    ``fastmath`` stays off: the same genome must give the same bits on every machine.
    """
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy")(function))
