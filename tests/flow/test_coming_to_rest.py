"""The end of a run: what nobody reads any more is told and not passed over, and seeds do not hold it up for ever."""

import time
from collections.abc import Callable

import pytest

from common.events.catalogue import BY_PAYLOAD
from common.events.cohorts import ParentsSelected
from common.run.folder import RunFolder
from evaluator.resources import read_settings
from standalone import host
from standalone.host import HostSettings
from standalone.local_crew import LocalCrew
from standalone.session import work


class Recorded:
    """A view that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, told: object) -> None:
        """Nobody looks."""


class DeafCrew(LocalCrew):
    """One of its readers reads nothing."""

    is_closed = False

    async def open(self) -> None:
        await super().open()
        await self.bus.subscribe("deaf", [BY_PAYLOAD[ParentsSelected].name])
        self.patience_s = 2.0

    async def stop_breeding(self) -> None:
        self.is_closed = True
        await super().stop_breeding()


def test_a_group_that_reads_nothing_is_told_and_the_run_is_not_called_finished(
    prepared: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "ANSWERS_S", 0.5)
    monkeypatch.setattr(host, "WAITS_S", 0.5)
    folder, view, evaluator = prepared(), Recorded(), read_settings()
    spec, bars = folder.spec(), folder.bars()
    crew = DeafCrew(folder, spec, bars, workers=1, store=False, traces="none", evaluator=evaluator)
    run, _ = work(folder, HostSettings(1, False, "none", None, time.monotonic()), view, crew)
    assert (run["stopped_by"], run["finished"], run["generations"]) == ("generations", False, 4)
    [told] = [text for text in view.said if "nothing moves any more" in text]
    assert "bytes are left on the bus" in told
    assert any(text.startswith("finishing, and waiting: ") and "bytes are left" in text for text in view.said)
    assert crew.is_closed
