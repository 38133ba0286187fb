"""Recovery points of a run: taken from any state store at any time, restored into a new folder or a new bus.

The states of one moment are enough (decision 0001): what they imply is said again by ``recover`` wherever they are
loaded with another log, and what is in flight is done again with the same result.
"""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

from common.errors import ConfigurationError
from common.events.spec import RunSpec
from common.ports import Saved, StateStore
from common.run.checkpoint import FORMAT, Checkpoint, Manifest, StatePart, described
from common.run.folder import RunFolder
from common.run.loop import now_us
from common.run.retry import DEFAULTS, retry
from selector.migration import sends, sources
from selector.service import SERVICE as SELECTOR
from selector.state import IslandState
from standalone.services import desk

SERVICES = (desk(()), SELECTOR)
"""Readers before those they read: none of the states is ahead of what it follows from."""


class Seed(NamedTuple):
    """A seed as it stands in a log."""

    event_id: str
    name: str
    data: bytes


_HISTORY = ("journal.jsonl", "family.bin")


async def taken(
    spec: RunSpec, states: StateStore, log_id: str, reason: str, files: Mapping[str, bytes], seeds: Sequence[Seed] = ()
) -> Checkpoint:
    """The states of this moment, with ``files`` beside them and those of the ``seeds`` that no island has answered.

    Raises ConfigurationError where nothing is there to go on from, and where islands are too far apart to go on.
    """
    parts: dict[str, bytes] = {}
    listed: list[StatePart] = []
    for service in SERVICES:
        for key, saved in (await _load(states, service.name, log_id)).items():
            entry = described(f"states/{len(parts)}", saved.data)
            places = tuple((topic, number, following) for (topic, number), following in sorted(saved.offsets.items()))
            listed.append(
                StatePart(**entry.model_dump(), service=service.name, key=key, shard=saved.shard, offsets=places)
            )
            parts[entry.name] = saved.data
    manifest = Manifest(
        format=FORMAT,
        program=f"galapagos {version('galapagos')}",
        created_us=now_us(),
        reason=reason,
        run_id=spec.run_id,
        run=spec,
        log_id=log_id,
        islands={},
        states=tuple(listed),
        files=(),
    )
    islands = await asyncio.to_thread(check, manifest, parts)
    generations = {str(state.island): state.generation for state in islands}
    manifest = manifest.model_copy(update={"islands": generations})
    answered = {cohort for state in islands for cohort in state.seed_cohorts}
    waiting = {f"seeds/{seed.name}.json": seed.data for seed in seeds if seed.event_id not in answered}
    return Checkpoint(manifest, parts).with_files({**files, **waiting})


async def _load(states: StateStore, service: str, log_id: str) -> Mapping[str, Saved]:
    return await retry(lambda: states.load(service, log_id), DEFAULTS)


def check(manifest: Manifest, parts: Mapping[str, bytes]) -> list[IslandState]:
    """The islands, if this program can go on from these states.

    Raises ConfigurationError for states of another version or of another run, for an island that is missing or has
    closed nothing, and where one waits for migrants that its neighbour no longer has.
    """
    services = {service.name: service for service in SERVICES}
    islands: dict[int, IslandState] = {}
    for part in manifest.states:
        service = services.get(part.service)
        if service is None or service.load is None:
            raise ConfigurationError(f"{part.name}: service {part.service!r} is unknown; use the program that wrote it")
        state = service.load(parts[part.name])
        if state.run is not None and state.run.run_id != manifest.run_id:
            raise ConfigurationError(f"{part.name}: is of run {state.run.run_id}, not of {manifest.run_id}")
        if isinstance(state, IslandState):
            islands[state.island] = state
    for number in range(manifest.run.islands):
        if number not in islands or islands[number].generation < 0:
            raise ConfigurationError(f"island {number}: has closed no generation yet; wait until it has")
    for island in islands.values():
        _check_migrants(island, islands, manifest.run)
    return [islands[number] for number in sorted(islands)]


def _check_migrants(island: IslandState, islands: Mapping[int, IslandState], run: RunSpec) -> None:
    first = max(0, island.generation + 1 - run.evolution.migration_interval)
    here = {batch[:2] for batch in island.arrived}
    for source in islands.values():
        kept = {generation for generation, _ in source.sent}
        for one in range(first, source.generation + 1):
            if not sends(run, one) or source.island not in sources(run, island.island, one):
                continue
            if one not in kept and (one, source.island) not in here:
                raise ConfigurationError(
                    f"islands {source.island} and {island.island}: their states are of generations "
                    f"{source.generation} and {island.generation}, too far apart to go on from (migrants of {one} are "
                    "gone); stop the run, which saves all states, and try again"
                )


def history(folder: RunFolder) -> dict[str, bytes]:
    """The files of a run folder that go with its states: what was published to it, and what it has told so far."""
    found = {name: path.read_bytes() for name in _HISTORY if (path := folder.path / name).is_file()}
    seeds = [path for path in sorted(folder.seeds.glob("[!.]*.json")) if path.is_file()]
    return found | {f"seeds/{path.name}": path.read_bytes() for path in seeds}


def bars_of(folder: RunFolder) -> dict[str, bytes]:
    """The bars as files, checked against the specification. Raises ConfigurationError."""
    folder.bars()
    names = [f"bars/{index}.npz" for index in range(len(folder.spec().data))]
    return {name: (folder.path / name).read_bytes() for name in names}
