"""Settings that hold for every test, and the real servers that some of them ask."""

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tools.servers import KINDS, CannotInstallError, Servers, temporary

# A kernel compiles on its first call: a deadline would time the compiler.
# Derandomised: CI judges the change, not the draw.
settings.register_profile("galapagos", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("galapagos")


def start(servers: Servers, *kinds: str) -> Servers:
    """Start some of the servers; in CI it is a failure that they cannot be installed, elsewhere a reason to skip."""
    try:
        servers.start(1, kinds)
    except CannotInstallError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return servers


@pytest.fixture(scope="session")
def servers_here() -> Iterator[Servers]:
    """The session's own set of servers, one broker; nothing of it runs until a fixture below asks for it."""
    with temporary() as servers:
        yield servers


@pytest.fixture(scope="session")
def servers(servers_here: Servers) -> Servers:
    """Kafka, Redis and ClickHouse, running; who kills one of them starts it again."""
    return start(servers_here, *KINDS)


@pytest.fixture(scope="session")
def kafka_url(servers_here: Servers) -> str:
    """``kafka://127.0.0.1:PORT`` of a real broker that creates no topics by itself."""
    return start(servers_here, "kafka").urls["kafka"]


@pytest.fixture(scope="session")
def redis_url(servers_here: Servers) -> str:
    """``redis://127.0.0.1:PORT/0``."""
    return start(servers_here, "redis").urls["redis"]


@pytest.fixture(scope="session")
def clickhouse_url(servers_here: Servers) -> str:
    """``clickhouse://127.0.0.1:PORT/default``, the native protocol."""
    return start(servers_here, "clickhouse").urls["clickhouse"]


@pytest.fixture
def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
