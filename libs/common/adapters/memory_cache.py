"""``memory://``: a cache inside one process that forgets what was used longest ago."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

CACHE_BYTES = 256 << 20
_ENTRY_BYTES = 150
"""What a dictionary entry and two bytes objects cost beside their content."""


class MemoryCache:
    """See ``Cache``. Holds at most ``bytes_max`` bytes of keys and values, book-keeping included."""

    def __init__(self, bytes_max: int = CACHE_BYTES) -> None:
        self.bytes_max = bytes_max
        self.size_bytes = 0
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See ``Cache``."""
        with self._lock:
            found = [self._entries.get(key) for key in keys]
            for key, value in zip(keys, found, strict=True):
                if value is not None:
                    self._entries.move_to_end(key)
        return found

    def put_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """See ``Cache``."""
        with self._lock:
            for key, value in items:
                if (old := self._entries.pop(key, None)) is not None:
                    self.size_bytes -= len(key) + len(old) + _ENTRY_BYTES
                self._entries[key] = value
                self.size_bytes += len(key) + len(value) + _ENTRY_BYTES
                while self.size_bytes > self.bytes_max:
                    gone, old = self._entries.popitem(last=False)
                    self.size_bytes -= len(gone) + len(old) + _ENTRY_BYTES

    def close(self) -> None:
        """See ``Cache``."""
        with self._lock:
            self._entries.clear()
            self.size_bytes = 0
