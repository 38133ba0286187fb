"""The knowledge base: what islands agree on is learnt, what one of them has by chance is not, and a run draws by it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import ConfigurationError
from common.events.knowledge import FACTOR_MAX, FACTOR_MIN, Knowledge
from common.events.spec import DataSpec, RunSpec
from common.genome.codec import from_json, genome_ids
from common.genome.genes import ALLELE_SLOT
from common.genome.layout import GENOME, Population
from common.market.synthetic import planted
from common.run.folder import RunFolder
from generator.experts import experts
from generator.initialise import random_population
from generator.tables import Settings
from recorder.knowledge import Admitted
from standalone.host import HostSettings
from standalone.knowledge_mining import Mined, mine
from standalone.knowledge_patterns import PATTERNS, count, lift, pairs
from standalone.live import PlainView
from standalone.request import build_spec
from standalone.session import work
from tests.unit.standalone.conftest import Galapagos

KIND, STOP = ALLELE_SLOT["exit.target_kind"], ALLELE_SLOT["exit.stop_kind"]
ATR = 2


def _spec() -> RunSpec:
    return RunSpec(data=(DataSpec(name="a", digest="00", bars=3000, bars_per_year=252),))


def _admitted(populations: list[Population], children: int = 1, validation: float = 1.0) -> Admitted:
    everybody = np.concatenate(populations)
    ids = [one.tobytes().hex() for one in genome_ids(everybody)]
    size = len(everybody)
    island = np.repeat(np.arange(len(populations)), [len(each) for each in populations])
    return Admitted(
        everybody,
        ids,
        island,
        np.zeros(size, np.int64),
        ["random"] * size,
        np.full(size, children),
        np.full(size, validation),
        [],
    )


def _islands(change: Callable[[int, Population], None], islands: int = 4, size: int = 400) -> list[Population]:
    found = [random_population(size, Settings(), 3, island, 0) for island in range(islands)]
    for island, population in enumerate(found):
        change(island, population)
    return found


def _mined(change: Callable[[int, Population], None], **other: Any) -> dict[str, Any]:
    return mine([Mined(_spec(), _admitted(_islands(change), **other))], with_validation=False)


def test_where_nothing_succeeds_more_than_another_nearly_nothing_is_learnt() -> None:
    found = _mined(lambda island, population: None)
    lessons = Knowledge.model_validate(found["knowledge"])
    assert not lessons.alleles
    assert not lessons.features
    assert len(lessons.conditions) < 10  # of 1,627
    assert all(0.6 < factor < 1.6 for factor in lessons.conditions.values())


def test_what_all_islands_agree_on_is_learnt_and_what_one_has_alone_is_not() -> None:
    def change(island: int, population: Population) -> None:
        population["alleles"][:300, KIND] = ATR
        if island == 1:
            population["alleles"][:, STOP] = 1  # a clan that happens to share it

    found = _mined(change)
    lessons = Knowledge.model_validate(found["knowledge"])
    assert lessons.alleles["exit.target_kind"]["atr"] == FACTOR_MAX
    assert lessons.alleles["exit.target_kind"]["none"] < 0.5
    assert "exit.stop_kind" not in lessons.alleles
    first = found["success"][0]
    assert first["pattern"] == "exit.target_kind = atr"
    assert first["low"] < first["lift"] < first["high"]
    assert first["share_successful"] == pytest.approx(0.75 + 0.25 * 0.15, abs=0.03)
    assert any(row["pattern"] == "exit.target_kind = none" for row in found["failure"])


def test_a_lift_is_the_ratio_of_shares_and_factors_stay_in_their_bounds() -> None:
    populations = _islands(lambda island, population: None, size=3000)
    for population in populations:
        population["alleles"][:, KIND] = ATR
    found = lift([count(population) for population in populations])
    place = next(i for i, p in enumerate(PATTERNS) if (p.of, p.name) == ("exit.target_kind", "atr"))
    assert found.lift[place] == pytest.approx(1 / 0.15, rel=0.04)
    assert found.factor.min() >= FACTOR_MIN
    assert found.factor.max() <= FACTOR_MAX
    alone = lift([count(populations[0])])
    assert (alone.factor == 1).all()


def test_features_asked_together_are_found() -> None:
    document = {"version": 2, "logic": {"long_entry": ["and", "rsi(14) < 30", "close/sma(200) > 1"]}}
    both = np.array([from_json(document)] * 40, GENOME)
    groups = [np.concatenate([population, both]) for population in _islands(lambda island, population: None, 2)]
    one, other, ratio, number = pairs(groups)[0]
    assert {one, other} == {"rsi(14)", "close/sma(200)"}
    assert ratio > 5
    assert number >= 80


def test_success_is_to_have_children_and_with_validation_to_earn_there_too() -> None:
    populations = _islands(lambda island, population: None)
    run = Mined(_spec(), _admitted(populations))
    run.admitted.children[::2] = 0
    run.admitted.validation[: 3 * 400 : 3] = -1.0
    assert mine([run], with_validation=False)["successful"] == 800
    found = mine([run], with_validation=True)
    assert found["successful"] == 600
    assert found["knowledge"]["judged"] == ["00"]


def test_one_island_alone_is_no_witness() -> None:
    with pytest.raises(ConfigurationError, match="one alone is no witness"):
        mine([Mined(_spec(), _admitted(_islands(lambda island, population: None, 1)))], with_validation=False)


def test_experts_are_told_with_their_descendants() -> None:
    expert = experts()[3]
    known = _admitted([np.array([expert.genome], GENOME), *_islands(lambda island, population: None)])
    known.operator[0] = "expert"
    known.edges.extend([("c1", known.ids[0]), ("c2", "c1"), ("c3", "other")])
    rows = mine([Mined(_spec(), known)], with_validation=False)["experts"]
    assert rows == [{"expert": expert.name, "rule": expert.rationale, "admitted": 1, "descendants": 2}]


SMALL: dict[str, Any] = {
    "islands": 3,
    "generations": 5,
    "evolution": {"population": 64, "offspring": 128, "migration_interval": 2},
    "windows": {"warmup_bars": 100},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with its store."""
    bars = [planted(1, 1500, 0.6)]
    made = RunFolder.create(tmp_path_factory.mktemp("run"), build_spec(bars, SMALL), bars, datetime.now(UTC))
    work(made, HostSettings(1, True, "none", None, time.monotonic()), PlainView())
    return made


def test_a_run_is_mined_shown_and_its_lessons_taken_by_another(
    galapagos: Galapagos, folder: RunFolder, tmp_path: Path
) -> None:
    code, out, err = galapagos("knowledge", "mine", str(folder.path), "--into", "known.json", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert json.loads((tmp_path / "known.json").read_text()) == found
    assert found["witnesses"] == 3
    assert 0 < found["successful"] < found["genomes"]
    assert found["experts"]
    assert not found["knowledge"]["judged"]
    code, out, _ = galapagos("knowledge", "show", "known.json", "--rows", "3")
    assert code == 0
    assert "Classical strategies" in out
    spec = build_spec(folder.bars(), {"evolution": {"knowledge": found["knowledge"]}})
    assert spec.run_id != build_spec(folder.bars(), {}).run_id


def test_lessons_of_a_validation_are_closed_to_its_own_bars(
    galapagos: Galapagos, folder: RunFolder, tmp_path: Path
) -> None:
    code, _, err = galapagos("knowledge", "mine", str(folder.path), "--into", "known.json", "--validation")
    assert code == 0, err
    found = json.loads((tmp_path / "known.json").read_text())
    assert found["knowledge"]["judged"] == [folder.spec().data[0].digest]
    with pytest.raises(ConfigurationError, match="was mined from the validation of planted-1"):
        build_spec(folder.bars(), {"evolution": {"knowledge": found["knowledge"]}})
    build_spec([planted(2, 1500, 0.6)], {"evolution": {"knowledge": found["knowledge"]}})


def test_what_is_no_knowledge_base_is_refused(galapagos: Galapagos, tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}")
    for command in (("knowledge", "show", "no.json"), ("run", "--knowledge", "no.json")):
        code, _, err = galapagos(*command)
        assert code == 2
        assert "is no knowledge base" in err
    code, _, err = galapagos("run", "--knowledge", "nowhere.json")
    assert (code, "no such file" in err) == (2, True)
