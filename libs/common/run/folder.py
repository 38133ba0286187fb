"""The folder of a run: specification, bars, states, seeds and what it wrote; enough to go on without options."""

import fcntl
import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import orjson
from pydantic import ValidationError

from common.errors import ConfigurationError
from common.events.spec import RunSpec
from common.market.bars import Bars

RUNS = Path("runs")
LOCK_ATTEMPTS, LOCK_PAUSE_S = 5, 0.02
_COLUMNS = ("ts_us", "open", "high", "low", "close", "volume")


def write_atomically(path: Path, data: bytes) -> None:
    """Whole or not at all, also after a power cut: written beside ``path``, flushed to the disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class RunFolder:
    """Paths and files of one run. Raises ConfigurationError where a folder is not what it should be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec_file = path / "spec.json"
        self.states = path / "states.sqlite"
        self.store = path / "store"
        self.seeds = path / "seeds"
        self.journal = path / "journal.jsonl"
        self.family = path / "family.bin"
        self.run_file = path / "run.json"
        self.champions_file = path / "champions.json"
        self.report = path / "report.html"
        self._lock: IO[bytes] | None = None

    @classmethod
    def create(cls, path: Path | None, spec: RunSpec, bars: list[Bars], now: datetime) -> Self:
        """A new run's folder with its spec and bars; ``path`` None: ``runs/<date-time>-<run id>``."""
        folder = cls(path or RUNS / f"{now:%Y%m%d-%H%M%S}-{spec.run_id[:8]}")
        if folder.spec_file.exists():
            raise ConfigurationError(
                f"--out {folder.path}: holds a run already; add --resume to go on with it, or name another folder"
            )
        folder.path.mkdir(parents=True, exist_ok=True)
        for index, series in enumerate(bars):
            folder._save_bars(index, series)
        write_atomically(folder.spec_file, orjson.dumps(spec.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        return folder

    @classmethod
    def open(cls, path: Path | None, option: str = "--out") -> Self:
        """An existing run's folder; ``path`` None: the latest under ``runs``; ``option`` named it, for messages."""
        if path is None:
            found = sorted(RUNS.glob("*/spec.json"), key=lambda file: (file.stat().st_mtime_ns, file.parent.name))
            if not found:
                raise ConfigurationError(
                    f"no run found under {RUNS}/; start one with `galapagos run`, or name it with {option} DIR"
                )
            path = found[-1].parent
        folder = cls(path)
        if not folder.spec_file.is_file():
            raise ConfigurationError(f"{option} {path}: no run here (spec.json is missing); name the folder of a run")
        return folder

    def discard(self) -> None:
        """Make it no run, as long as nothing has been told in it: nobody is to go on with what could not begin."""
        if not self.journal.exists():
            self.spec_file.unlink(missing_ok=True)
            for path in (*self.path.glob("bars/*.npz"), self.path / "namespace", self.path / "lock"):
                path.unlink(missing_ok=True)
            for path in (self.path / "bars", self.path):
                with suppress(OSError):  # logs may have been left, or something of the user's
                    path.rmdir()

    def spec(self) -> RunSpec:
        """The specification the run was started with."""
        try:
            return RunSpec.model_validate_json(self.spec_file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ConfigurationError(f"{self.spec_file}: {where}: {first['msg']}; the file has been changed") from error

    def bars(self) -> list[Bars]:
        """The bars of the run, checked against the spec's digests."""
        found = []
        for index, data in enumerate(self.spec().data):
            path = self._bars_file(index)
            if not path.is_file():
                raise ConfigurationError(f"{path}: is missing; the run cannot go on without its bars")
            with np.load(path, allow_pickle=False) as saved:
                ts_us, open_, high, low, close, volume = (saved[name] for name in _COLUMNS)
                series = Bars(data.name, ts_us, open_, high, low, close, volume, int(saved["bar_us"]))
            if series.digest != data.digest:
                raise ConfigurationError(f"{path}: the bars of {data.name} have changed since the run began")
            found.append(series)
        return found

    def result(self) -> dict[str, Any] | None:
        """``run.json``, None before the run has ended."""
        return orjson.loads(self.run_file.read_bytes()) if self.run_file.is_file() else None

    def champions(self) -> list[dict[str, Any]]:
        """``champions.json``, also while the run goes on."""
        return orjson.loads(self.champions_file.read_bytes()) if self.champions_file.is_file() else []

    def is_running(self) -> bool:
        """Does a process hold this run?"""
        try:
            self.lock()
        except ConfigurationError:
            return True
        self.unlock()
        return False

    def lock(self) -> None:
        """Hold the run; the system lets go when the process ends, however it ends."""
        file = (self.path / "lock").open("ab")
        for _ in range(LOCK_ATTEMPTS):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._lock = file
                return
            time.sleep(LOCK_PAUSE_S)  # whoever only asks `is_running` holds it for a moment
        file.close()
        raise ConfigurationError(f"--out {self.path}: another process works on this run; wait for it or stop it")

    def unlock(self) -> None:
        """Let go."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _bars_file(self, index: int) -> Path:
        return self.path / "bars" / f"{index}.npz"

    def _save_bars(self, index: int, bars: Bars) -> None:
        path = self._bars_file(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {name: getattr(bars, name) for name in _COLUMNS}
        with path.open("wb") as file:
            np.savez_compressed(file, bar_us=np.int64(bars.bar_us), **columns)
