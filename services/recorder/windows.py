"""Counts of events over time, each event once, however often and late it comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

AHEAD_S = 60
"""Clocks differ; an event from further in the future is left out, or it would stay for ever."""


@dataclass(slots=True)
class _Second:
    ids: list[str] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)


class Windows:
    """Sums by the second in which events were published, kept for ``keep_s`` seconds.

    Windows are made of whole seconds: a hopping one ends with the last complete second and hops by one, a tumbling one
    begins at a multiple of its length. Who publishes an event again stamps it anew: it counts where it came first.
    """

    def __init__(self, keep_s: int = 3600) -> None:
        self.keep_s = keep_s
        self._seconds: dict[int, _Second] = {}
        self._ids: set[str] = set()
        self._oldest = 0

    def add(self, event_id: str, time_us: int, now_us: int, **amounts: int) -> bool:
        """Count an event; False for one that is counted already, too old, or from the future."""
        second, now = time_us // 1_000_000, now_us // 1_000_000
        self._forget(now)
        if event_id in self._ids or not now - self.keep_s <= second <= now + AHEAD_S:
            return False
        found = self._seconds.setdefault(second, _Second())
        found.ids.append(event_id)
        self._ids.add(event_id)
        for name, amount in amounts.items():
            found.sums[name] = found.sums.get(name, 0) + amount
        return True

    def hopping(self, length_s: int, now_us: int) -> Mapping[str, int]:
        """Sums over the ``length_s`` complete seconds before now; nothing of a name that never came."""
        now = now_us // 1_000_000
        return self._sum(now - length_s, now)

    def tumbling(self, length_s: int, count: int, now_us: int) -> list[tuple[int, Mapping[str, int]]]:
        """The last ``count`` windows, oldest first, the one that still runs at the end: (begin in seconds, sums)."""
        last = now_us // 1_000_000 // length_s * length_s
        begins = range(last - (count - 1) * length_s, last + 1, length_s)
        return [(begin, self._sum(begin, begin + length_s)) for begin in begins]

    def _sum(self, begin: int, end: int) -> dict[str, int]:
        total: dict[str, int] = {}
        for second in range(begin, end):
            if second in self._seconds:
                for name, amount in self._seconds[second].sums.items():
                    total[name] = total.get(name, 0) + amount
        return total

    def _forget(self, now: int) -> None:
        if now - self.keep_s > self._oldest:
            self._oldest = now - self.keep_s
            for second in [each for each in self._seconds if each < self._oldest]:
                self._ids.difference_update(self._seconds.pop(second).ids)
