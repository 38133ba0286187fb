"""What goes wrong in a run is said, never waited for in silence and never called finished."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from common.events.message import Message
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.run.folder import RunFolder
from generator.experts import experts
from standalone import host, watchdog
from standalone.chronicle import Chronicle
from standalone.opening import opening
from standalone.seeds import accept
from tests.flow.conftest import Evolve

Prepared = Callable[..., RunFolder]


def _lost(spec: RunSpec, bars: Sequence[Bars], **_: Any) -> list[Message]:
    """An opening whose start is lost."""
    return opening(spec, bars, is_new=False)


def test_an_island_that_has_only_answered_a_seed_is_named_and_begins_when_resumed(
    evolve: Evolve, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared(islands=1)
    accept(folder, experts()[0].genome, "ada", "")
    with monkeypatch.context() as broken:
        broken.setattr(watchdog, "STALLED_S", 1.0)
        broken.setattr(host, "opening", _lost)
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
