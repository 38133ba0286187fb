"""Who descends from whom: the births of every member ever selected, pruned to the ancestors of those that matter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.events.cohorts import OPERATOR_NAMES, ParentsSelected
from common.run.folder import write_atomically

_ROW = np.dtype([("id", "V16"), ("parents", "V16", (2,)), ("operator", "u1"), ("generation", "<u4"), ("island", "<u4")])
_NOBODY = bytes(16)
PRUNE_ROWS = 200_000
"""Below so many births nothing is forgotten."""
DEPTH_MAX = 64
"""Births further back than so many links are forgotten: pictures and words go less far."""


@dataclass(frozen=True, slots=True)
class Birth:
    """One genome's origin; ``parents`` are ids in hex, none for a founder."""

    id: str
    parents: tuple[str, ...]
    operator: str
    generation: int
    island: int


class Family:
    """A register of births, appended to a file so that a killed run keeps it."""

    def __init__(self, path: Path | None = None) -> None:
        self._rows: dict[bytes, bytes] = {}
        self._path = path
        self._pending: list[bytes] = []
        self._kept = 0
        if path is not None and path.exists():
            data = path.read_bytes()
            for start in range(0, len(data) - _ROW.itemsize + 1, _ROW.itemsize):
                row = data[start : start + _ROW.itemsize]
                self._rows[row[:16]] = row

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, cohort: ParentsSelected) -> None:
        """Register the members of a breeding set that are new."""
        rows = np.zeros(len(cohort), _ROW)
        rows["id"], rows["parents"], rows["operator"] = cohort["genome_id"], cohort["parent_ids"], cohort["operator"]
        rows["generation"], rows["island"] = cohort["born_generation"], cohort.header.island
        data = rows.tobytes()
        for start in range(0, len(data), _ROW.itemsize):
            row = data[start : start + _ROW.itemsize]
            if row[:16] not in self._rows:
                self._rows[row[:16]] = row
                self._pending.append(row)

    def flush(self, living: Iterable[bytes]) -> None:
        """Write what is new; first, when the register has doubled, forget who has no near descendant in ``living``."""
        if self._path is None:
            return
        if len(self._rows) > max(PRUNE_ROWS, 2 * self._kept):
            self._rows, self._pending = dict(self._walk(living)), []
            self._kept = len(self._rows)
            write_atomically(self._path, b"".join(self._rows.values()))
        if self._pending:
            with self._path.open("ab") as file:
                # A write cut short by a kill leaves a torn row; the next one starts on a row border again.
                file.truncate(file.tell() - file.tell() % _ROW.itemsize)
                file.write(b"".join(self._pending))
            self._pending = []

    def birth(self, genome_id: str) -> Birth | None:
        """The origin of one genome, None when it is not known."""
        row = self._rows.get(bytes.fromhex(genome_id))
        return _read(row) if row is not None else None

    def ancestors(self, genome_id: str, limit: int = 60) -> list[Birth]:
        """The genome and its known ancestors, nearest first, at most ``limit``."""
        found = []
        for _, row in self._walk([bytes.fromhex(genome_id)]):
            found.append(_read(row))
            if len(found) == limit:
                break
        return found

    def _walk(self, start: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        layer = list(dict.fromkeys(start))
        seen = set(layer)
        for _ in range(DEPTH_MAX):
            parents = []
            for known in layer:
                row = self._rows.get(known)
                if row is None:
                    continue
                yield known, row
                for parent in (row[16:32], row[32:48]):
                    if parent != _NOBODY and parent not in seen:
                        seen.add(parent)
                        parents.append(parent)
            layer = parents


def _read(row: bytes) -> Birth:
    values = np.frombuffer(row, _ROW)[0]
    parents = tuple(dict.fromkeys(part.hex() for part in (row[16:32], row[32:48]) if part != _NOBODY))
    name = OPERATOR_NAMES[int(values["operator"])]
    return Birth(row[:16].hex(), parents, name, int(values["generation"]), int(values["island"]))
