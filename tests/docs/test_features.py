"""The feature table is complete and true: all eighty systems, and every module and test that it names exists."""

import pytest

from tools import documents
from tools.documents import Feature
from tools.tidy import ROOT

ROWS = documents.features((ROOT / "docs/features.md").read_text(encoding="utf-8"))
SHARED = ROOT.parent / "shared" / "FEATURES.md"


def test_all_eighty_systems_are_listed_once() -> None:
    assert sorted(number for row in ROWS for number in row.numbers) == list(range(1, 81))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.system)
def test_a_row_says_what_is(row: Feature) -> None:
    assert list(documents.feature_problems(row)) == []


@pytest.mark.skipif(not SHARED.is_file(), reason="the list of features that the table repeats is not on this machine")
def test_the_rows_are_those_of_the_list() -> None:
    listed = []
    for line in SHARED.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "#":
            listed.append((cells[0], cells[1]))
    numbered = [(", ".join(map(str, row.numbers)) or "–", row.system) for row in ROWS]
    assert numbered == listed


@pytest.mark.parametrize(
    "row",
    [
        Feature((1,), "a", "done", ("common.errors",), ("tests/docs/test_features.py",)),
        Feature((1,), "a", "later: issue 99", (), ()),
        Feature((1,), "a", "part", ("common.errors",), ("tests/docs/test_features.py",)),
        Feature((1,), "a", "built", ("common.errors",), ()),
        Feature((1,), "a", "laid out (issue 3)", (), ()),
        Feature((1,), "a", "built", ("common.nowhere",), ("tests/docs/test_features.py",)),
        Feature((1,), "a", "part (issue 3)", ("common.errors",), ("tests/docs/test_features.py::test_not_there",)),
        Feature((1,), "a", "part (issue 3)", ("common.errors",), ("tests/docs/test_nowhere.py",)),
    ],
)
def test_a_row_that_is_wrong_is_seen(row: Feature) -> None:
    assert list(documents.feature_problems(row))


def test_a_row_is_read_from_its_cells() -> None:
    text = "| # | system | state | module | test |\n| 7, 16 | M | part (issue 5) | `a.b` `c` | `t::u` |\n"
    assert documents.features(text) == [Feature((7, 16), "M", "part (issue 5)", ("a.b", "c"), ("t::u",))]
