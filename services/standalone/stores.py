"""The store that a command means: by its URL, or that of a run's folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import ConfigurationError
from common.ports import Store
from common.run.folder import RunFolder
from common.run.open import open_store


@contextmanager
def store_of(url: str | None, out: Path | None) -> Iterator[tuple[Store, str | None]]:
    """The open store, and the id of the folder's run; None where the store was named by its URL.

    ``out`` given: the folder's store whatever the URL. Raises ConfigurationError where there is none, or where a run
    still works with it: one process holds a chdb folder.
    """
    if url and out is None:
        store, run = open_store(url), None
    else:
        folder = RunFolder.open(out)
        if not folder.store.is_dir():
            raise ConfigurationError(f"{folder.path}: has no store; it was run with --no-store")
        if folder.is_running():
            raise ConfigurationError(f"{folder.path}: the run holds its store until it ends; ask again then")
        store, run = open_store(f"chdb://{folder.store.resolve()}"), folder.spec().run_id
    try:
        yield store, run
    finally:
        store.close()
