"""Answers of the store as tables."""

import io

import pyarrow as pa
from rich.console import Console

from standalone.table import show


def test_in_a_pipe_each_row_is_one_whole_line_and_times_can_be_read() -> None:
    words = "long words " * 30
    stream = io.StringIO()
    show(pa.table({"started_us": [1546214400000000], "said": [words]}), Console(file=stream))
    heads, row = stream.getvalue().splitlines()
    assert heads.split() == ["started", "said"]
    assert row.rstrip() == f"2018-12-31 00:00:00Z  {words.rstrip()}"


def test_on_a_terminal_a_row_is_folded_to_its_width() -> None:
    stream = io.StringIO()
    show(pa.table({"said": ["long words " * 30]}), Console(file=stream, force_terminal=True, width=80))
    lines = stream.getvalue().splitlines()
    assert len(lines) > 2
