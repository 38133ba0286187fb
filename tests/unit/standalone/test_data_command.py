"""`galapagos data` as a user types it: output, files, exit codes."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from common.market.importing import read_bars
from common.market.synthetic import noise
from standalone.cli import main
from tests.adapters.exchange_stub import Exchange, serving

SERIES = noise(2, 80)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    columns = (SERIES.ts_us // 1_000_000, SERIES.open, SERIES.high, SERIES.low, SERIES.close)
    lines = [",".join(map(repr, row)) for row in np.stack(columns, axis=1).tolist()]
    path.write_text("when,first,high,low,close\n" + "\n".join(lines))
    return path


MAPPING = ("--column", "time=when", "--column", "open=first")


def galapagos(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command in this process; the exit code."""
    monkeypatch.setattr("sys.argv", ["galapagos", "data", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_check_tells_what_is_in_a_file(
    prices: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert galapagos(monkeypatch, "check", prices, *MAPPING) == 0
    assert "80 of 80 rows" in capsys.readouterr().out
    assert galapagos(monkeypatch, "check", prices, *MAPPING, "--json") == 0
    report = orjson.loads(capsys.readouterr().out)
    assert (report["bars"], report["faulty"], report["columns"]["open"]) == (80, 0, "first")


def test_check_of_bad_rows_reports_them_and_ends_with_2(
    prices: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = prices.read_text().split("\n")
    lines[9] = lines[9].rsplit(",", 1)[0] + ",-1"
    prices.write_text("\n".join(lines))
    assert galapagos(monkeypatch, "check", prices, *MAPPING, "--json") == 2
    told = capsys.readouterr()
    assert orjson.loads(told.out)["first_faults"][0]["row"] == 9
    assert told.err.startswith("error: ")
    assert "1 of 80 rows are bad" in told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "nothing.csv"), "no such file"),
        (("check", "PRICES"), "column time: none of"),
        (("check", "PRICES", "--column", "open"), "is not FIELD=NAME"),
        (("check", "PRICES", *MAPPING, "--timezone", "Moon"), "timezone"),
        (("import", "PRICES", *MAPPING, "--out", "x.csv"), "ending .parquet"),
        (("import", "PRICES", *MAPPING, "--out", "x.parquet", "--resample", "1h"), "shorter than the bars"),
        (("download", "--symbol", "BTC/USDT", "--since", "yesterday", "--out", "x.parquet"), "is not a date"),
        (("download", "--symbol", "X/Y", "--since", "2020-01-01", "--out", "x.parquet", "--exchange", "zzz"), "ccxt"),
    ],
)
def test_bad_input_ends_with_2_and_one_clear_line(
    prices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(prices.parent)
    assert galapagos(monkeypatch, *[str(prices) if part == "PRICES" else part for part in arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert words in told
    assert not (prices.parent / "x.parquet").exists()


def test_import_writes_clean_bars_and_coarser_ones(prices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = prices.parent / "p.parquet"
    assert galapagos(monkeypatch, "import", prices, *MAPPING, "--out", out) == 0
    np.testing.assert_array_equal(read_bars(out)[0].close, SERIES.close)
    assert galapagos(monkeypatch, "import", prices, *MAPPING, "--out", out, "--resample", "1w") == 0
    assert len(read_bars(out)[0]) == 16


def test_import_leaves_bad_rows_out_only_when_told(prices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices.write_text(prices.read_text() + "\n1,2,3")
    out = prices.parent / "p.parquet"
    assert galapagos(monkeypatch, "import", prices, *MAPPING, "--out", out) == 2
    assert not out.exists()
    assert galapagos(monkeypatch, "import", prices, *MAPPING, "--out", out, "--drop-bad") == 0
    assert len(read_bars(out)[0]) == 80


def test_download_writes_what_the_exchange_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "btc.parquet"
    with serving(Exchange(1100)) as exchange:
        arguments = (
            "--symbol",
            "BTC/USDT",
            "--since",
            "2020-01-01",
            "--out",
            out,
            "--base-url",
            exchange.url,
            "--json",
        )
        assert galapagos(monkeypatch, "download", *arguments) == 0
    assert orjson.loads(capsys.readouterr().out)["bars"] == 1100
    assert read_bars(out)[0].at(0) == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("command", ["check", "import", "download"])
def test_help_teaches_by_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert galapagos(monkeypatch, command, "--help") == 0
    assert f"galapagos data {command}" in " ".join(capsys.readouterr().out.split())
