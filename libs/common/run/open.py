"""Adapters by URL: the scheme is the only switch between one process and many."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

from common.adapters.memory_bus import MemoryBus
from common.adapters.memory_cache import MemoryCache
from common.adapters.sqlite_state import SqliteStates
from common.errors import ConfigurationError
from common.ports import Bus, Cache, StateStore, Store
from common.run.topics import snapshot_topic

Port = TypeVar("Port")


def _shown(url: SplitResult) -> str:
    """Without user and password: for messages."""
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


def _numbers(url: SplitResult, known: tuple[str, ...]) -> dict[str, int]:
    """The query of a URL; every setting is a positive whole number."""
    found = dict(parse_qsl(url.query, keep_blank_values=True))
    for name, value in found.items():
        if name not in known:
            wanted = ", ".join(known) or "none"
            raise ConfigurationError(f"{_shown(url)}: unknown setting {name!r}; use {wanted}")
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            raise ConfigurationError(f"{_shown(url)}: {name}={value!r} is not allowed; use a whole number above 0")
    return {name: int(value) for name, value in found.items()}


def _memory_bus(url: SplitResult) -> Bus:
    return MemoryBus(**_numbers(url, ("partitions", "retention_bytes")))


def _kafka_bus(url: SplitResult) -> Bus:
    from common.adapters.kafka_bus import KafkaBus  # its library: only where a server is named

    return KafkaBus(url.geturl())


def _memory_cache(url: SplitResult) -> Cache:
    return MemoryCache(**_numbers(url, ("bytes_max",)))


def _redis_cache(url: SplitResult) -> Cache:
    from common.adapters.redis_cache import RedisCache  # its library: only where a server is named

    _numbers(url, ())
    database = url.path.strip("/") or "0"
    if not url.hostname or not (database.isascii() and database.isdigit()):
        raise ConfigurationError(f"cache {_shown(url)}: use redis://[[user]:password@]host:port/db, db a whole number")
    return RedisCache(url.geturl())


def _clickhouse_store(url: SplitResult) -> Store:
    from common.adapters.clickhouse_store import ClickHouseStore  # its library: only where a server is named

    _numbers(url, ())
    return ClickHouseStore(url, secure=url.scheme == "clickhouses")


def _chdb_store(url: SplitResult) -> Store:
    from common.adapters.chdb_store import ChdbStore  # a large library; most commands never need it

    _numbers(url, ())
    path = url.netloc + url.path
    if not path:
        raise ConfigurationError("chdb://: the folder is missing; use chdb://path/to/folder")
    return ChdbStore(Path(path))


_BUSES: Mapping[str, Callable[[SplitResult], Bus]] = {"memory": _memory_bus, "kafka": _kafka_bus}
_CACHES: Mapping[str, Callable[[SplitResult], Cache]] = {
    "memory": _memory_cache,
    "redis": _redis_cache,
    "rediss": _redis_cache,
}
_STORES: Mapping[str, Callable[[SplitResult], Store]] = {
    "chdb": _chdb_store,
    "clickhouse": _clickhouse_store,
    "clickhouses": _clickhouse_store,
}


def shown(url: str) -> str:
    """A URL for a message: without user and password, whatever it is."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.rpartition("@")[2]


def _parts(url: str, what: str, schemes: Collection[str]) -> SplitResult:
    known = ", ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url)
        if parts.scheme != "kafka":  # which has several hosts
            _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{what} {shown(url)!r} is not allowed ({error}); use {known}") from error
    if parts.scheme not in schemes:
        raise ConfigurationError(f"{what} {shown(url)!r} is not allowed; use {known}")
    return parts


def _open(url: str, what: str, schemes: Mapping[str, Callable[[SplitResult], Port]]) -> Port:
    parts = _parts(url, what, schemes)
    return schemes[parts.scheme](parts)


def check_urls(bus: str = "", cache: str = "", store: str = "") -> None:
    """Raise ConfigurationError for what can be no URL, before the first of them is waited for; empty: none."""
    for url, what, schemes in ((cache, "cache", _CACHES), (store, "store", _STORES), (bus, "bus", _BUSES)):
        if url and _parts(url, what, schemes).scheme == "kafka":
            from common.adapters.kafka_settings import KafkaSettings  # its library: only where a server is named

            KafkaSettings.of(url)


def open_bus(url: str) -> Bus:
    """``memory://[?partitions=8&retention_bytes=33554432]``, ``kafka://host:port[,host:port]/[NAMESPACE][?settings]``.

    The settings of Kafka are those of ``common.adapters.kafka_settings``. Raises ConfigurationError for anything else,
    TransientError where no broker answers.
    """
    return _open(url, "bus", _BUSES)


def open_cache(url: str) -> Cache:
    """``memory://[?bytes_max=268435456]``, ``redis://[[user]:password@]host:port/db``, ``rediss://`` the same over TLS.

    Raises ConfigurationError for anything else.
    """
    return _open(url, "cache", _CACHES)


def open_store(url: str) -> Store:
    """``chdb://path``, relative with two slashes, absolute with three; ``clickhouse://user:password@host:port/database``
    (``clickhouses://`` over TLS). Raises ConfigurationError for anything else.
    """
    return _open(url, "store", _STORES)


def open_states(place: str | Path) -> StateStore:
    """The snapshot topics of a ``kafka://`` URL, or a SQLite file, made when it is missing.

    Raises ConfigurationError when it cannot be, TransientError where no broker answers.
    """
    if str(place).startswith("kafka://"):
        from common.adapters.kafka_states import KafkaStates  # its library: only where a server is named

        return KafkaStates(str(place), snapshot_topic)
    return SqliteStates(Path(place))
