"""A recovery point goes from a folder into a Kafka namespace and back, and the run ends in the same state each time."""

import asyncio
import uuid
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.ports import StateStore
from common.run.checkpoint import read
from common.run.folder import RunFolder
from common.run.open import open_bus, open_states
from common.run.retry import DEFAULTS, retry
from selector.service import SERVICE as SELECTOR
from selector.state import fingerprint, load
from standalone import pointing
from standalone.recovery import bars_of
from standalone.restoring import into_folder
from tests.client.foundry import foundry
from tests.flow.conftest import Evolve
from tests.flow.test_recovery_points import Points, points  # noqa: F401


async def prints(states: StateStore) -> dict[str, str]:
    """The fingerprint of each island as last saved."""
    found = await retry(lambda: states.load(SELECTOR.name, ""), DEFAULTS)
    return {key: fingerprint(load(saved.data)).hex() for key, saved in found.items()}


async def finished(url: str, wanted: dict[str, str]) -> None:
    """Until the states on Kafka are these; the caller's timeout ends what never comes there."""
    states = open_states(url)
    try:
        while await prints(states) != wanted:
            await asyncio.sleep(0.5)
    finally:
        await states.close()


def test_into_kafka_and_back(kafka_url: str, points: Points, evolve: Evolve, tmp_path: Path) -> None:  # noqa: F811
    source, run, found = points
    url = f"{kafka_url}/{uuid.uuid4().hex}?compression=gzip"
    restored = pointing.restore(found[0], tmp_path / "on-kafka", url, 8, source.path)
    assert restored["generation"] == read(found[0]).manifest.generation
    folder = RunFolder(tmp_path / "on-kafka")
    assert not folder.states.exists()

    async def go_on() -> None:
        ends = open_states(source.states)
        wanted = await prints(ends)
        await ends.close()
        bus = open_bus(url)
        try:
            async with asyncio.timeout(600), foundry(bus, tmp_path, source.spec(), open_states(url), ()):
                await finished(url, wanted)
        finally:
            await bus.close()

    asyncio.run(go_on())

    path, manifest = pointing.create(folder.path, url)
    assert manifest.generation == 11
    assert manifest.log_id
    assert all(part.offsets for part in manifest.states if part.service == "selector")
    back = asyncio.run(into_folder(read(path).with_files(bars_of(folder)), tmp_path / "back"))
    result = evolve(folder=back)
    assert result.run["digest"] == run["digest"]
    assert {row["genome_id"] for row in result.champions} == {row["genome_id"] for row in source.champions()}

    with pytest.raises(ConfigurationError, match="has a run already; name another namespace"):
        pointing.restore(found[0], tmp_path / "again", url, 8, source.path)
    assert not (tmp_path / "again").exists()


def test_a_bus_that_keeps_no_states_is_refused(points: Points, tmp_path: Path) -> None:  # noqa: F811
    source, _, found = points
    with pytest.raises(ConfigurationError, match="--bus memory://: keeps no states; use kafka://"):
        pointing.restore(found[0], tmp_path / "new", "memory://", 8, source.path)
    with pytest.raises(ConfigurationError, match="--bus memory://: keeps no states; use kafka://"):
        pointing.create(source.path, "memory://")
    assert not (tmp_path / "new").exists()
