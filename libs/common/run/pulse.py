"""The pulse of a loop: what a watcher may know of it at any time, without asking it."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pulse:
    """Written by the loop at every turn."""

    last_s: float = field(default_factory=time.monotonic)
    """When the loop last turned, monotonic clock."""
    partitions: int = 0
    """How many are assigned; 0 until the group has settled."""
    records: int = 0
    """Records taken so far."""
    is_at_work: bool = False
    """Whether the last turn brought records, which are being stepped until the next one."""

    def beat(self, records: int, partitions: int) -> None:
        """One turn of the loop."""
        self.last_s = time.monotonic()
        self.partitions = partitions
        self.records += records
        self.is_at_work = records > 0
