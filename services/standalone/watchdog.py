"""The watchdog: a run that breeds but has nothing in flight and closes nothing is stuck, and says where."""

from collections.abc import Mapping

STALLED_S = 30.0
"""A bus that neither empties nor changes for so long waits for a store that is down; an empty one for a lost event."""

_SLOWER = 3


class Watchdog:
    """Fed at every tick with what is left on the bus and the last generation that each island has closed."""

    def __init__(self, islands: int, now: float, stalled_s: float = STALLED_S) -> None:
        self._islands, self._stalled_s = islands, stalled_s
        self._seen: tuple[int, dict[int, int]] = (-1, {})
        self._changed, self._gap_s = now, 0.0

    def see(self, now: float, left: int, closed: Mapping[int, int]) -> None:
        """``now``: monotonic seconds."""
        seen = left, dict(closed)
        if seen != self._seen:
            self._gap_s = max(self._gap_s, now - self._changed)
            self._seen, self._changed = seen, now

    def is_still(self, now: float) -> bool:
        """Has nothing changed for too long, and for much longer than ever before? Cohorts may take an hour each."""
        return now - self._changed > max(self._stalled_s, _SLOWER * self._gap_s)

    def check(self, now: float) -> None:
        """While islands breed: raise RuntimeError, naming those that wait, when all is still on an empty bus."""
        left, closed = self._seen
        if left or now - self._changed <= self._stalled_s:
            return
        behind = min((closed.get(island, -1) for island in range(self._islands)), default=-1)
        waiting = [str(island) for island in range(self._islands) if closed.get(island, -1) == behind]
        raise RuntimeError(
            f"islands {', '.join(waiting)} wait for generation {behind + 1}, but nothing has been in flight for "
            f"{self._stalled_s:g} s: an event was lost"
        )
