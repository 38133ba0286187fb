"""`galapagos leaderboard` on runs whose champions are known: figures, baselines, and one correction for all tests."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from common.genome.codec import to_json
from common.market.synthetic import noise
from common.run.folder import RunFolder
from generator.experts import experts
from standalone.leaderboard_statistics import holm
from standalone.leaderboard_tracks import Ground
from standalone.request import build_spec
from standalone.seeds import identity
from tests.unit.standalone.conftest import Galapagos

PLAYERS = experts()[:2]


def make_run(path: Path, market: int, champions: Any, **overrides: Any) -> RunFolder:
    bars = [noise(market, 1200), noise(market + 1, 1200)]
    spec = build_spec(bars, {"windows": {"warmup_bars": 250}, **overrides})
    folder = RunFolder.create(path, spec, bars, datetime.now(UTC))
    rows = [{"genome_id": identity(each.genome), "genome": to_json(each.genome)} for each in champions]
    folder.champions_file.write_bytes(orjson.dumps(rows))
    return folder


@pytest.fixture
def found(galapagos: Galapagos, tmp_path: Path) -> dict[str, Any]:
    make_run(tmp_path / "runs/a", 1, PLAYERS[:1])
    make_run(tmp_path / "runs/b", 1, PLAYERS, seed=8)
    make_run(tmp_path / "runs/c", 5, PLAYERS)
    code, out, err = galapagos("leaderboard", "runs/a", "runs/b", "runs/c", "--draws", "199", "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_champions_of_all_runs_on_the_same_bars_stand_once_among_the_baselines(found: dict[str, Any]) -> None:
    ranked = found["standing"]
    assert [row["place"] for row in ranked] == list(range(1, len(ranked) + 1))
    assert sorted((row["sharpe_annual"] for row in ranked), reverse=True) == [row["sharpe_annual"] for row in ranked]
    names = sorted(row["name"] for row in ranked if row["kind"] == "champion")
    assert names == sorted(identity(player.genome)[:12] for player in PLAYERS)
    assert len(ranked) == len(PLAYERS) + 2 + 2 * len(experts())
    assert found["left_out"] == ["c"]


def test_a_champion_that_is_a_classic_has_its_figures(found: dict[str, Any]) -> None:
    for player in PLAYERS:
        champion = next(row for row in found["standing"] if row["name"] == identity(player.genome)[:12])
        twin = next(
            row
            for row in found["standing"]
            if (row["name"], row["instrument"]) == (player.name, champion["instrument"])
        )
        told = ("sharpe_annual", "total_return", "drawdown_max", "trades")
        assert [champion[name] for name in told] == [twin[name] for name in told]


def test_holding_earns_what_prices_did_less_two_market_orders(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", 1, ())
    spec, bars = folder.spec(), folder.bars()
    ground = Ground.of(spec, bars, [])
    start, stop = ground.cuts[0].paper
    gross = bars[0].close[stop - 1] / bars[0].open[start]
    assert np.isclose(np.prod(1 + ground.hold("paper", 0).daily), gross, atol=2e-3)
    assert np.prod(1 + ground.hold("paper", 0).daily) < gross


def test_tests_are_corrected_together_and_none_of_noise_is_better(found: dict[str, Any]) -> None:
    tests = found["tests"]
    assert {row["champion"] for row in tests} == {identity(player.genome)[:12] for player in PLAYERS}
    assert np.allclose([row["p_holm"] for row in tests], holm(np.array([row["p_value"] for row in tests])))
    assert not any(row["better"] for row in tests)
    assert all(row["low"] <= row["difference"] <= row["high"] for row in tests if row["against"] != "random entries")


def test_it_is_told_in_words_and_the_same_twice(galapagos: Galapagos, tmp_path: Path) -> None:
    make_run(tmp_path / "runs/a", 1, PLAYERS)
    first, second = (galapagos("leaderboard", "--draws", "99") for _ in range(2))
    assert first == second
    assert first[0] == 0
    assert "random" in first[1]


def test_a_window_of_a_few_days_and_no_run_at_all_are_refused(galapagos: Galapagos, tmp_path: Path) -> None:
    code, _, err = galapagos("leaderboard")
    assert (code, "no run found" in err) == (2, True)
    bars = [noise(1, 700)]
    windows = {"warmup_bars": 250, "training": 0.6, "validation": 0.19, "vault": 0.2}
    RunFolder.create(tmp_path / "short", build_spec(bars, {"windows": windows}), bars, datetime.now(UTC))
    code, _, err = galapagos("leaderboard", "short")
    assert (code, "--window paper" in err) == (2, True)
