"""Births of a run as the store keeps them, in numbers: the whole genealogy at once, or those of some genomes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.errors import ConfigurationError
from common.ports import Store

Numbers = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
NUMBERS_MAX = 8000
"""In one statement, which may have 256 KiB."""
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)


class Links(NamedTuple):
    """Who is whose child: columns of the table ``births``, shape (n,), each the first half of an id, or 0 for none."""

    child: Numbers
    mother: Numbers
    father: Numbers


class Births(NamedTuple):
    """Columns of the table ``births``, shape (n,): ids are two halves, parents the first half or 0 for none."""

    child: Numbers
    child_rest: Numbers
    mother: Numbers
    father: Numbers
    operator_code: npt.NDArray[np.uint8]
    island: npt.NDArray[np.uint16]
    generation: npt.NDArray[np.uint32]

    @property
    def links(self) -> Links:
        """These births without their details."""
        return Links(self.child, self.mother, self.father)


def links_of(store: Store, run: str) -> Links:
    """Who is whose child in a run; a birth that was recorded twice may be there twice."""
    return Links(*_read(store, run, Links._fields))


def births_of(store: Store, run: str, numbers: Numbers | None = None) -> Births:
    """The births of a run, or those of the genomes with these ``numbers`` alone; one recorded twice may be there twice.

    Numbers are asked for in order, so that each statement reads its own stretch of the table.
    """
    if numbers is None:
        return Births(*_read(store, run, Births._fields))
    some = np.unique(numbers)
    parts = []
    for first in range(0, len(some), NUMBERS_MAX):
        listed = ", ".join(map(str, some[first : first + NUMBERS_MAX].tolist()))
        parts.append(_read(store, run, Births._fields, f" AND child IN ({listed})"))
    return Births(*map(np.concatenate, zip(*parts, strict=True)))


def _read(store: Store, run: str, names: tuple[str, ...], which: str = "") -> list[npt.NDArray[Any]]:
    found = store.query(f"SELECT {', '.join(names)} FROM births WHERE run_id = '{run}'{which}")
    return [found[name].to_numpy() for name in names]


def row_of(run: str, beginning: str, child: Numbers, child_rest: Numbers | None = None) -> int:
    """A birth of the one genome whose id begins so; without ``child_rest`` the first half of the id has to do.

    Raises ConfigurationError for none or several.
    """
    low, high = (int((beginning + digit * 32)[:32], 16) for digit in "0f")
    tail = (1 << 64) - 1
    rows = np.flatnonzero((child >= np.uint64(low >> 64)) & (child <= np.uint64(high >> 64)))
    if child_rest is not None and len(beginning) > 16:
        rest = child_rest[rows]
        rows = rows[(rest >= np.uint64(low & tail)) & (rest <= np.uint64(high & tail))]
    if len(np.unique(child[rows])) != 1:
        problem = "more than one genome" if len(rows) else "no genome"
        raise ConfigurationError(f"ID {beginning!r}: {problem} admitted in run {run[:8]} has an id that begins so")
    return int(rows[0])


def texts(*halves: Numbers) -> Any:
    """Ids in hex, from their halves (n,) each."""
    numbers = np.stack(halves, axis=1).astype(">u8")
    return _strings(_HEX[numbers.view(np.uint8)], 16 * len(halves))


def _strings(digits: npt.NDArray[np.uint16], width: int) -> Any:
    offsets = np.arange(0, (len(digits) + 1) * width, width, dtype=np.int64)
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(np.ascontiguousarray(digits).data)]
    return pa.Array.from_buffers(pa.large_string(), len(digits), buffers).cast(pa.string())
