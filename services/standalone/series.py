"""What every generation of every island came to, in bounded memory: the longer the run, the coarser the steps."""

from typing import Any

Row = dict[str, Any]
POINTS_MAX = 2_000


class Series:
    """The newest row of each island, and rows of every ``step``-th generation, at most ``POINTS_MAX`` an island.

    The step is one for all islands, so that their rows can be summed by generation; it doubles when they are full.
    """

    def __init__(self) -> None:
        self.step = 1
        self._latest: dict[int, Row] = {}
        self._kept: dict[int, list[Row]] = {}

    def add(self, row: Row) -> bool:
        """Take in the row of a closed generation; False, and nothing changes, when it is not newer than the last."""
        island, generation = row["island"], row["generation"]
        if island in self._latest and generation <= self._latest[island]["generation"]:
            return False
        self._latest[island] = row
        kept = self._kept.setdefault(island, [])
        if generation % self.step == 0:
            kept.append(row)
        if len(kept) > POINTS_MAX:
            self.step *= 2
            for name, rows in self._kept.items():
                self._kept[name] = [each for each in rows if each["generation"] % self.step == 0]
        return True

    def latest(self) -> list[Row]:
        """The newest row of each island, by island."""
        return [self._latest[island] for island in sorted(self._latest)]

    def rows(self) -> list[Row]:
        """All rows kept, by generation, then island; the newest of each island among them."""
        found = {(row["generation"], row["island"]): row for kept in self._kept.values() for row in kept}
        found |= {(row["generation"], row["island"]): row for row in self._latest.values()}
        return [found[key] for key in sorted(found)]

    def evaluated(self) -> int:
        """Strategies evaluated so far, over all islands."""
        return sum(row["evaluated"] for row in self._latest.values())
