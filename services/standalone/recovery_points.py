"""Recovery points in the folder of a run: where they lie, and one now and then while the run goes on."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigurationError, TransientError
from common.ports import StateStore
from common.run.checkpoint import SUFFIX, Manifest, read_manifest, write
from common.run.folder import RunFolder
from standalone.recovery import Seed, history, taken

_LOOK_S = 0.05
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PointSettings:
    """When a run takes a recovery point by itself; 0: not for this reason. ``keep``: so many, the oldest go."""

    generations: int = 100
    minutes: float = 5.0
    keep: int = 3


DEFAULTS = PointSettings()


def place(folder: RunFolder) -> Path:
    """Where the recovery points of a run lie."""
    return folder.path / "checkpoints"


def listed(folder: RunFolder) -> list[tuple[Path, Manifest]]:
    """The readable recovery points, oldest first."""
    found = []
    for path in sorted(place(folder).glob(f"[!.]*{SUFFIX}")):
        try:
            found.append((path, read_manifest(path)))
        except ConfigurationError as error:
            _log.warning("%s", error)
    return sorted(found, key=lambda item: item[1].created_us)


async def take(
    folder: RunFolder, states: StateStore, log_id: str, reason: str, keep: int = 0, seeds: Sequence[Seed] = ()
) -> tuple[Path, Manifest]:
    """One more recovery point; of those taken for the same reason only the newest ``keep`` stay (0: all).

    ``seeds`` are those of a log; those of the folder come along in any case.

    Raises ConfigurationError as ``taken`` does.
    """
    spec = await asyncio.to_thread(folder.spec)
    files = await asyncio.to_thread(history, folder)  # before the states: it is not ahead of them
    checkpoint = await taken(spec, states, log_id, reason, files, seeds)
    manifest = checkpoint.manifest
    name = f"g{manifest.generation:08d}-{manifest.created_us}{SUFFIX}"
    path = place(folder) / name
    await asyncio.to_thread(write, path, checkpoint)
    if keep:
        await asyncio.to_thread(_drop_oldest, folder, reason, keep)
    return path, manifest


def _drop_oldest(folder: RunFolder, reason: str, keep: int) -> None:
    same = [path for path, manifest in listed(folder) if manifest.reason == reason]
    for path in same[:-keep]:
        path.unlink(missing_ok=True)


class Keeper:
    """Takes a recovery point whenever it is time; evolution goes on meanwhile. ``closed``: by every island."""

    def __init__(self, folder: RunFolder, states: StateStore, log_id: str, settings: PointSettings) -> None:
        self._folder, self._states, self._log_id, self._settings = folder, states, log_id, settings

    async def keep(self, closed: Callable[[], int], flush: Callable[[], None]) -> None:
        """Until cancelled; ``flush`` writes down what has been told so far. What cannot be taken now is logged."""
        last, last_s = closed(), time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_S)
            now, now_s = closed(), time.monotonic()
            if now > last and self._is_due(now - max(last, 0), now_s - last_s):
                flush()
                last, last_s = now, now_s
                try:
                    await take(self._folder, self._states, self._log_id, "automatic", self._settings.keep)
                except (ConfigurationError, TransientError, OSError) as error:
                    _log.warning("no recovery point: %s", error)

    def _is_due(self, generations: int, seconds: float) -> bool:
        wanted = self._settings
        by_generations = wanted.generations > 0 and generations >= wanted.generations
        return by_generations or (wanted.minutes > 0 and seconds >= 60 * wanted.minutes)
