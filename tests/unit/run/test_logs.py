"""Logs for machines: one JSON object a line."""

import json
import logging
from collections.abc import Iterator

import pytest

from common.run.logs import TRACE, start_logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


def test_a_line_says_who_when_what_and_to_which_trace_it_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    start_logs("selector", "abc", plain=False)
    where = {TRACE: f"00-{7:032x}-{8:016x}-01"}
    logging.getLogger("common.run").warning("refused %s", "x", extra=where)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "service": "selector",
        "run": "abc",
        "logger": "common.run",
        "message": "refused x",
        "trace_id": f"{7:032x}",
        "span_id": f"{8:016x}",
    }


def test_an_exception_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    start_logs("selector", plain=False)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("x").exception("failed")
    [text] = capsys.readouterr().err.splitlines()
    assert "ValueError: two\nlines" in json.loads(text)["error"]


def test_people_get_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    start_logs("selector", plain=True)
    logging.getLogger("x").info("here")
    assert capsys.readouterr().err.rstrip().endswith("selector INFO here")
