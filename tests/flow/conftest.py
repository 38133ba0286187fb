"""Runs from end to end on small made-up markets, in this process or in one that can be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.market.bars import Bars
from common.market.synthetic import planted
from common.run.folder import RunFolder
from standalone.chronicle import Chronicle
from standalone.host import HostSettings
from standalone.live import PlainView
from standalone.request import build_spec
from standalone.session import work
from tools.tidy import ROOT

SMALL: dict[str, Any] = {
    "islands": 2,
    "evolution": {"population": 64, "offspring": 128, "migration_interval": 2},
    "windows": {"warmup_bars": 100},
}
PLANTED = planted(1, 2500, 0.6)
GENERATIONS = 60


@dataclass(frozen=True)
class Result:
    """A run that has come to its end."""

    folder: RunFolder
    run: dict[str, Any]
    champions: list[dict[str, Any]]

    @property
    def chronicle(self) -> Chronicle:
        return Chronicle.open(self.folder.journal, self.folder.family)


Evolve = Callable[..., Result]


@pytest.fixture
def evolve(tmp_path: Path) -> Evolve:
    """Run bars through everything, or go on with a folder."""

    def act(
        bars: Sequence[Bars] = (PLANTED,),
        *,
        folder: RunFolder | None = None,
        workers: int = 1,
        store: bool = False,
        traces: str = "none",
        **overrides: Any,
    ) -> Result:
        if folder is None:
            spec = build_spec(bars, SMALL | {"generations": 4} | overrides)
            path = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
            folder = RunFolder.create(path, spec, list(bars), datetime.now(UTC))
        settings = HostSettings(workers, store, traces, None, time.monotonic())
        run, champions = work(folder, settings, PlainView())
        return Result(folder, run, champions)

    return act


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., RunFolder]:
    """A run that has not begun."""

    def act(name: str = "prepared", **overrides: Any) -> RunFolder:
        spec = build_spec([PLANTED], SMALL | {"generations": 4} | overrides)
        return RunFolder.create(tmp_path / name, spec, [PLANTED], datetime.now(UTC))

    return act


class Command:
    """`galapagos` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bars = {name: getattr(PLANTED, name) for name in ("ts_us", "open", "high", "low", "close", "volume")}
        table = pa.table({"ts": pa.array(bars.pop("ts_us"), pa.timestamp("us", "UTC")), **bars})
        pq.write_table(table, folder / "market.parquet")
        (folder / "config.json").write_text(json.dumps(SMALL | {"generations": GENERATIONS}))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        code = "import sys; sys.argv[0] = 'galapagos'; from standalone.cli import main; main()"
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'libs'}:{ROOT / 'services'}"}
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def call(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def interrupted(self, name: str, number: signal.Signals) -> tuple[int, str]:
        """Start a run, send it a signal in the middle; its exit code and what it printed."""
        arguments = ("run", "--data", "market.parquet", "--config", "config.json", "--out", name, "--no-store")
        process = self.start(*arguments)
        journal = self.folder / name / "journal.jsonl"
        while process.poll() is None:
            if journal.exists() and journal.read_text().count('"progress"') >= 2:
                process.send_signal(number)
                break
            time.sleep(0.02)
        out, _ = process.communicate(timeout=240)
        return process.returncode, out


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("command"))


@pytest.fixture
def service_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m SERVICE OPTIONS`; killed at the end of the test if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def act(*words: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'libs'}:{ROOT / 'services'}"}
        process = subprocess.Popen(
            [sys.executable, "-m", *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield act
    for process in started:
        process.kill()
        process.communicate()
