"""What lies in the folder of examples works as it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from common.genome.codec import check, from_json
from tools.tidy import ROOT

SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
GENOMES = sorted((ROOT / "examples").glob("*.json"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_runs_and_says_something(script: Path) -> None:
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.mark.parametrize("genome", GENOMES, ids=lambda path: path.name)
def test_a_genome_may_exist(genome: Path) -> None:
    check(from_json(json.loads(genome.read_text(encoding="utf-8"))))


def test_there_are_examples_of_both_kinds() -> None:
    assert SCRIPTS
    assert GENOMES
