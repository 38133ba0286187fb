"""What goes wrong in a run is said, never waited for in silence and never called finished."""

from collections.abc import Callable
from typing import Any

import pytest

from common.run.folder import RunFolder
from generator.experts import experts
from standalone import watchdog
from standalone.chronicle import Chronicle
from standalone.host import Host
from standalone.seeds import accept
from tests.flow.conftest import Evolve

Prepared = Callable[..., RunFolder]


async def _nothing(*_: Any, **__: Any) -> None:
    """A start that is lost."""


def test_an_island_that_has_only_answered_a_seed_is_named_and_begins_when_resumed(
    evolve: Evolve, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared(islands=1)
    accept(folder, experts()[0].genome, "ada", "")
    with monkeypatch.context() as broken:
        broken.setattr(watchdog, "STALLED_S", 1.0)
        broken.setattr(Host, "_begin", _nothing)
        with pytest.raises(RuntimeError, match="islands 0 wait for generation 0"):
            evolve(folder=folder)
    assert [row["status"] for row in Chronicle.open(folder.journal, folder.family).of("seed")] == ["measured"]
    assert folder.result() is None
    resumed = evolve(folder=folder)
    assert resumed.run["generations"] == 4
    assert resumed.run["seeds"] == 1
    assert resumed.run["finished"]


def test_a_reader_of_the_host_that_fails_ends_the_run_with_its_error(
    evolve: Evolve, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared()

    def full(*_: Any) -> bool:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Chronicle, "observe", full)
        with pytest.raises(OSError, match="no space left"):
            evolve(folder=folder)
    assert folder.result() is None
    assert evolve(folder=folder).run["finished"]
