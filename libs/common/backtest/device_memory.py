"""Memory of CUDA devices: CuPy's pool, or Numba's own where CuPy is not installed, or NumPy's in the simulator."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import config, cuda

from common.errors import ConfigurationError

try:
    import cupy
except ImportError:
    cupy = None

SIMULATED = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]
"""Numba's simulator runs kernels on the CPU: set NUMBA_ENABLE_CUDASIM=1 before the first import."""
POOLED = cupy is not None and not SIMULATED
Tree = TypeVar("Tree")
Shape = tuple[int, ...]


def device_numbers() -> list[int]:
    """All devices of this machine. Raises ConfigurationError when there is none."""
    if not cuda.is_available():
        raise ConfigurationError(
            "device: no CUDA device can be used; install its driver and the extra gpu12 or gpu13, measure on the CPU, "
            "or set NUMBA_ENABLE_CUDASIM=1 to try the kernels without one"
        )
    return list(range(len(cuda.gpus)))


def models_of(numbers: Sequence[int]) -> list[str]:
    """Name and compute capability of each kind among these devices, sorted."""
    if SIMULATED:
        return ["simulator"]
    devices = [cuda.gpus[number] for number in numbers]
    return sorted({f"{device.name!r} {device.compute_capability}" for device in devices})


@contextmanager
def on_device(number: int) -> Iterator[None]:
    """Make a device the one that memory comes from and kernels run on."""
    with ExitStack() as stack:
        stack.enter_context(cuda.gpus[number])
        if POOLED:
            stack.enter_context(cupy.cuda.Device(number))
        yield


def free_bytes() -> float:
    """Free memory of the current device; infinite in the simulator."""
    return float(cuda.current_context().get_memory_info().free)


def new_stream() -> Any:
    """Another queue of the current device."""
    return cuda.stream()


def empty(shape: Shape, dtype: npt.DTypeLike) -> Any:
    """Memory on the current device, not initialised."""
    if SIMULATED:
        return np.empty(shape, dtype)
    return cuda.as_cuda_array(cupy.empty(shape, dtype)) if POOLED else cuda.device_array(shape, dtype)


def pinned(shape: Shape, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Memory of the host that a device copies from and to by itself."""
    return cuda.pinned_array(shape, dtype)


def copy_in(source: npt.NDArray[Any], target: Any, stream: Any) -> None:
    """From the host to the device, in the order of ``stream``."""
    if SIMULATED:
        np.copyto(target, source)
    elif source.size:
        target.copy_to_device(source, stream=stream)


def copy_out(source: Any, target: npt.NDArray[Any], stream: Any) -> None:
    """From the device to the host, in the order of ``stream``."""
    if SIMULATED:
        np.copyto(target, source)
    elif target.size:
        source.copy_to_host(target, stream=stream)


def upload(tree: Tree) -> Tree:
    """A copy of arrays, or of named tuples of them, on the current device; plain numbers stay what they are."""
    if isinstance(tree, tuple):
        return type(tree)(*map(upload, tree))
    if not isinstance(tree, np.ndarray):
        return tree
    target = empty(tree.shape, tree.dtype)
    copy_in(np.ascontiguousarray(tree), target, 0)
    return target


def threads_last(flat: Any, shape: Shape) -> Any:
    """The beginning of ``flat`` as an array whose first index, the thread, is the one that lies closest in memory.

    Threads that run together then read and write neighbours. The simulator keeps the order of the CPU, and so its
    machine code.
    """
    size = int(np.prod(shape))
    return flat[:size].reshape(shape) if SIMULATED else flat[:size].reshape(shape, order="F")
