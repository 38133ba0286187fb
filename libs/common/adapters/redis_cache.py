"""``redis://[[user]:password@]host:port/db``, ``rediss://`` over TLS: a cache on a server, missed by nobody when gone.

Values are bytes as they are given. The server forgets what was used longest ago (``maxmemory-policy allkeys-lru``):
entries have no lifetime of their own, which would cost a command for each.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.errors import ConfigurationError

KEYS_MAX = 4096
"""Of one command: while it answers, the server answers nobody else."""
COMMAND_BYTES = 4 << 20
"""Of keys and values in one command; a larger single value is not kept."""
CONNECT_S, ANSWER_S = 0.5, 2.0
REST_S = 3.0
"""How long a server that failed is left alone: measuring again is cheaper than waiting for it."""
_log = logging.getLogger(__name__)


class _Breaker:
    """After a failure nobody asks for ``REST_S`` seconds, then one thread tries; one warning for each outage."""

    def __init__(self, what: str, clock: Callable[[], float]) -> None:
        self._what, self._clock = what, clock
        self._lock = threading.Lock()
        self._is_open = False
        self._until = 0.0

    def allows(self) -> bool:
        with self._lock:
            if not self._is_open:
                return True
            if self._clock() < self._until:
                return False
            self._until = self._clock() + REST_S  # this thread tries, the others go on without
            return True

    def failed(self, error: Exception) -> None:
        with self._lock:
            is_news, self._is_open = not self._is_open, True
            self._until = self._clock() + REST_S
        if is_news:
            _log.warning("cache: %s: %s; going on without", self._what, error)

    def worked(self) -> None:
        with self._lock:
            was_open, self._is_open = self._is_open, False
        if was_open:
            _log.info("cache: %s: again", self._what)


class RedisCache:
    """See ``Cache``. Any error is a miss or a put that is dropped; several threads may share it.

    Opening raises ConfigurationError for a URL, a user, a password or a database that the server does not accept; a
    server that cannot be reached is no error, it may come.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        try:
            self._client = redis.Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_S,
                socket_timeout=ANSWER_S,
                protocol=2,
                # A connection of the pool may have died with an earlier server: once more, on a new one.
                retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
                **options,
            )
        except ValueError as error:
            raise ConfigurationError(f"cache: {error}; use redis://[[user]:password@]host:port/db") from error
        self._link = _Breaker("the server does not answer", clock)
        self._puts = _Breaker("the server refuses", clock)
        try:
            self._client.ping()
        except (redis.AuthenticationError, redis.ResponseError) as error:
            raise ConfigurationError(
                f"cache: the server refuses: {error}; check user, password and database"
            ) from error
        except (redis.RedisError, OSError) as error:
            self._link.failed(error)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See ``Cache``."""
        found: list[bytes | None] = []
        for chunk in _chunks((key,) for key in keys):
            found += self._ask("MGET", chunk) or [None] * len(chunk)
        return found

    def put_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """See ``Cache``."""
        small = (item for item in items if len(item[0]) + len(item[1]) <= COMMAND_BYTES)
        for chunk in _chunks(small):
            if not self._puts.allows():
                return
            self._ask("MSET", [part for item in chunk for part in item])

    def close(self) -> None:
        """See ``Cache``."""
        self._client.close()

    def _ask(self, command: str, arguments: Sequence[Any]) -> Any:
        """The answer, None for none."""
        if not self._link.allows():
            return None
        try:
            answer = self._client.execute_command(command, *arguments)  # type: ignore[no-untyped-call]
        except redis.ResponseError as error:  # it is there and says no: out of memory, a replica, no permission
            self._link.worked()
            self._puts.failed(error)
            return None
        except (redis.RedisError, OSError) as error:
            self._link.failed(error)
            return None
        self._link.worked()
        if command == "MSET":
            self._puts.worked()
        return answer


def _chunks(items: Iterable[tuple[bytes, ...]]) -> Iterator[list[Any]]:
    """Items for one command each, bounded in number and bytes; tuples of one come as their content."""
    chunk: list[Any] = []
    size = 0
    for item in items:
        length = sum(map(len, item))
        if chunk and (len(chunk) == KEYS_MAX or size + length > COMMAND_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item[0] if len(item) == 1 else item)
        size += length
    if chunk:
        yield chunk
