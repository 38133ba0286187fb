"""The store that a command means: by its URL, or that of a run's folder."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import ConfigurationError
from common.ports import Store
from common.run.folder import RunFolder
from common.run.open import open_store
from standalone.servers import is_on_servers, started_here


@contextmanager
def store_of(url: str | None, out: Path | None) -> Iterator[tuple[Store, str | None]]:
    """The open store, and the id of the folder's run; None where the store was named by its URL.

    ``out`` given: the folder's own store whatever the URL. A folder of `galapagos up` has none: the URL, or else the
    ClickHouse that was started here. Raises ConfigurationError where there is none, or where a run still works with
    it: one process holds a chdb folder.
    """
    # It is asked once: that a server may come later helps nobody.
    logging.getLogger("common.adapters.clickhouse_store").setLevel(logging.ERROR)
    if url and out is None:
        store, run = open_store(url), None
    else:
        folder = RunFolder.open(out)
        store, run = open_store(_url_of(folder, url)), folder.spec().run_id
    try:
        yield store, run
    finally:
        store.close()


def _url_of(folder: RunFolder, url: str | None) -> str:
    if folder.store.is_dir():
        if folder.is_running():
            raise ConfigurationError(f"{folder.path}: the run holds its store until it ends; ask again then")
        return f"chdb://{folder.store.resolve()}"
    if not is_on_servers(folder):
        raise ConfigurationError(f"{folder.path}: has no store; it was run with --no-store")
    found = url or started_here().get("clickhouse")
    if not found:
        raise ConfigurationError(
            f"{folder.path}: was run on servers by `galapagos up`, and no ClickHouse was started in this folder; name "
            "the run's store with --store clickhouse://host:port/database (or GALAPAGOS_STORE)"
        )
    return found
