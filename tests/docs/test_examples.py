"""What lies in the folder of examples works as it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from common.genome.codec import check, from_json
from common.market.synthetic import noise
from standalone.request import Request, build_spec
from tools.tidy import ROOT

SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
COSTS = sorted((ROOT / "examples").glob("costs-*.json"))
GENOMES = sorted(set((ROOT / "examples").glob("*.json")) - set(COSTS))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_runs_and_says_something(script: Path) -> None:
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.mark.parametrize("genome", GENOMES, ids=lambda path: path.name)
def test_a_genome_may_exist(genome: Path) -> None:
    check(from_json(json.loads(genome.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("costs", COSTS, ids=lambda path: path.name)
def test_costs_are_taken_by_a_run_and_no_venue_is_a_free_lunch(costs: Path) -> None:
    spec = build_spec([noise(1, 1000)], Request(config=costs).overrides())
    ours, *others = spec.costs.venues()
    for other in others:
        better = [name for name, value in other.items() if (value < ours[name]) != (name == "participation_max")]
        worse = [name for name, value in other.items() if (value > ours[name]) != (name == "participation_max")]
        assert other == ours or (set(better) and set(worse)), (better, worse)


def test_there_are_examples_of_every_kind() -> None:
    assert SCRIPTS
    assert GENOMES
    assert COSTS
