"""`galapagos champions` and `explain ID` on a run that found something."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.market.synthetic import planted
from common.run.folder import RunFolder
from standalone.host import HostSettings
from standalone.live import PlainView
from standalone.request import build_spec
from standalone.session import work
from tests.unit.standalone.conftest import Galapagos

SMALL = {
    "islands": 1,
    "generations": 3,
    "evolution": {"population": 64, "offspring": 128, "migration_interval": 2},
    "windows": {"warmup_bars": 100},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    bars = [planted(1, 2500, 0.6)]
    folder = RunFolder.create(tmp_path_factory.mktemp("run"), build_spec(bars, SMALL), bars, datetime.now(UTC))
    _, champions = work(folder, HostSettings(1, False, "none", None, time.monotonic()), PlainView())
    assert champions, "the planted rule should be found"
    return folder.path, champions


def test_list_show_and_follow_tell_of_the_same_champions(galapagos: Galapagos, found: Any) -> None:
    path, champions = found
    ids = [row["genome_id"] for row in champions]
    code, out, _ = galapagos("champions", "list", "--out", str(path), "--json")
    assert (code, [row["genome_id"] for row in json.loads(out)]) == (0, ids)
    code, out, _ = galapagos("champions", "list", "--out", str(path))
    assert [line.split()[0] for line in out.splitlines()] == [each[:12] for each in ids]
    code, out, _ = galapagos("champions", "follow", "--out", str(path), "--json")
    assert (code, [json.loads(line)["genome_id"] for line in out.splitlines()]) == (0, ids)
    code, out, _ = galapagos("champions", "show", ids[0][:8], "--out", str(path))
    assert code == 0
    assert champions[0]["niche"] in out
    assert "passed" in out
    code, out, _ = galapagos("champions", "show", ids[0], "--out", str(path), "--json")
    shown = json.loads(out)
    told = shown.pop("importance")
    assert shown == champions[0]
    assert told["sharpe_annual"]["training"] == pytest.approx(champions[0]["training"]["sharpe_annual"], rel=1e-9)
    assert told["sharpe_annual"]["validation"] == pytest.approx(champions[0]["validation"]["sharpe_annual"], rel=1e-9)
    code, out, _ = galapagos("explain", ids[0], "--out", str(path), "--json")
    assert (code, json.loads(out)["importance"]) == (0, told)
    assert any(part["both"]["drop"] > 0 for part in told["parts"])


def test_a_champion_is_explained_by_the_beginning_of_its_id(galapagos: Galapagos, found: Any) -> None:
    path, champions = found
    code, out, _ = galapagos("explain", champions[0]["genome_id"][:8], "--out", str(path), "--json")
    told = json.loads(out)
    assert code == 0
    assert told["genome_id"] == champions[0]["genome_id"]
    assert told["summary"] == champions[0]["summary"]
    assert told["trades"]


def test_an_id_that_is_none_or_several_is_refused(galapagos: Galapagos, found: Any) -> None:
    path, _ = found
    for wanted in ("zz", ""):
        code, _, err = galapagos("champions", "show", wanted, "--out", str(path))
        assert (code, err.count("\n")) == (2, 1)


def test_a_run_without_champions_says_so(galapagos: Galapagos, tmp_path: Path) -> None:
    bars = [planted(1, 800, 0.1)]
    RunFolder.create(tmp_path / "run", build_spec(bars, SMALL), bars, datetime.now(UTC))
    code, out, _ = galapagos("champions", "list", "--out", "run")
    assert code == 0
    assert "no champions" in out


def test_a_champion_published_again_as_a_seed_is_accepted(galapagos: Galapagos, found: Any, tmp_path: Path) -> None:
    path, champions = found
    (tmp_path / "champion.json").write_text(json.dumps(champions[0]["genome"]))
    code, out, _ = galapagos("seed", "publish", "champion.json", "--out", str(path))
    assert (code, out.strip()) == (0, champions[0]["genome_id"])


def test_while_a_run_goes_on_there_is_none_so_far(galapagos: Galapagos, tmp_path: Path) -> None:
    bars = [planted(1, 2500, 0.6)]
    folder = RunFolder.create(tmp_path / "mine", build_spec(bars, SMALL), bars, datetime.now(UTC))

    def told() -> str:
        return galapagos("champions", "list", "--out", str(folder.path))[1]

    assert told() == f"no champions in {folder.path}: none so far\n"
    folder.run_file.write_text("{}")
    assert told() == f"no champions in {folder.path}: nothing survived\n"
    folder.lock()  # as a resumed run does
    assert told() == f"no champions in {folder.path}: none so far\n"
    folder.unlock()
