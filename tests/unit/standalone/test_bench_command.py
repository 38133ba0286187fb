"""`galapagos bench` finds the benchmarks, runs them, and says why a figure is missing."""

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from standalone.benching import benchmarks, repository
from tests.unit.standalone.conftest import Galapagos
from tools.tidy import ROOT

TINY = ("--scale", "0.005", "--repeats", "1")


def test_the_list_names_every_benchmark_with_what_it_measures(galapagos: Galapagos) -> None:
    code, printed, _ = galapagos("bench", "list", "--json")
    listed = json.loads(printed)
    assert code == 0
    assert {"evaluator", "evolution"} <= {each["name"] for each in listed}
    assert all(each["summary"] for each in listed)
    _, text, _ = galapagos("bench", "list")
    assert [line.split()[0] for line in text.splitlines()] == [each["name"] for each in listed]


def test_the_evaluator_gives_one_object_with_what_was_asked_for(galapagos: Galapagos, tmp_path: Path) -> None:
    code, printed, said = galapagos("bench", "evaluator", "--json", *TINY, "--out", str(tmp_path / "out"))
    assert code == 0, said
    found = json.loads(printed)
    assert found["peer_version"] == version("vectorbt")
    assert found["peer_absent"] is None
    assert min(found["ratio_cached_bits"], found["ratio_full_schema"], found["strategies_per_hour_full_schema"]) > 0
    assert (found["bars"], found["threads"]) == (8760, 2)
    assert [row["work"] for row in found["engines"]] == ["cached_bits", "first_generation", "twentieth_generation"]
    assert found["ratio_full_schema"] == min(row["skipping_ratio"] for row in found["engines"][1:])
    assert [round(row["years"]) for row in found["by_years"]] == [1, 2, 4, 8] * 2
    assert {"ns_per_trade", "ns_per_bar", "us_per_strategy"} <= set(found["cost_split"])
    assert json.loads((tmp_path / "out" / "evaluator.json").read_text()) == found


def test_without_the_peer_ratios_are_null_and_the_reason_is_given(
    galapagos: Galapagos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    code, printed, said = galapagos("bench", "evaluator", "--json", *TINY)
    assert code == 0, said
    found = json.loads(printed)
    assert found["ratio_cached_bits"] is found["ratio_full_schema"] is found["peer_version"] is None
    assert "vectorbt" in found["peer_absent"]
    assert found["strategies_per_hour_full_schema"] > 0


def test_people_get_tables(galapagos: Galapagos) -> None:
    code, printed, said = galapagos("bench", "evolution", *TINY)
    assert code == 0, said
    assert "strategies per hour per core" in printed


def test_a_name_that_no_benchmark_has_is_refused(galapagos: Galapagos) -> None:
    code, _, said = galapagos("bench", "coffee")
    assert code == 2
    assert "'coffee'" in said
    assert "evaluator" in said


def test_an_installation_without_the_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="clone the repository"):
        repository(tmp_path)


def test_the_folder_is_found_from_anywhere_within_the_repository(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "benchmarks", tmp_path / "benchmarks", ignore=shutil.ignore_patterns("out", "__pycache__"))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert repository(tmp_path / "deep" / "er") == tmp_path
    assert benchmarks(tmp_path) == benchmarks(ROOT)
