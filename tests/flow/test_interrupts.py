"""Ctrl-C: once stops cleanly at any time, twice leaves at once with 130."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from common.backtest.arena import Arena
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.run.folder import RunFolder
from standalone import host, local_crew
from standalone.interrupt import StoppedAtOnceError
from standalone.overview import Overview
from standalone.session import work
from standalone.setup import prepare_all
from tests.flow.conftest import Command, Evolve

Prepared = Callable[..., RunFolder]


class Impatient:
    """A view whose reader presses Ctrl-C in a phase, and again when told that the run is stopping."""

    def __init__(self, phase: str, times: int) -> None:
        self.phase, self.left = phase, times

    def show(self, now: Overview) -> None:
        if now.phase == self.phase:
            self.phase = ""
            self._press()

    def say(self, text: str) -> None:
        if text.startswith("stopping"):
            self._press()

    def _press(self) -> None:
        if self.left:
            self.left -= 1
            os.kill(os.getpid(), signal.SIGINT)


def _settings() -> host.HostSettings:
    return host.HostSettings(1, False, "none", None, time.monotonic())


def test_once_during_set_up_ends_cleanly_before_anything_is_bred(evolve: Evolve, prepared: Prepared) -> None:
    folder = prepared()
    run, _ = work(folder, _settings(), Impatient("preparing", 1))
    assert (run["stopped_by"], run["finished"]) == ("interrupt", False)
    assert run["strategies_evaluated"] == 0
    assert "Nothing was measured" in folder.report.read_text()
    whole = evolve(folder=folder).run
    assert whole["finished"]
    assert work(folder, _settings(), Impatient("preparing", 1))[0]["digest"] == whole["digest"]


def test_twice_during_set_up_does_not_wait_for_its_threads(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    left = []

    async def slow(spec: RunSpec, bars: Sequence[Bars], workers: int, is_wanted: Any) -> list[Arena]:
        await asyncio.to_thread(time.sleep, 3.0)
        left.append(True)
        return await prepare_all(spec, bars, workers, is_wanted)

    monkeypatch.setattr(local_crew, "prepare_all", slow)
    folder = prepared()
    with pytest.raises(StoppedAtOnceError):
        work(folder, _settings(), Impatient("preparing", 2))
    assert not left
    assert folder.result() is None


def test_twice_while_evolving_raises_and_the_run_goes_on_to_the_same_end(evolve: Evolve, prepared: Prepared) -> None:
    folder = prepared()
    with pytest.raises(StoppedAtOnceError):
        work(folder, _settings(), Impatient("evolving", 2))
    assert folder.result() is None
    assert evolve(folder=folder).run["digest"] == evolve().run["digest"]


def test_the_command_ends_with_130(command: Command) -> None:
    arguments = ("run", "--data", "market.parquet", "--config", "config.json", "--out", "twice", "--no-store")
    process = command.start(*arguments)
    assert process.stdout is not None
    for sign in ("evolving", "stopping"):
        while sign not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "galapagos run --resume" in err
