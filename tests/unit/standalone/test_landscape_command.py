"""`galapagos landscape`: figures that do not depend on threads, no bar after training, a page that stands alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.genome.codec import valid
from common.market.bars import Bars
from common.market.export_files import write_bars
from common.market.synthetic import noise, planted
from common.run.stretches import cut_of
from generator.generation import settings_of
from standalone.landscape import Ground, Size, survey
from standalone.landscape_space import MOVES, Genomes, Seen, distance
from standalone.request import build_spec
from tests.unit.standalone.conftest import Galapagos

SMALL = Size(walks=6, steps=6, tries=4, patience=2, kicks=1)
SHORT = {"windows": {"warmup_bars": 50}, "evolution": {"trades_min": 8}}


def _survey(bars: list[Bars], threads: int = 1, **other: Any) -> dict[str, Any]:
    return survey(build_spec(bars, SHORT | other), bars, "sharpe", SMALL, threads, lambda _: None)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return _survey([planted(1, 900, 0.6)])


def test_the_figures_are_the_same_with_any_number_of_threads(found: dict[str, Any]) -> None:
    assert _survey([planted(1, 900, 0.6)], threads=3) == found
    assert _survey([planted(1, 900, 0.6)], seed=8)["walks"] != found["walks"]


def test_every_part_is_there(found: dict[str, Any]) -> None:
    assert [each["move"] for each in found["walks"]] == list(MOVES)
    assert all(0 < each["distance_of_a_step"] < 0.5 for each in found["walks"])
    assert found["optima"]["climbs"] == 12
    assert sum(node["reached"] for node in found["optima"]["nodes"]) == 12
    assert found["slopes"]
    assert len(found["drift"]["rank_correlation"]) == 4
    json.dumps(found, allow_nan=False)


def test_no_bar_after_training_has_a_say(found: dict[str, Any]) -> None:
    bars, other = planted(1, 900, 0.6), noise(3, 900)
    spec = build_spec([bars], SHORT)
    end = cut_of(900, spec.windows).training[-1][1]
    scale = bars.close[end - 1] / other.close[end - 1]
    mixed = {
        name: np.concatenate([getattr(bars, name)[:end], getattr(other, name)[end:] * scale])
        for name in ("open", "high", "low", "close")
    }
    volume = np.concatenate([bars.volume[:end], other.volume[end:]])
    changed = _survey([replace(bars, **mixed, volume=volume)])
    assert changed == found


def test_steps_lead_to_genomes_that_may_exist_and_distance_is_one_of_a_metric() -> None:
    space = Genomes(settings_of(build_spec([noise(1, 900)], SHORT)), 3, lambda rows: Seen(np.zeros(len(rows)), rows))
    drawn = space.draw(300)
    for kind in range(len(MOVES)):
        moved = space.step(drawn, kind, 1)
        assert valid(moved).all()
        far = distance(moved, drawn)
        assert (far >= 0).all()
        assert far.mean() > 0
        assert distance(drawn, moved) == pytest.approx(far)
    assert not distance(drawn, drawn).any()
    assert distance(drawn, np.roll(drawn, 1)).max() <= 1.0


def test_who_does_not_trade_lies_below_zero() -> None:
    bars = [noise(1, 900)]
    ground = Ground(build_spec(bars, SHORT), bars, "sharpe", 1)
    space = Genomes(settings_of(build_spec(bars, SHORT)), 3, ground.look)
    asleep = space.draw(40)
    asleep["trees"][:] = 0
    assert (ground.look(asleep).fitness < 0).all()
    assert len(np.unique(ground.look(asleep).mark)) == 1


def test_the_command_prints_figures_or_writes_a_page(galapagos: Galapagos, tmp_path: Path) -> None:
    write_bars(planted(1, 900, 0.6), tmp_path / "p.parquet", {})
    (tmp_path / "c.json").write_text(json.dumps(SHORT))
    quick = ("--data", "p.parquet", "--config", "c.json", "--walks", "4", "--steps", "3", "--kicks", "1")
    code, out, _ = galapagos("landscape", *quick, "--json")
    assert (code, json.loads(out)["data"]) == (0, ["p"])
    assert not (tmp_path / "landscape.html").exists()
    code, out, _ = galapagos("landscape", *quick, "--report", "land.html")
    assert code == 0
    assert "correlation length" in out
    page = (tmp_path / "land.html").read_text()
    assert "<script src" not in page
    assert page.count('class="figure"') == 4


def test_an_objective_that_cannot_be_surveyed_is_named(galapagos: Galapagos) -> None:
    code, _, err = galapagos("landscape", "--objective", "stress")
    assert code == 2
    assert "--objective 'stress'" in err
