"""Seeds of people: a good one competes, a bad one is refused with the gene named; nothing is lost or counted twice."""

from collections.abc import Callable

import orjson
import pytest

from common.genome.codec import from_json, to_json
from common.run.folder import RunFolder
from generator.experts import experts
from standalone.seeds import accept, identity
from tests.flow.conftest import Evolve

Prepared = Callable[..., RunFolder]


def test_a_hand_edited_seed_is_measured_once_also_when_the_run_is_resumed(evolve: Evolve, prepared: Prepared) -> None:
    document = to_json(experts()[0].genome)
    document["exit"]["stop_distance"] = 4.25
    genome = from_json(document)
    folder = prepared()
    accept(folder, genome, "ada", "wider stop")
    result = evolve(folder=folder)
    seeds = result.chronicle.of("seed")
    assert [(row["genome_id"], row["status"]) for row in seeds] == [(identity(genome), "measured")]
    assert result.run["seeds"] == 1
    assert result.run["strategies_evaluated"] == 4 * 2 * 128 + 1
    resumed = evolve(folder=folder)
    assert resumed.run["seeds"] == 1
    assert resumed.run["digest"] == result.run["digest"]


def test_bad_seeds_are_dead_letters_and_the_run_goes_on(
    evolve: Evolve, prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = prepared()
    good = experts()[1].genome
    wrong = to_json(good)
    wrong["risk"]["leverage_max"] = 9.0
    folder.seeds.mkdir()
    bad = {
        "range": orjson.dumps({"genome": wrong}),
        "nan": b'{"genome": {"version": 2, "exit": {"stop_distance": NaN}}}',
        "twice": b'{"genome": {"version": 2}, "genome": {"version": 2}}',
        "large": b'{"genome": {}, "note": "' + b"x" * (10 << 20) + b'"}',
        "version": b'{"genome": {"version": 1}}',
    }
    for name, data in bad.items():
        (folder.seeds / f"{name}.json").write_bytes(data)
    (folder.seeds / "folder.json").mkdir()
    (folder.seeds / "gone.json").symlink_to(folder.seeds / "nowhere")
    accept(folder, good, "ada", "")
    result = evolve(folder=folder)
    assert result.run["dead_letters"] == len(bad)
    assert result.run["generations"] == 4
    assert result.run["seeds"] == 1
    printed = capsys.readouterr().out
    assert printed.count("folder.json: is not a file") == 1
    assert printed.count("gone.json: No such file") == 1
    assert "gene risk.leverage_max: 9.0 is not allowed" in printed
    assert "gene version: 1 is not allowed" in printed
