"""`galapagos run` refuses what makes no sense before it starts, in one line that names the field."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import DataError
from common.events.spec import RunSpec
from common.market.synthetic import noise
from common.run.folder import RunFolder
from standalone.request import build_spec
from standalone.servers import token_of
from tests.unit.standalone.conftest import Galapagos


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    bars = [noise(1, 800)]
    spec = build_spec(bars, {"generations": 3, "seed": 5, "windows": {"warmup_bars": 50}})
    RunFolder.create(tmp_path / "run", spec, bars, datetime.now(UTC))
    return spec


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--generations", "3", "--minutes", "1"), "--generations and --minutes"),
        (("--data", "nowhere.csv"), "nowhere.csv"),
        (("--config", "nowhere.json"), "nowhere.json"),
        (("--config", "population.json"), "evolution.population 2"),
        (("--config", "unknown.json"), "evolution.magic"),
        (("--config", "operators.json"), "evolution.operators: "),
        (("--config", "shares.json"), "error: evolution.archive: iso_line 0.8 and covariance 0.7 are more than all"),
        (("--config", "data.json"), "data"),
        (("--config", "list.json"), "no JSON object"),
        (("--config", "windows.json"), "leave nothing for the paper stretch"),
        (("--resume", "--out", "nowhere"), "nowhere"),
        (("--resume",), "no run found"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(
    galapagos: Galapagos, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    configs = {
        "population": {"evolution": {"population": 2}},
        "unknown": {"evolution": {"magic": 1}},
        "operators": {"evolution": {"operators": {"sbxx": 1}}},
        "shares": {"evolution": {"archive": {"iso_line": 0.8, "covariance": 0.7}}},
        "data": {"data": []},
        "list": [],
        "windows": {"windows": {"training": 0.9, "vault": 0.2}},
    }
    for name, document in configs.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    code, out, err = galapagos("run", *arguments)
    assert code == 2
    assert out == ""
    assert named in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seed", "6"), "seed: 6 was asked for, but the run has 5"),
        (("--generations", "4"), "generations: 4 was asked for, but the run has 3"),
        (("--islands", "2"), "islands: 2 was asked for, but the run has 4"),
        (("--minutes", "1"), "--minutes"),
        (("--config", "other.json"), "costs.default.spread_bps: 9 was asked for, but the run has 2.0"),
        (("--config", "unknown.json"), "costs.magic"),
    ],
)
def test_options_that_differ_from_the_run_are_refused_on_resume(
    galapagos: Galapagos, tmp_path: Path, spec: RunSpec, arguments: tuple[str, ...], named: str
) -> None:
    (tmp_path / "other.json").write_text(json.dumps({"costs": {"default": {"spread_bps": 9}}}))
    (tmp_path / "unknown.json").write_text(json.dumps({"costs": {"magic": 9}}))
    code, _, err = galapagos("run", "--resume", "--out", "run", *arguments)
    assert code == 2
    assert named in err
    assert RunFolder.open(tmp_path / "run").spec() == spec


def test_instruments_of_which_one_shows_the_vault_of_another_are_refused() -> None:
    early, late = noise(1, 3000), noise(2, 1500)
    with pytest.raises(DataError, match="give series that cover the same dates"):
        build_spec([early, late], {})


def test_a_folder_that_holds_a_run_is_not_overwritten(galapagos: Galapagos, spec: RunSpec) -> None:
    code, _, err = galapagos("run", "--generations", "1", "--out", "run")
    assert code == 2
    assert "add --resume" in err


def test_a_run_on_servers_does_not_begin_anew_in_one_process(
    galapagos: Galapagos, spec: RunSpec, tmp_path: Path
) -> None:
    token_of(RunFolder.open(tmp_path / "run"))
    code, _, err = galapagos("run", "--resume", "--out", "run")
    assert code == 2
    assert "go on with `galapagos up --resume --out run`" in err


def test_two_processes_never_work_on_one_run(galapagos: Galapagos, spec: RunSpec, tmp_path: Path) -> None:
    holder = RunFolder.open(tmp_path / "run")
    holder.lock()
    code, _, err = galapagos("run", "--resume", "--out", "run")
    assert code == 2
    assert "another process" in err
    holder.unlock()


def test_changed_bars_are_noticed(spec: RunSpec, tmp_path: Path) -> None:
    other = tmp_path / "other"
    RunFolder.create(other, spec, [noise(2, 800)], datetime.now(UTC))
    with pytest.raises(Exception, match="have changed since the run began"):
        RunFolder.open(other).bars()


def test_help_teaches_with_examples(galapagos: Galapagos) -> None:
    for command in ("run", "explain", "graph"):
        code, out, _ = galapagos(command, "--help")
        assert code == 0
        assert "Examples:" in out


def test_usage_errors_end_with_2(galapagos: Galapagos) -> None:
    assert galapagos("run", "--generations", "0")[0] == 2
    assert galapagos("fly")[0] == 2
