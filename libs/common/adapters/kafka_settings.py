"""What a ``kafka://`` URL says, and what the client library's errors mean.

``kafka://host:port[,host:port]/[NAMESPACE][?settings]``: the namespace and a dot stand before the name of every topic
and group, so that several runs share a cluster. Settings, all in the query: see ``_NUMBERS``, and ``compression``.

Why zstd: `galapagos bench codecs`, a cohort of 2,048 as proposed and as evaluated, CPU of writing and reading both:
none 3.1 MB and 3 ms, gzip 0.70 MB and 279 ms, lz4 0.75 MB and 68 ms (aiokafka knows its dearest level only), zstd
0.71 MB and 12 ms. Against none that is won back at once: every byte less passes four sockets and a disk.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.codec import has_lz4, has_zstd

from common.errors import ConfigurationError, TransientError

_NUMBERS = {
    "session_ms": 10_000,  # a member that is silent for so long loses its partitions
    "step_ms": 3_600_000,  # a member that asks for nothing for so long leaves the group: its process hangs
    "stall_ms": 30_000,  # records are there and none comes for so long: the process had better start again
    "deliver_ms": 30_000,  # an acknowledgement that takes longer counts as lost
    "connect_ms": 10_000,  # how long a bus that starts waits for the first broker to answer
    "replicas": 0,  # of topics that are made here; without it three, or as many as there are brokers
}
_CODECS = {"none": True, "gzip": True, "lz4": has_lz4(), "zstd": has_zstd()}
_HOSTS = re.compile(r"[^\s,:@/]+:\d{1,9}(,[^\s,:@/]+:\d{1,9})*", re.ASCII)
_PORTS = 1 << 16
_NAMESPACE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}|")
_HOPELESS = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.IncompatibleBrokerVersion,
    errors.InconsistentGroupProtocolError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidTopicError,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedVersionError,
)
_HOPEFUL = (errors.KafkaError, errors.IllegalOperation, errors.ConsumerStoppedError, OSError, TimeoutError)


class KafkaSettings(NamedTuple):
    """A URL taken apart; durations in milliseconds."""

    url: str
    servers: str
    prefix: str
    """Of every topic and group: empty, or the namespace with its dot."""
    compression: str | None
    session_ms: int
    step_ms: int
    stall_ms: int
    deliver_ms: int
    connect_ms: int
    replicas: int
    """0: as the cluster is."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises ConfigurationError, which names what is wrong, and no password that somebody wrote into the URL."""
        if "@" in url:
            scheme, _, rest = url.partition("://")
            raise ConfigurationError(
                f"{scheme}://...@{rest.rpartition('@')[2]}: user and password are not allowed; "
                "use kafka://host:port[,host:port]/, a listener that asks for none"
            )
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ConfigurationError(f"{url}: {error}; use kafka://host:port[,host:port]/") from error
        namespace = parts.path.removeprefix("/")
        if not _HOSTS.fullmatch(parts.netloc):
            raise ConfigurationError(f"{url}: {parts.netloc!r} is not allowed; use kafka://host:port[,host:port]/")
        for server in parts.netloc.split(","):
            if not 0 < int(server.rpartition(":")[2]) < _PORTS:
                raise ConfigurationError(f"{url}: the port of {server} is not allowed; use 1 to {_PORTS - 1}")
        if not _NAMESPACE.fullmatch(namespace):
            raise ConfigurationError(
                f"{url}: namespace {namespace!r} is not allowed; use letters, digits, '.', '_', '-'"
            )
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        codec = query.pop("compression", "zstd")
        if not _CODECS.get(codec):
            usable = ", ".join(name for name, usable in _CODECS.items() if usable)
            raise ConfigurationError(
                f"{url}: compression={codec} is not possible here; use {usable}, or install aiokafka[lz4,zstd]"
            )
        for name, value in query.items():
            if name not in _NUMBERS:
                raise ConfigurationError(f"{url}: unknown setting {name!r}; use {', '.join(_NUMBERS)}, compression")
            if not re.fullmatch("0*[1-9][0-9]{0,8}", value):
                raise ConfigurationError(f"{url}: {name}={value!r} is not allowed; use a whole number above 0")
        numbers = {name: int(query.get(name, default)) for name, default in _NUMBERS.items()}
        prefix = f"{namespace}." if namespace else ""
        return cls(url, parts.netloc, prefix, None if codec == "none" else codec, **numbers)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Whatever the client library raises becomes one of our errors, told with what was being done."""
    try:
        yield
    except _HOPELESS as error:
        raise ConfigurationError(f"{what}: {error!r}; correct the setting, the topic or the rights") from error
    except _HOPEFUL as error:
        raise TransientError(f"{what}: {error!r}") from error


@asynccontextmanager
async def administrator(settings: KafkaSettings) -> AsyncIterator[Any]:
    """A connection of the admin client for one errand."""
    client = AIOKafkaAdminClient(bootstrap_servers=settings.servers, request_timeout_ms=settings.deliver_ms)
    with translated(settings.url):
        try:
            await client.start()
            yield client
        finally:
            await client.close()


def cluster_id(settings: KafkaSettings) -> str:
    """Asks the first broker that answers, on an event loop of its own.

    Raises TransientError when none answers in ``connect_ms``: the brokers may be on their way. ConfigurationError where
    one refuses to answer.
    """

    async def ask() -> str:
        deadline = asyncio.get_running_loop().time() + settings.connect_ms / 1000
        while True:
            try:
                async with asyncio.timeout_at(deadline), administrator(settings) as client:
                    return (await client.describe_cluster())["cluster_id"]
            except (TransientError, TimeoutError) as error:
                if asyncio.get_running_loop().time() + 0.2 > deadline:
                    cause = error.__cause__
                    is_silent = isinstance(error, TimeoutError) or isinstance(cause, errors.KafkaConnectionError)
                    reason = "" if is_silent else f" ({cause!r})"
                    raise TransientError(
                        f"{settings.url}: no broker answers{reason}; start Kafka there, or correct the URL of the bus"
                    ) from error
                await asyncio.sleep(0.2)

    return asyncio.run(ask())
