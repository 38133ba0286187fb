"""`galapagos seed publish --bus` and `galapagos champions follow --bus` against a real broker."""

import asyncio
import json
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.client import connect
from common.errors import ConfigurationError, GenomeError
from common.events.codec import encode
from common.genome.codec import to_json
from common.run import topics
from common.run.open import open_bus
from standalone.cli import app
from tests.client.test_client import EXPERT, champion


@pytest.fixture
def url(kafka_url: str) -> str:
    """A namespace with two champions."""
    named = f"{kafka_url}/{uuid.uuid4().hex}?compression=gzip"

    async def prepare() -> None:
        bus = open_bus(named)
        await bus.create(topics.plans())
        await bus.publish([encode(champion(number)) for number in (1, 2)])
        await bus.close()

    asyncio.run(prepare())
    return named


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_seed_is_published_and_champions_are_followed(url: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(to_json(EXPERT)))
    sent = json.loads(said("seed", "publish", str(file), "--bus", url, "--publisher", "ada", "--run", "r1", "--json"))
    with connect(url) as client:
        assert client.publish_seed(EXPERT, "ada", run="r1").event_id == sent["event_id"]
    follow = ("champions", "follow", "--bus", url, "--idle", "1")
    rows = [json.loads(line) for line in said(*follow, "--group", "desk", "--json").splitlines()]
    assert [row["generation"] for row in rows] == [1, 2]
    assert rows[0]["event_id"] == champion(1).id
    assert said(*follow, "--group", "desk") == ""
    assert [line.split()[0] for line in said(*follow).splitlines()] == [rows[0]["genome_id"][:12]] * 2


def test_a_bad_seed_and_two_places_for_a_run_are_refused(url: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"version": 2, "risk": {"leverage_max": 9.0}}')
    with pytest.raises(GenomeError, match=r"gene risk\.leverage_max"):
        said("seed", "publish", str(file), "--bus", url)
    with pytest.raises(ConfigurationError, match=r"--bus .* and --out .*: give one of them"):
        said("champions", "follow", "--bus", url, "--out", str(tmp_path))


def test_a_wrong_namespace_is_told_with_those_that_hold_a_run(url: str, kafka_url: str) -> None:
    mine = url.partition("?")[0].rpartition("/")[2]
    wanted = rf"no run is in this namespace \(topic .* is missing\); name one of .*({mine}| and \d+ more)"
    with pytest.raises(ConfigurationError, match=wanted):
        said("champions", "follow", "--bus", f"{kafka_url}/none-here", "--idle", "1")
