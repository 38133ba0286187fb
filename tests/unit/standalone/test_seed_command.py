"""`galapagos seed`: valid examples, files refused with the gene named, publishing that loses nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.genome.codec import from_json
from common.genome.conditions import CONDITIONS
from common.genome.slots import SLOT_TEXTS
from common.market.synthetic import noise
from common.run.folder import RunFolder
from generator.experts import experts
from standalone.request import build_spec
from standalone.seeds import identity
from tests.unit.standalone.conftest import Galapagos


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    bars = [noise(1, 800)]
    spec = build_spec(bars, {"windows": {"warmup_bars": 50}})
    return RunFolder.create(tmp_path / "run", spec, bars, datetime.now(UTC))


def _example(galapagos: Galapagos) -> dict[str, Any]:
    code, out, _ = galapagos("seed", "example")
    assert code == 0
    return json.loads(out)


def test_the_example_is_a_complete_valid_genome(galapagos: Galapagos) -> None:
    document = _example(galapagos)
    assert identity(from_json(document)) == identity(experts()[0].genome)
    assert {"version", "logic", "entry", "exit", "risk", "regime", "time", "portfolio"} <= set(document)


def test_every_expert_can_be_had_by_its_name(galapagos: Galapagos) -> None:
    code, out, _ = galapagos("seed", "experts", "--json")
    names = [row["name"] for row in json.loads(out)]
    assert code == 0
    assert names == [expert.name for expert in experts()]
    code, out, _ = galapagos("seed", "example", "--name", names[-1])
    assert identity(from_json(json.loads(out))) == identity(experts()[-1].genome)


def test_an_unknown_expert_is_refused(galapagos: Galapagos) -> None:
    code, _, err = galapagos("seed", "example", "--name", "holy_grail")
    assert code == 2
    assert "holy_grail" in err
    assert "galapagos seed experts" in err


def test_conditions_are_listed_and_found_by_name_and_meaning(galapagos: Galapagos) -> None:
    code, out, _ = galapagos("seed", "conditions", "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)] == [*(condition.text for condition in CONDITIONS), *SLOT_TEXTS]
    _, out, _ = galapagos("seed", "conditions", "--grep", "three white soldiers")
    assert out.startswith("cdl3whitesoldiers")


def test_a_good_genome_is_published_once(galapagos: Galapagos, folder: RunFolder, tmp_path: Path) -> None:
    document = _example(galapagos)
    document["exit"]["stop_distance"] = 4.5
    (tmp_path / "mine.json").write_text(json.dumps(document))
    code, out, _ = galapagos("seed", "publish", "mine.json", "--out", "run", "--publisher", "ada")
    assert code == 0
    assert out.strip() == identity(from_json(document))
    files = list(folder.seeds.glob("*.json"))
    assert len(files) == 1
    first = files[0].read_bytes()
    assert json.loads(first)["publisher"] == "ada"
    code, out, _ = galapagos("seed", "publish", "mine.json", "--out", "run", "--publisher", "eve", "--json")
    assert code == 0
    assert json.loads(out)["running"] is False
    assert files[0].read_bytes() == first
    assert list(folder.seeds.iterdir()) == files


def _ranged(document: dict[str, Any]) -> bytes:
    document["risk"]["leverage_max"] = 9.0
    return json.dumps(document).encode()


def _not_a_number(document: dict[str, Any]) -> bytes:
    document["exit"]["stop_distance"] = float("nan")
    return json.dumps(document).encode()


def _twice(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode().replace(b'"version": 2', b'"version": 2, "version": 2')


def _large(document: dict[str, Any]) -> bytes:
    return json.dumps(document | {"note": "x" * (10 << 20)}).encode()


def _version(document: dict[str, Any]) -> bytes:
    return json.dumps(document | {"version": 1}).encode()


def _unknown(document: dict[str, Any]) -> bytes:
    document["risk"]["luck"] = 1
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_ranged, "gene risk.leverage_max: 9.0 is not allowed; use a number between 0.25 and 3"),
        (_not_a_number, "NaN|not strict JSON"),
        (_twice, "version"),
        (_large, "bytes"),
        (_version, "gene version: 1 is not allowed"),
        (_unknown, "gene risk.luck"),
        (lambda _: b'{"version":2,"bogus":1}', "gene bogus: 1 is not allowed; use a chromosome that exists: logic, "),
        (lambda _: b"[1, 2]", "genome"),
        (lambda _: b"\xff\xfe", "JSON"),
        (lambda _: b"", "JSON"),
    ],
)
def test_a_bad_genome_is_refused_in_one_line_and_nothing_is_published(
    galapagos: Galapagos, folder: RunFolder, tmp_path: Path, spoil: Any, named: str
) -> None:
    (tmp_path / "bad.json").write_bytes(spoil(_example(galapagos)))
    code, out, err = galapagos("seed", "publish", "bad.json", "--out", "run")
    assert code == 2
    assert out == ""
    assert any(part in err for part in named.split("|"))
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not folder.seeds.exists()


def test_a_missing_file_and_a_missing_run_are_named(galapagos: Galapagos, tmp_path: Path) -> None:
    code, _, err = galapagos("seed", "publish", "nothing.json", "--out", "run")
    assert code == 2
    assert "nothing.json" in err
    (tmp_path / "mine.json").write_text(json.dumps(_example(galapagos)))
    code, _, err = galapagos("seed", "publish", "mine.json", "--out", "elsewhere")
    assert code == 2
    assert "elsewhere" in err
