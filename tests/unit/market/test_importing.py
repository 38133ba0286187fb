"""Price files become bars whole, or are refused with a count, the rows and a remedy."""

import gzip
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ConfigurationError, DataError
from common.market.bars import Bars
from common.market.export_files import read_source, write_bars
from common.market.importing import examine, read_bars
from common.market.synthetic import noise
from tests.unit.market.real import FOLDER, needs_files

SERIES = noise(8, 60)


def frame(bars: Bars = SERIES) -> pd.DataFrame:
    columns = {field: getattr(bars, field) for field in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"ts": bars.ts_us.astype("datetime64[us]").astype(str), **columns})


def saved(folder: Path, table: pd.DataFrame, name: str = "prices.csv", **options: object) -> Path:
    path = folder / name
    table.to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_gives_the_bars_that_were_written(tmp_path: Path, separator: str) -> None:
    bars, report = read_bars(saved(tmp_path, frame(), sep=separator))
    assert bars.digest == SERIES.digest == report.digest
    assert bars.name == "prices"
    assert (report.rows, report.bars, report.faults) == (60, 60, {})


def test_compressed_csv_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "P.CSV.GZ"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + frame().to_csv(index=False).encode()))
    assert read_bars(path, name="mine")[0].digest == SERIES.digest


def test_parquet_of_pandas_is_read_with_its_index_as_time(tmp_path: Path) -> None:
    table = frame()
    for index in (pd.DatetimeIndex(table["ts"], name="Date"), pd.DatetimeIndex(table["ts"])):
        path = tmp_path / "p.parquet"
        table.drop(columns="ts").set_index(index).to_parquet(path)
        assert read_bars(path)[0].digest == SERIES.digest


def test_what_is_written_is_read_back_and_knows_its_source(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "p.parquet"
    write_bars(SERIES, path, {"exchange": "x"})
    assert read_bars(path)[0].digest == SERIES.digest
    assert read_source(path) == {"exchange": "x"}
    assert [file.name for file in path.parent.iterdir()] == ["p.parquet"]


def test_a_file_newest_first_is_turned_around(tmp_path: Path) -> None:
    bars, report = read_bars(saved(tmp_path, frame()[::-1]))
    assert bars.digest == SERIES.digest
    assert report.newest_first


def test_volume_may_be_missing_empty_or_zero(tmp_path: Path) -> None:
    for table in (frame().drop(columns="volume"), frame().assign(volume=np.nan), frame().assign(volume=0)):
        bars, report = read_bars(saved(tmp_path, table))
        assert not bars.volume.any()
        assert report.zero_volume == 60


def spoiled() -> pd.DataFrame:
    """Row 5 is no number, 8 negative, 11 upside down, 14 a repetition, 17 late, 20 no time; the others are good."""
    table = frame().astype(object)
    table.loc[4, "open"] = "n/a?"
    table.loc[7, "low"] = -1
    table.loc[10, ["high", "low"]] = [50.0, 60.0]
    table.loc[13, "ts"] = table.loc[12, "ts"]
    table.loc[16, "ts"] = table.loc[2, "ts"]
    table.loc[19, "ts"] = "someday"
    return table


def test_bad_rows_refuse_the_file_with_count_place_and_remedy(tmp_path: Path) -> None:
    path = saved(tmp_path, spoiled())
    with pytest.raises(DataError) as refused:
        read_bars(path, on_bad="refuse")
    text = str(refused.value)
    assert "6 of 60 rows are bad" in text
    assert "row 5: a price is missing or not a number (ts=2000-01-07" in text
    assert "open=n/a?" in text
    assert "row 17: the time goes backwards" in text
    assert "row 20" not in text  # the first five rows are enough
    assert f"galapagos data import {path} --drop-bad" in text


def test_bad_rows_can_be_left_out_and_only_those(tmp_path: Path) -> None:
    bars, report = read_bars(saved(tmp_path, spoiled()), on_bad="drop")
    good = np.delete(np.arange(60), [4, 7, 10, 13, 16, 19])
    np.testing.assert_array_equal(bars.ts_us, SERIES.ts_us[good])
    np.testing.assert_array_equal(bars.close, SERIES.close[good])
    assert report.faulty == 6
    assert set(report.faults.values()) == {1}


def test_faults_of_a_file_newest_first_carry_the_row_of_the_file(tmp_path: Path) -> None:
    table = frame()[::-1].reset_index(drop=True)
    table.loc[[2, 50], "close"] = -1.0
    _, report = examine(saved(tmp_path, table))
    assert [fault.row for fault in report.first_faults] == [3, 51]


def test_lines_with_too_many_or_too_few_cells_are_counted_with_their_number(tmp_path: Path) -> None:
    path = saved(tmp_path, frame())
    lines = path.read_text().splitlines()
    lines[10] += ",1"
    lines[20] = "2000-02-01,3"
    path.write_text("\n".join(lines))
    bars, report = read_bars(path, on_bad="drop")
    assert len(bars) == 58
    assert report.faults == {"the line has too many or too few columns": 2}
    assert [fault.row for fault in report.first_faults] == [10, 20]
    lines[30] = lines[30].replace(lines[30].split(",")[1], "-5")
    path.write_text("\n".join(lines))
    assert [fault.row for fault in examine(path)[1].first_faults] == [10, 20, 30]


def test_a_file_of_bad_rows_is_not_mended_by_dropping(tmp_path: Path) -> None:
    table = frame()
    table.loc[::5, "high"] = 0.0
    with pytest.raises(DataError, match="More than 10% is too much"):
        read_bars(saved(tmp_path, table), on_bad="drop")
    table["close"] = "x"
    with pytest.raises(DataError, match="0 of 60 rows are good"):
        read_bars(saved(tmp_path, table), on_bad="drop")


@given(st.sets(st.integers(1, 59), max_size=5), st.integers(0, 2**32))
@settings(max_examples=20)
def test_dropping_keeps_every_good_row_whatever_is_wrong_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, rows: set[int], seed: int
) -> None:
    table = frame().astype(object)
    draw = np.random.default_rng(seed)
    for row in rows:
        field = draw.choice(["open", "high", "low", "close", "volume"])
        table.loc[row, field] = draw.choice(np.array(["", "x", "-3", "inf", "nan"], object))
    bars, report = read_bars(saved(tmp_path_factory.mktemp("drop"), table), on_bad="drop")
    np.testing.assert_array_equal(bars.ts_us, np.delete(SERIES.ts_us, sorted(rows)))
    assert report.faulty == len(rows)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "first line is empty"),
        ("a.csv", b"ts,open,high,low,close\n", "0 of 0 rows"),
        ("a.csv", b"ts,open,high,low\n1,2,3,4\n", "column close"),
        ("a.csv", b"\xff\xfet\x00s\x00", "cannot be read"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read"),
        ("a.xlsx", b"PK", "the ending tells nothing"),
    ],
)
def test_a_file_that_is_no_price_file_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_bars(path)


def test_a_file_that_is_not_there_and_an_option_that_does_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        read_bars(tmp_path / "none.csv")
    with pytest.raises(ConfigurationError, match="on_bad"):
        read_bars(saved(tmp_path, frame()), on_bad="ignore")  # type: ignore[arg-type]


def test_gaps_are_counted_and_the_longest_are_named(tmp_path: Path) -> None:
    hours = pd.Series(pd.date_range("2020-01-01", periods=100, freq="h"))
    table = pd.DataFrame({"ts": hours, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}).drop([10, 20, 21, 22, 50])
    _, report = read_bars(saved(tmp_path, table))
    assert (report.gaps.count, report.gaps.bars) == (3, 5)
    longest = report.gaps.longest[0]
    assert (longest.after, longest.hours, longest.bars) == ("2020-01-01T19:00:00Z", 4.0, 3)
    assert report.gaps.usual == {"2": 2}


def test_the_report_is_printable_and_json(tmp_path: Path) -> None:
    _, report = examine(saved(tmp_path, spoiled()))
    assert orjson.loads(orjson.dumps(report.as_json()))["faulty"] == 6
    assert "2000-01-03T00:00:00Z to" in str(report)
    assert "1 rows: the time repeats" in str(report)


@needs_files
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*-1[hd].parquet")), ids=lambda path: path.stem)
def test_real_files_import_as_they_are(path: Path) -> None:
    bars, report = read_bars(path)
    table = pd.read_parquet(path)
    np.testing.assert_array_equal(bars.close, table["close"])
    np.testing.assert_array_equal(bars.ts_us, table["ts"].astype("datetime64[us]").astype(np.int64))
    assert report.faults == {}


@needs_files
def test_the_traps_of_real_data_are_kept_and_told() -> None:
    _, bitcoin = read_bars(FOLDER / "BTCUSDT-1h.parquet")
    assert bitcoin.gaps.longest[0].after.startswith("2018-02-08")
    assert bitcoin.gaps.longest[0].bars == 33
    _, link = read_bars(FOLDER / "LINKUSDT-1h.parquet")
    assert "at 2020-03-12T10:00:00Z" in link.largest_move
    _, luna = read_bars(FOLDER / "LUNAUSDT-1h.parquet")
    assert luna.extremes > 10
    assert luna.last == "2022-05-13T00:00:00Z"
