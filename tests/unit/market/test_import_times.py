"""Times are read in every usual form, placed in their zone, and never guessed."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ConfigurationError, DataError
from common.market.import_times import UNKNOWN, to_utc_us

DAYS = pd.date_range("2020-01-08", periods=20, freq="D")
DAYS_US = DAYS.to_numpy().astype("datetime64[us]").astype(np.int64)


def read(values: object, timezone: str = "UTC") -> np.ndarray:
    return to_utc_us([pa.chunked_array([pa.array(values)])], timezone)[0]


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S.000",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S+00:00",
        "%Y/%m/%d",
        "%Y.%m.%d %H:%M",
        "%Y%m%d",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y",
        "%d/%m/%Y",
        "%d-%b-%Y",
    ],
)
def test_dates_as_text_are_read(form: str) -> None:
    np.testing.assert_array_equal(read(list(DAYS.strftime(form))), DAYS_US)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_arrow_timestamps_and_dates_are_read(unit: str) -> None:
    np.testing.assert_array_equal(read(DAYS.to_numpy().astype(f"datetime64[{unit}]")), DAYS_US)
    np.testing.assert_array_equal(read(DAYS.date), DAYS_US)


@given(st.integers(100_000_000, 4_000_000_000), st.sampled_from([1, 1000, 1_000_000, 1_000_000_000]))
def test_an_epoch_is_recognised_by_its_size(second: int, scale: int) -> None:
    assert read([second * scale, (second + 60) * scale]).tolist() == [second * 1_000_000, (second + 60) * 1_000_000]


def test_the_unit_of_an_epoch_may_change_in_the_middle() -> None:
    assert read([1_735_603_200_000, 1_735_689_600_000_000]).tolist() == [1_735_603_200_000_000, 1_735_689_600_000_000]


def test_numbers_that_are_dates_are_dates() -> None:
    np.testing.assert_array_equal(read([int(day) for day in DAYS.strftime("%Y%m%d")]), DAYS_US)


def test_date_and_time_of_day_may_be_apart() -> None:
    columns = [pa.chunked_array([["2020.01.31", "2020.01.31"]]), pa.chunked_array([["09:30", "10:30"]])]
    start = np.datetime64("2020-01-31T09:30", "us").astype(np.int64)
    assert to_utc_us(columns, "UTC")[0].tolist() == [start, start + 3_600_000_000]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Europe/Berlin"])
def test_local_times_are_placed_in_their_zone(zone: str) -> None:
    local = [f"2020-{month:02}-15 09:30:00" for month in range(1, 13)]
    expected = [pd.Timestamp(text, tz=zone).value // 1000 for text in local]
    assert read(local, zone).tolist() == expected


def test_a_zone_in_the_file_goes_before_the_one_that_is_told() -> None:
    instants, told = to_utc_us([pa.chunked_array([["2020-01-31T09:30:00+02:00"]])], "America/New_York")
    assert instants.tolist() == [np.datetime64("2020-01-31T07:30", "us").astype(np.int64)]
    assert "file" in told
    epoch, told = to_utc_us([pa.chunked_array([[1_580_455_800]])], "America/New_York")
    assert (epoch.tolist(), told) == ([1_580_455_800_000_000], "epoch, UTC")


def test_an_hour_that_exists_twice_is_told_apart_by_its_order() -> None:
    autumn = pd.date_range("2020-10-31 20:00", periods=20, freq="h", tz="America/New_York")
    np.testing.assert_array_equal(
        read(list(autumn.strftime("%Y-%m-%d %H:%M")), "America/New_York"),
        autumn.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64),
    )


def test_an_hour_that_does_not_exist_or_cannot_be_told_is_unknown() -> None:
    spring = read(["2020-03-08 01:00", "2020-03-08 02:00", "2020-03-08 03:00"], "America/New_York")
    assert (spring == UNKNOWN).tolist() == [False, True, False]
    autumn = read(["2020-11-01 00:00", "2020-11-01 01:00", "2020-11-01 02:00"], "America/New_York")
    assert (autumn == UNKNOWN).tolist() == [False, True, False]


def test_what_is_no_time_is_unknown() -> None:
    assert (read(["2020-01-01", "soon", None, "2020-13-01"]) == UNKNOWN).tolist() == [False, True, True, True]
    assert (read([1.6e9, float("nan"), 5.0, -1.0]) == UNKNOWN).tolist() == [False, True, True, True]


def test_text_is_never_completed_from_the_calendar_of_today(recwarn: pytest.WarningsRecorder) -> None:
    for words in (["Saturday", "10", "noon"], ["soon", "2020-01-01", "10:00"], ["31.01.2020", "10", "Sat"]):
        assert (read(words) == UNKNOWN).sum() >= 2
    assert not recwarn.list


def test_day_and_month_are_told_apart_by_the_row_that_has_only_one_reading() -> None:
    first_day_first = read(["01/02/2020", "02/02/2020", "13/02/2020"])
    assert first_day_first.tolist() == read(["2020-02-01", "2020-02-02", "2020-02-13"]).tolist()
    first_month_first = read(["01/02/2020", "01/03/2020", "01/13/2020"])
    assert first_month_first.tolist() == read(["2020-01-02", "2020-01-03", "2020-01-13"]).tolist()


def test_day_and_month_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(DataError, match="day-month or month-day"):
        read(["01/02/2020", "03/04/2020"])


def test_a_zone_that_does_not_exist_is_refused() -> None:
    for zone in ("Mars/Olympus", "", "../etc"):
        with pytest.raises(ConfigurationError, match="timezone"):
            read(["2020-01-01"], zone)
