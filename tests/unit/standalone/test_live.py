"""What the live view says while nothing is bred yet."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from common.market.synthetic import planted
from standalone.chronicle import Chronicle
from standalone.live import PREPARING, panel, plain_line
from standalone.overview import overview
from standalone.request import build_spec


def test_while_a_run_is_prepared_it_says_what_is_prepared_and_no_empty_figures(tmp_path: Path) -> None:
    spec = build_spec([planted(1, 2500, 0.6)], {"windows": {"warmup_bars": 100}})
    chronicle = Chronicle.open(tmp_path / "journal.jsonl", tmp_path / "family.bin")
    now = overview(chronicle, spec, "preparing", 26.0, 0.0)
    assert plain_line(now) == f"0:26 {PREPARING}"
    assert "0:26 evolving: generation 0" in plain_line(overview(chronicle, spec, "evolving", 26.0, 0.0))
    console = Console(file=StringIO(), width=80)
    console.print(panel(now, 120.0))
    assert isinstance(console.file, StringIO)
    assert f"{PREPARING} · 0:26" in console.file.getvalue()
