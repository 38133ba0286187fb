"""What `galapagos checkpoint` does: find, create, restore, export; errors name the option."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from common.client.following import follow
from common.errors import ConfigurationError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import content_id
from common.events.public import GenomeSeeded
from common.ports import Bus, StateStore
from common.run.checkpoint import SUFFIX, Manifest, read, write
from common.run.folder import RunFolder
from common.run.open import open_states
from standalone.recovery import Seed, bars_of
from standalone.recovery_points import listed, take
from standalone.restoring import into_bus, into_folder, open_keeping
from standalone.servers import bus_of

_ATTEMPTS, _PAUSE_S = 10, 0.5
BY_HAND = "by hand"


def find(point: str, run: Path | None) -> Path:
    """The file of a recovery point. Raises ConfigurationError for none or several."""
    if point.endswith(".zip"):
        return Path(point)
    folder = RunFolder.open(run, "--run")
    known = [path for path, _ in listed(folder)]
    found = [path for path in known if point and path.name.startswith(point)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.name.removesuffix(SUFFIX) for path in (found or known)) or "none"
    reason = f"begins {len(found)} recovery points; give more of it" if found else "is no recovery point"
    raise ConfigurationError(f"{point!r} {reason} ({folder.path} has: {names})")


def create(run: Path | None, bus_url: str) -> tuple[Path, Manifest]:
    """One more, from the states in the folder or on the bus. Raises ConfigurationError, TransientError."""
    folder = RunFolder.open(run, "--run")
    if not bus_url and folder.states.is_file():
        return asyncio.run(_from_folder(folder))
    bus_url = bus_url or bus_of(folder)
    if not bus_url:
        raise ConfigurationError(f"{folder.path}: has no states; start the run, or name its --bus")
    return asyncio.run(_from_bus(folder, bus_url))


async def _from_folder(folder: RunFolder) -> tuple[Path, Manifest]:
    states = open_states(folder.states)
    try:
        return await take(folder, states, "", BY_HAND)
    finally:
        await states.close()


async def _from_bus(folder: RunFolder, url: str) -> tuple[Path, Manifest]:
    bus, states = open_keeping(url)
    try:
        for _ in range(_ATTEMPTS - 1):  # shards are saved at different moments: until they are near enough
            try:
                return await _take(folder, states, bus)
            except ConfigurationError:
                await asyncio.sleep(_PAUSE_S)
        return await _take(folder, states, bus)
    finally:
        await states.close()
        await bus.close()


async def _take(folder: RunFolder, states: StateStore, bus: Bus) -> tuple[Path, Manifest]:
    return await take(folder, states, bus.log_id, BY_HAND, seeds=await _seeds(bus))


async def _seeds(bus: Bus) -> list[Seed]:
    """All that was ever published: their topic keeps them."""
    found = []
    async with aclosing(follow(bus, [BY_PAYLOAD[GenomeSeeded].name])) as following:
        async for record in following:
            if record is None:
                break
            name = content_id(record.topic, record.key, record.value)
            given = dict(record.headers).get("ce_id", b"").decode("ascii", "replace")
            found.append(Seed(given or name, name, record.value))
    return found


def restore(path: Path, out: Path, bus_url: str, partitions: int, run: Path | None) -> dict[str, Any]:
    """A new run folder, its states in it or on the bus; what was done as JSON values. Raises ConfigurationError."""
    checkpoint = read(path)
    if not checkpoint.manifest.has_bars:
        source = _home(path, run)
        checkpoint = checkpoint.with_files(bars_of(source)) if source is not None else checkpoint

    async def act() -> None:
        folder = await into_folder(checkpoint, out, with_states=not bus_url)
        if bus_url:
            try:
                await into_bus(checkpoint, bus_url, folder, partitions)
            except BaseException:
                shutil.rmtree(out)
                raise

    asyncio.run(act())
    return {"run": str(out), "bus": bus_url, "generation": checkpoint.manifest.generation, "point": path.name}


def export(path: Path, file: Path, run: Path | None) -> Manifest:
    """The recovery point and the bars of its run in one file. Raises ConfigurationError."""
    if file.exists():
        raise ConfigurationError(f"{file}: exists already; name a new file")
    checkpoint = read(path)
    source = _home(path, run)
    if not checkpoint.manifest.has_bars:
        if source is None:
            raise ConfigurationError(f"{path}: the bars are not inside; name the folder of its run with --run")
        checkpoint = checkpoint.with_files(bars_of(source))
    write(file, checkpoint)
    return checkpoint.manifest


def _home(path: Path, run: Path | None) -> RunFolder | None:
    """The folder of the run that a recovery point belongs to: the named one, or that in which it lies."""
    where: Sequence[Path] = [run] if run is not None else [path.absolute().parent.parent]
    return next((RunFolder.open(each) for each in where if (each / "spec.json").is_file()), None)
