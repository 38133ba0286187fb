"""What the engine is, in one word: figures that two engines of the same version give are the same to the bit.

So the machine has a say: a cache that several share keeps the figures of each kind of processor apart.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import talib

from common.kernel import machine

_COMMON = Path(__file__).parents[1]
_SOURCES = ("backtest", "market", "genome", "kernel.py", "bits.py", "random.py")
"""Whatever may change a figure; a version that a person has to remember to count up would be forgotten one day."""
_LIBRARIES = ("numba", "llvmlite", "numpy", "pandas", "ta-lib")


def _digest() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in _SOURCES:
        root = _COMMON / name
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            digest.update(path.relative_to(_COMMON).as_posix().encode() + b"\0" + path.read_bytes())
    for name in _LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    digest.update(f"{talib.__ta_version__!r}\0{machine()}".encode())  # type: ignore[attr-defined]
    return digest.hexdigest()


ENGINE_VERSION = _digest()
"""Hash of the sources of bars, conditions, genes and engines, of the versions of the libraries they compute with, and
of the machine (``kernel.machine``).

Taken when the program starts: sources that change later do not change the program that runs.
"""
