"""Kafka, Redis and ClickHouse on this machine for tests and tools, without Docker; see `python -m tools.servers -h`."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.servers import guard
from tools.servers.errors import CannotInstallError, ServersError
from tools.servers.running import Servers, Status, quiet
from tools.servers.state import KINDS

__all__ = ["KINDS", "CannotInstallError", "Servers", "ServersError", "Status", "ensure", "temporary"]


def ensure(
    folder: Path, brokers: int | None = None, only: Iterable[str] = KINDS, say: Callable[[str], None] = quiet
) -> Servers:
    """The servers of ``folder``, installed, running and ready; what runs already stays as it is.

    ``brokers`` (1 or 3) counts at the first start of Kafka there. What is started outlives this program: ``stop()``.

    Raises:
        CannotInstallError: Something is missing and cannot be installed from here; names it and the command.
        ServersError: A server did not come up (with the end of its log), or runs with another number of brokers.
    """
    servers = Servers(folder, say)
    servers.start(brokers, only)
    return servers


@contextmanager
def temporary(say: Callable[[str], None] = quiet) -> Iterator[Servers]:
    """A set of its own in a new folder, nothing of it started; all of it is gone afterwards.

    It goes too when this program is killed before: a guard process watches for that.
    """
    folder = Path(tempfile.mkdtemp(prefix="galapagos-servers-"))
    guard.spawn(folder)
    servers = Servers(folder, say)
    try:
        yield servers
    finally:
        servers.stop(wipe=True)
