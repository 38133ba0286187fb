"""A recovery point made into a run again: a new folder, or a new namespace of a bus beside it."""

import os
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from common.adapters.partitioning import partition_of
from common.errors import ConfigurationError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import user_message
from common.events.public import GenomeSeeded
from common.ports import Bus, StateStore
from common.run import topics
from common.run.checkpoint import Checkpoint
from common.run.folder import RunFolder, write_atomically
from common.run.open import open_bus, open_states
from common.run.retry import LoopSettings, retry
from common.service import Service
from standalone.opening import opening
from standalone.recovery import SERVICES, check

LOG = "restored"
"""The log that restored states name: no bus has it, so whoever loads them says again what they imply."""
_PATIENT = LoopSettings(attempts=12)
Result = TypeVar("Result")


async def into_folder(checkpoint: Checkpoint, path: Path, *, with_states: bool = True) -> RunFolder:
    """A new run folder, whole or not at all; its bars are among the files. ``with_states`` False: they go elsewhere.

    Raises ConfigurationError where there is something already, and for bars that are not those of the run.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigurationError(f"--out {path}: is not empty; a recovery point is restored into a new folder")
    if not checkpoint.manifest.has_bars:
        raise ConfigurationError(
            f"recovery point of run {checkpoint.manifest.run_id[:8]}: holds no bars; restore it where its run is, "
            "or write it with `galapagos checkpoint export`"
        )
    check(checkpoint.manifest, checkpoint.parts)
    beside = path.with_name(f".{path.name}.{os.getpid()}.restoring")
    try:
        for name, data in checkpoint.files().items():
            write_atomically(beside / name, data)
        folder = RunFolder(beside)
        write_atomically(folder.spec_file, checkpoint.manifest.run.canonical)
        folder.bars()
        if with_states:
            states = open_states(folder.states)
            try:
                await _save(checkpoint, states, topics.PARTITIONS)
            finally:
                await states.close()
        beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return RunFolder(path)


async def into_bus(checkpoint: Checkpoint, url: str, folder: RunFolder, partitions: int = topics.PARTITIONS) -> None:
    """States into the snapshot topics of an unused namespace; then the bars of the paper stretch and the seeds.

    Raises ConfigurationError where the namespace has states already, and for a bus that keeps none.
    """
    check(checkpoint.manifest, checkpoint.parts)
    bus, states = open_keeping(url)
    try:
        await bus.create(topics.plans([service.name for service in SERVICES], partitions))
        for service in SERVICES:
            if await _patient(partial(states.load, service.name, bus.log_id)):
                raise ConfigurationError(f"--bus {url}: has a run already; name another namespace")
        await _save(checkpoint, states, await _partitions(bus))
        spec = checkpoint.manifest.run
        messages = opening(spec, folder.bars(), is_new=False)
        messages += [user_message(GenomeSeeded, spec.run_id, data) for data in checkpoint.files("seeds/").values()]
        await _patient(partial(bus.publish, messages))
    finally:
        await states.close()
        await bus.close()


def open_keeping(url: str) -> tuple[Bus, StateStore]:
    """A bus and the states on it. Raises ConfigurationError for a bus that keeps none."""
    if not url.startswith("kafka://"):
        raise ConfigurationError(f"--bus {url}: keeps no states; use kafka://host:port/NAMESPACE")
    return open_bus(url), open_states(url)


async def _partitions(bus: Bus) -> int:
    """Of the topics that are spread."""
    spread = next(topic.name for topic in BY_PAYLOAD.values() if topic.is_spread)
    return len(await _patient(partial(bus.lag, LOG, [spread])))


async def _patient(act: Callable[[], Awaitable[Result]]) -> Result:
    """Topics that have just been made have no leader for a moment."""
    return await retry(act, _PATIENT)


async def _save(checkpoint: Checkpoint, states: StateStore, partitions: int) -> None:
    shards: dict[tuple[str, int], dict[str, bytes]] = {}
    services = {service.name: service for service in SERVICES}
    for part in checkpoint.manifest.states:
        shard = _shard(services[part.service], part.key, partitions)
        shards.setdefault((part.service, shard), {})[part.key] = checkpoint.parts[part.name]
    for (name, shard), found in shards.items():
        await _patient(partial(states.save, name, LOG, shard, found, {}))


def _shard(service: Service[Any], key: str, partitions: int) -> int:
    """The partition from which the events of a state come."""
    is_spread = BY_PAYLOAD[service.consumes[0]].is_spread
    return partition_of(key.encode(), partitions) if is_spread else 0
