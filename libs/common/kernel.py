"""The one place that knows how kernels are compiled and where their machine code is cached."""

import hashlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.registry import cpu_target

F = TypeVar("F", bound=Callable[..., Any])
_CACHES_KEPT = 8
_PACKAGES = ("common", "generator", "evaluator", "selector", "deployer", "recorder")


def _sources_digest() -> str:
    """Hash of every file that can end up inside a kernel: kernels, and the tables of NumPy and genes they freeze."""
    digest = hashlib.blake2b(digest_size=8)
    for package in _PACKAGES:
        found = importlib.util.find_spec(package)
        for root in (found.submodule_search_locations or []) if found else []:
            for path in sorted(Path(root).rglob("*.py")):
                source = path.read_bytes()
                if b"import numpy as np" in source or path.parent.name == "genome":
                    digest.update(source)
    return digest.hexdigest()


def _use_cache() -> None:
    """Give each state of the sources its own cache.

    Numba looks only at the file of the outermost kernel: after a change in a callee of another file it would run old
    code.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "galapagos" / "kernels"
    mine = root / _sources_digest()
    try:
        mine.mkdir(parents=True, exist_ok=True)
        os.utime(mine)
        for old in sorted(root.iterdir(), key=lambda path: path.stat().st_mtime)[:-_CACHES_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError:  # a read-only home: Numba then chooses a place itself
        return
    numba.config.CACHE_DIR = str(mine)  # type: ignore[attr-defined]


_use_cache()


def machine() -> str:
    """What this computer computes with, as one text: two that give the same text round the same.

    The processor that Numba compiles for, its features (FMA and vector width change the last bits of sums), the vector
    extensions that NumPy chooses by, and the C library whose logarithms and exponentials are called.
    """
    compiled_for = cpu_target.target_context.codegen().magic_tuple()
    return repr((compiled_for, np.show_config(mode="dicts")["SIMD Extensions"], platform.libc_ver()))


def kernel(function: F) -> F:
    """Compile ``function`` with Numba: no GIL (steps run in threads), cached on disk, IEEE arithmetic.

    ``fastmath`` stays off: the same genome must give the same bits on every machine.
    """
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


_LEAN: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "_nrt": False}


def lean_kernel(function: F) -> F:
    """``kernel`` for functions that neither allocate nor return arrays but to such: they count no references.

    Counting takes two atomic instructions for each array of each call that is not inlined, more than the work itself
    of a small kernel. Whoever calls holds the arrays meanwhile.
    """
    return cast(F, numba.njit(**_LEAN)(function))


def inlined_kernel(function: F) -> F:
    """``lean_kernel`` that becomes part of its caller: a call would copy every field of tuples like the phenotype."""
    return cast(F, numba.njit(**_LEAN, forceinline=True)(function))
