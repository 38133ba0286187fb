"""How long a run has taken over all its sessions: set-up, evolution, and in all; kept in the chronicle."""

from standalone.chronicle import Chronicle


class SessionClock:
    """Times of one session, in monotonic seconds; ``began``: when the command was given."""

    def __init__(self, chronicle: Chronicle, began: float) -> None:
        self._chronicle = chronicle
        self._key = str(len(chronicle.of("session")))
        self._began = began
        self._started = began
        self._evaluated = 0
        self._evolution_s = 0.0

    def start(self, now: float, evaluated: int) -> None:
        """Set-up is over, the first event is about to be published; ``evaluated`` strategies in earlier sessions."""
        self._started, self._evaluated = now, evaluated

    def tick(self, now: float, evaluated: int) -> None:
        """``evaluated`` strategies so far: time counts as evolution until the last of them was measured."""
        if evaluated > self._evaluated:
            self._evaluated, self._evolution_s = evaluated, now - self._started

    def save(self, now: float) -> None:
        """Into the chronicle."""
        row = {"setup_s": self._started - self._began, "evolution_s": self._evolution_s, "wall_s": now - self._began}
        self._chronicle.add("session", self._key, row)

    def total(self, name: str) -> float:
        """Seconds of all sessions; ``name``: setup_s, evolution_s or wall_s."""
        return float(sum(row[name] for row in self._chronicle.of("session")))
