"""A run can be rolled back to any of its recovery points, goes on to the same end, and refuses what is damaged."""

import asyncio
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigurationError
from common.market.synthetic import noise
from common.run.checkpoint import Checkpoint, read
from common.run.folder import RunFolder
from generator.experts import experts
from selector.state import dump, load
from standalone.host import HostSettings
from standalone.live import PlainView
from standalone.recovery import bars_of, check
from standalone.recovery_points import PointSettings, listed
from standalone.request import build_spec
from standalone.restoring import into_folder
from standalone.seeds import accept
from standalone.session import work
from tests.flow.conftest import Command, Evolve

GENERATIONS = 12
SLOW = {"population": 256, "offspring": 1024, "migration_interval": 2}
"""A generation takes longer than a recovery point does."""
EVERY = PointSettings(generations=1, minutes=0, keep=1000)
Prepared = Callable[..., RunFolder]
Points = tuple[RunFolder, dict[str, Any], list[Path]]


@pytest.fixture
def points(prepared: Prepared) -> Points:
    """A run to its end with a recovery point as often as can be; those in the middle of it."""
    folder = prepared(generations=GENERATIONS, evolution=SLOW)
    settings = HostSettings(1, False, "none", None, time.monotonic(), points=EVERY)
    run, _ = work(folder, settings, PlainView())
    return folder, run, [path for path, manifest in listed(folder) if manifest.generation < GENERATIONS - 1]


def whole(folder: RunFolder, path: Path) -> Checkpoint:
    """With its bars."""
    return read(path).with_files(bars_of(folder))


def test_rolled_back_to_any_point_a_run_ends_in_the_same_state(points: Points, evolve: Evolve, tmp_path: Path) -> None:
    folder, run, found = points
    assert found
    for path in {found[0], found[len(found) // 2], found[-1]}:
        again = asyncio.run(into_folder(whole(folder, path), tmp_path / path.stem))
        result = evolve(folder=again)
        assert result.run["digest"] == run["digest"]
        assert result.run["generations"] == GENERATIONS
        assert result.run["strategies_evaluated"] == run["strategies_evaluated"]
        assert {row["genome_id"] for row in result.champions} == {row["genome_id"] for row in folder.champions()}


def test_only_the_newest_are_kept(prepared: Prepared) -> None:
    folder = prepared(generations=GENERATIONS, evolution=SLOW)
    points = PointSettings(generations=1, minutes=0, keep=1)
    work(folder, HostSettings(1, False, "none", None, time.monotonic(), points=points), PlainView())
    assert len(list((folder.path / "checkpoints").iterdir())) == 1


def test_seeds_and_history_come_along(points: Points, prepared: Prepared, evolve: Evolve, tmp_path: Path) -> None:
    folder = prepared("seeded", generations=GENERATIONS, evolution=SLOW)
    accept(folder, experts()[0].genome, "ada", "mine")
    settings = HostSettings(1, False, "none", None, time.monotonic(), points=EVERY)
    run, _ = work(folder, settings, PlainView())
    path, manifest = listed(folder)[0]
    assert [part.name for part in manifest.files if part.name.startswith("seeds/")]
    result = evolve(folder=asyncio.run(into_folder(whole(folder, path), tmp_path / "again")))
    assert result.run["seeds"] == run["seeds"] == 1
    assert result.run["strategies_evaluated"] == run["strategies_evaluated"]
    lines = [json.loads(line) for line in result.folder.journal.read_bytes().splitlines() if line]
    told = {line["key"] for line in lines if line["kind"] == "progress"}
    assert {"0:0", "0:1", "11:0", "11:1"} <= told


def test_a_folder_that_is_not_new_and_bars_that_are_others_are_refused(points: Points, tmp_path: Path) -> None:
    folder, _, found = points
    with pytest.raises(ConfigurationError, match="is not empty; a recovery point is restored into a new folder"):
        asyncio.run(into_folder(whole(folder, found[0]), folder.path))
    with pytest.raises(ConfigurationError, match="holds no bars"):
        asyncio.run(into_folder(read(found[0]), tmp_path / "new"))
    other = whole(folder, found[0]).with_files({"bars/0.npz": _noise(tmp_path)})
    with pytest.raises(ConfigurationError, match="have changed since the run began"):
        asyncio.run(into_folder(other, tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def _noise(tmp_path: Path) -> bytes:
    bars = noise(1, 2500)
    return bars_of(RunFolder.create(tmp_path / "noise", build_spec([bars], {}), [bars], datetime.now(UTC)))[
        "bars/0.npz"
    ]


def test_islands_too_far_apart_or_of_another_run_are_refused(points: Points) -> None:
    folder, _, found = points
    checkpoint = whole(folder, found[0])
    last = whole(folder, listed(folder)[-1][0])
    part = next(part for part in checkpoint.manifest.states if part.service == "selector")
    island = load(checkpoint.parts[part.name])
    far = next(
        last.parts[each.name] for each in last.manifest.states if each.service == "selector" and each.key != part.key
    )
    neighbour = next(
        each.name for each in checkpoint.manifest.states if each.service == "selector" and each.key != part.key
    )
    ahead = load(far)
    ahead = replace(ahead, sent=())
    parts = {**checkpoint.parts, neighbour: dump(ahead), part.name: dump(replace(island, arrived=(), generation=0))}
    with pytest.raises(ConfigurationError, match=r"too far apart to go on from .* stop the run"):
        check(checkpoint.manifest, parts)
    with pytest.raises(ConfigurationError, match="has closed no generation yet"):
        check(checkpoint.manifest, {**checkpoint.parts, part.name: dump(replace(island, generation=-1))})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check(checkpoint.manifest, {**checkpoint.parts, part.name: b"galapagos-island-2\n"})
    other = island.run.model_copy(update={"seed": 8}) if island.run else None
    with pytest.raises(ConfigurationError, match=r"is of run .*, not of"):
        check(checkpoint.manifest, {**checkpoint.parts, part.name: dump(replace(island, run=other))})


@pytest.mark.proof
def test_the_command_takes_a_run_to_another_machine(command: Command) -> None:
    arguments = (
        "run",
        "--data",
        "market.parquet",
        "--config",
        "config.json",
        "--out",
        "source",
        "--no-store",
        "--json",
    )
    code, out, err = command.call(*arguments, "--checkpoint-generations", "5", "--checkpoint-keep", "2")
    assert code == 0, err
    digest = json.loads(out)["digest"]
    code, out, err = command.call("checkpoint", "create", "--run", "source", "--json")
    assert code == 0, err
    by_hand = json.loads(out)
    code, out, _ = command.call("checkpoint", "list", "--run", "source", "--json")
    rows = json.loads(out)
    assert [row["reason"] for row in rows] == ["automatic", "automatic", "by hand"]
    assert rows[-1]["point"] == by_hand["point"]
    point = rows[0]["point"]
    code, out, err = command.call("checkpoint", "export", point, "moved.checkpoint.zip", "--run", "source")
    assert code == 0, err
    code, out, err = command.call("checkpoint", "show", "moved.checkpoint.zip")
    assert code == 0, err
    assert "everything is as it was written" in out
    (command.folder / "source").rename(command.folder / "gone")
    code, out, err = command.call("checkpoint", "import", "moved.checkpoint.zip", "--out", "target", "--json")
    assert code == 0, err
    assert json.loads(out)["generation"] == rows[0]["generation"]
    code, out, err = command.call("run", "--resume", "--out", "target", "--no-store", "--json")
    assert code == 0, err
    assert json.loads(out)["digest"] == digest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("restore", "x.zip", "--out", "new"), "x.zip: no such file"),
        (("import", "market.parquet", "--out", "new"), "market.parquet: no recovery point"),
        (("import", "foreign.zip", "--out", "new"), "foreign.zip: manifest.json: is missing"),
        (("create", "--run", "nowhere"), "nowhere: no run here"),
    ],
)
def test_the_command_refuses_in_one_line(command: Command, arguments: tuple[str, ...], said: str) -> None:
    with zipfile.ZipFile(command.folder / "foreign.zip", "w") as archive:
        archive.writestr("a", "b")
    code, _, err = command.call("checkpoint", *arguments)
    assert code == 2
    assert err.startswith(f"error: {said}") or said in err
    assert err.count("\n") == 1
    assert not (command.folder / "new").exists()
