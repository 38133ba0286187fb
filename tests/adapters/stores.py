"""A new analytical store for a test, on either engine; gone afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from common.ports import Store
from common.run.open import open_store

ENGINES = ("chdb", "clickhouse")


@contextmanager
def opener_of(engine: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Callable[[], Store]]:
    """Opens it, as often as wanted; chdb one after the other."""
    if engine == "chdb":
        yield lambda: open_store(f"chdb://{folder}/db")
        return
    server = request.getfixturevalue("clickhouse_url").rpartition("/")[0]
    name = f"test_{uuid4().hex}"
    try:
        yield lambda: open_store(f"{server}/{name}")
    finally:
        last = open_store(f"{server}/default")
        last.execute(f"DROP DATABASE IF EXISTS {name}")
        last.close()
