"""How much of the time members of a service spend in their steps."""

import threading
from collections.abc import Callable


class Busy:
    """Adds up time with steps under way; one that goes on for long counts from its beginning, not at its end."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._running = 0
        self._busy_s = 0.0
        self._at_s = self._asked_s = clock()
        self.members = 0

    def change(self, by: int) -> None:
        """A step begins (+1) or ends (-1)."""
        with self._lock:
            self._add()
            self._running += by

    def share(self) -> float:
        """Of the time since the last call, how much a member spent in steps: 0 to 1."""
        with self._lock:
            self._add()
            passed_s = self._at_s - self._asked_s
            found = self._busy_s / (passed_s * max(1, self.members)) if passed_s > 0 else 0.0
            self._busy_s, self._asked_s = 0.0, self._at_s
            return found

    def _add(self) -> None:
        now_s = self._clock()
        self._busy_s += self._running * (now_s - self._at_s)
        self._at_s = now_s
