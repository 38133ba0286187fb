"""Seeds of five kinds: where each comes from, that it is valid, and that its origin is written down."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from common.errors import ConfigurationError
from common.genome.codec import from_json, genome_ids, valid
from common.genome.layout import GENOME
from common.market.synthetic import noise, planted
from common.run.folder import RunFolder
from generator.experts import experts
from generator.tables import INSTRUMENT
from recorder.knowledge import Admitted
from standalone.host import HostSettings
from standalone.live import PlainView
from standalone.request import build_spec
from standalone.seeds import identity
from standalone.seeds_kinds import Wish, discoverers, gather
from standalone.session import work
from tests.unit.standalone.conftest import Galapagos

SMALL: dict[str, Any] = {
    "islands": 2,
    "generations": 5,
    "evolution": {"population": 64, "offspring": 128, "migration_interval": 2},
    "windows": {"warmup_bars": 100},
}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that has ended, with its store."""
    bars = [planted(1, 1500, 0.6)]
    made = RunFolder.create(tmp_path_factory.mktemp("run"), build_spec(bars, SMALL), bars, datetime.now(UTC))
    work(made, HostSettings(1, True, "none", None, time.monotonic()), PlainView())
    return made


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run on two other markets that has not begun."""
    bars = [noise(1, 1500), noise(2, 1500)]
    return RunFolder.create(tmp_path / "new", build_spec(bars, SMALL), bars, datetime.now(UTC))


def test_experts_and_random_genomes_need_no_earlier_run(folder: RunFolder) -> None:
    found = gather(Wish("expert", count=5), folder.spec())
    assert [seed.note for seed in found] == [expert.name for expert in experts()[:5]]
    one, again, other = (gather(Wish("random", count=30, draw=draw), folder.spec()) for draw in (1, 1, 2))
    assert [identity(seed.genome) for seed in one] == [identity(seed.genome) for seed in again]
    assert {identity(seed.genome) for seed in one}.isdisjoint(identity(seed.genome) for seed in other)
    assert valid(np.array([seed.genome for seed in one], GENOME)).all()


def test_what_an_earlier_run_gives_were_its_champions_then_its_most_fruitful_members(
    earlier: RunFolder, folder: RunFolder
) -> None:
    found = gather(Wish("historical", earlier.path, 40), folder.spec())
    champions = [row["genome_id"] for row in earlier.champions()]
    ids = [identity(seed.genome) for seed in found]
    assert ids[: len(champions)] == champions[:40]
    assert len(set(ids)) == len(ids) == 40
    fruit = [int(seed.note.split(", ")[1].split()[0]) for seed in found[len(champions) :]]
    assert champions
    on_its_own_bars = gather(Wish("historical", earlier.path, 40), earlier.spec())
    assert not any("champion" in seed.note for seed in on_its_own_bars)  # a vault has chosen them
    assert fruit == sorted(fruit, reverse=True)
    assert fruit[-1] > 0


def test_elites_of_another_market_are_pointed_at_this_one_with_the_same_logic(
    earlier: RunFolder, folder: RunFolder
) -> None:
    own = gather(Wish("historical", earlier.path, 20), folder.spec())
    found = gather(Wish("cross-domain", earlier.path, 20), folder.spec())
    assert [seed.genome["alleles"][INSTRUMENT] for seed in found] == [place % 2 for place in range(20)]
    assert all(np.array_equal(one.genome["trees"], two.genome["trees"]) for one, two in zip(own, found, strict=True))
    assert all("bred on planted-1" in seed.note for seed in found)
    with pytest.raises(ConfigurationError, match="use historical"):
        gather(Wish("cross-domain", earlier.path, 20), earlier.spec())


def test_the_first_to_ask_two_features_together_is_credited_while_its_line_goes_on() -> None:
    def strategy(stop: float, *asks: str) -> np.void:
        entry: Any = asks[0] if len(asks) == 1 else ["and", *asks]
        return from_json({"version": 2, "logic": {"long_entry": entry}, "exit": {"stop_distance": stop}})

    both = ("rsi(14) < 30", "close/sma(200) > 1")
    genomes = [
        strategy(1.0, "rsi(14) < 30"),
        strategy(1.0, *both),  # the discoverer
        *(strategy(stop, *both) for stop in (2.0, 3.0, 4.0)),
        strategy(5.0, *both),  # of another line
        strategy(1.0, "rsi(14) < 30", "adx(14) > 25"),  # nobody goes on with it
    ]
    population = np.array(genomes, GENOME)
    ids = [one.tobytes().hex() for one in genome_ids(population)]
    edges = [(ids[1], ids[0]), (ids[2], ids[1]), (ids[3], ids[2]), (ids[4], ids[3]), (ids[5], ids[0])]
    size = len(ids)
    generation = np.array([0, 1, 2, 3, 4, 5, 1])
    known = Admitted(
        population,
        ids,
        np.zeros(size, np.int64),
        generation,
        ["mutation"] * size,
        np.ones(size, np.int64),
        np.ones(size),
        edges,
    )
    found = discoverers(known)
    assert [identity(genome) for genome, _ in found] == [ids[1]]
    assert found[0][1] == "first asked close/sma(200) and rsi(14), 3 heirs"
    generation[1] = 0  # drawn, not discovered
    assert discoverers(known) == []


def test_published_seeds_carry_their_kind_and_origin(
    galapagos: Galapagos, earlier: RunFolder, folder: RunFolder
) -> None:
    where = ("--out", str(folder.path), "--json")
    code, out, err = galapagos("seed", "publish", "--kind", "random", "--count", "3", *where)
    assert code == 0, err
    rows = json.loads(out)
    code, out, _ = galapagos(
        "seed", "publish", "--kind", "historical", "--from", str(earlier.path), "--count", "2", *where
    )
    rows += json.loads(out)
    kept = {path.stem: orjson.loads(path.read_bytes()) for path in folder.seeds.glob("*.json")}
    assert {name: (seed["kind"], seed["note"]) for name, seed in kept.items()} == {
        row["genome_id"]: (row["kind"], row["note"]) for row in rows
    }
    assert [row["kind"] for row in rows] == ["random"] * 3 + ["historical"] * 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("random", Wish("random")),
        ("random:32", Wish("random", None, 32)),
        ("historical:runs/old", Wish("historical", Path("runs/old"))),
        ("innovation:runs/old:8", Wish("innovation", Path("runs/old"), 8)),
    ],
)
def test_a_wish_is_read(text: str, wanted: Wish) -> None:
    assert Wish.parse(text) == wanted


@pytest.mark.parametrize("text", ["person", "magic:3", "historical", "random:runs/old", "expert:x:2"])
def test_a_wish_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Wish.parse(text)


def test_publishing_needs_a_file_or_a_kind(galapagos: Galapagos, folder: RunFolder) -> None:
    code, _, err = galapagos("seed", "publish", "--out", str(folder.path))
    assert (code, "--kind" in err) == (2, True)
