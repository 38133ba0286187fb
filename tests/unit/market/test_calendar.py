"""Blackout days are those of the calendar, computed by rule, and known without any other bar."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.tseries.holiday import (
    AbstractHolidayCalendar,
    GoodFriday,
    Holiday,
    USLaborDay,
    USMartinLutherKingJr,
    USMemorialDay,
    USPresidentsDay,
    USThanksgivingDay,
    nearest_workday,
    sunday_to_monday,
)

from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.calendar import HOLIDAYS, MONTH_END, OPTION_EXPIRY, blackout_labels, market_holidays
from tests.unit.market.real import real_markets

MARKETS = real_markets()
FIRST, LAST = "1990-01-01", "2030-12-31"


class StockExchange(AbstractHolidayCalendar):
    rules = [  # noqa: RUF012 (the name and the form that pandas asks for)
        Holiday("New Year", month=1, day=1, observance=sunday_to_monday),
        USMartinLutherKingJr,
        USPresidentsDay,
        GoodFriday,
        USMemorialDay,
        Holiday("Juneteenth", month=6, day=19, start_date="2022-01-01", observance=nearest_workday),
        Holiday("Independence", month=7, day=4, observance=nearest_workday),
        USLaborDay,
        USThanksgivingDay,
        Holiday("Christmas", month=12, day=25, observance=nearest_workday),
    ]


def series(ts_us: np.ndarray, bar_us: int = DAY_US) -> Bars:
    price = np.full(len(ts_us), 50.0)
    return Bars("x", np.asarray(ts_us, np.int64), price, price, price, price, price, bar_us)


def days(first: str, last: str) -> pd.DatetimeIndex:
    return pd.date_range(first, last)


def labels(index: pd.DatetimeIndex) -> np.ndarray:
    return blackout_labels(series(index.to_numpy().astype("datetime64[us]").astype(np.int64)))


def flagged(first: str, last: str, bit: int) -> list[str]:
    index = days(first, last)
    return [str(day.date()) for day in index[labels(index) & bit != 0]]


def pandas_holidays() -> pd.DatetimeIndex:
    found = StockExchange().holidays(pd.Timestamp(FIRST), pd.Timestamp(LAST))
    found = found[found.day_of_week < 5]  # pandas leaves a New Year on a Saturday where it is
    # Before 1998 the exchange was open on King day. pandas has it since 1986, when it became a federal holiday.
    return found[~((found.year < 1998) & (found.month == 1) & (found.day > 10))]


def test_market_holidays_are_those_of_pandas() -> None:
    ours = market_holidays(np.arange(1990, 2031))
    assert [str(day) for day in ours] == [str(day.date()) for day in pandas_holidays()]


def test_holidays_and_the_weekday_before_are_flagged_as_pandas_counts() -> None:
    index = days("1990-01-02", "2030-12-24")
    holidays = pandas_holidays()
    before = holidays - pd.tseries.offsets.BDay(1)
    stretches = [pd.date_range(first, last) for first, last in zip(before, holidays, strict=True) if last >= index[0]]
    expected = index.isin(np.concatenate([stretch.to_numpy() for stretch in stretches]))
    np.testing.assert_array_equal(labels(index) & HOLIDAYS != 0, expected)


def test_the_month_turns_from_its_last_weekday_to_the_first_of_the_next() -> None:
    index = days(FIRST, LAST)
    weekdays = index[index.day_of_week < 5]
    ours = weekdays[labels(weekdays) & MONTH_END != 0]
    ends = pd.tseries.offsets.BMonthEnd()
    begins = pd.tseries.offsets.BMonthBegin()
    expected = weekdays[[ends.is_on_offset(day) or begins.is_on_offset(day) for day in weekdays]]
    assert list(ours) == list(expected)
    assert flagged("2024-06-25", "2024-07-08", MONTH_END) == ["2024-06-28", "2024-06-29", "2024-06-30", "2024-07-01"]


def test_options_expire_on_the_third_friday() -> None:
    index = days(FIRST, LAST)
    fridays = pd.date_range(FIRST, LAST, freq="WOM-3FRI")
    ours = index[labels(index) & OPTION_EXPIRY != 0]
    assert list(ours[ours.day_of_week == 4]) == list(fridays)
    thursdays = ours[ours.day_of_week == 3]
    assert list(thursdays + pd.Timedelta(days=1)) == list(fridays[fridays.isin(pandas_holidays())])
    assert len(ours) == len(fridays) + len(thursdays)


def test_known_dates() -> None:
    assert flagged("2022-04-10", "2022-04-20", OPTION_EXPIRY) == ["2022-04-14", "2022-04-15"]  # Good Friday
    assert flagged("2021-06-10", "2021-06-25", HOLIDAYS) == []
    assert flagged("2022-06-10", "2022-06-25", HOLIDAYS) == ["2022-06-17", "2022-06-18", "2022-06-19", "2022-06-20"]
    assert flagged("2021-12-20", "2022-01-08", HOLIDAYS) == ["2021-12-23", "2021-12-24"]
    assert flagged("2017-12-28", "2018-01-05", HOLIDAYS) == ["2017-12-29", "2017-12-30", "2017-12-31", "2018-01-01"]


def test_hourly_bars_carry_the_label_of_their_utc_day() -> None:
    first = np.datetime64("2024-03-14", "us").astype(np.int64)
    found = blackout_labels(series(first + HOUR_US * np.arange(72), HOUR_US))
    np.testing.assert_array_equal(found & OPTION_EXPIRY != 0, np.repeat([False, True, False], 24))


def test_the_exchange_was_closed_on_the_holidays_of_the_built_in_index() -> None:
    index = MARKETS[0]
    traded = index.ts_us.astype("datetime64[us]").astype("datetime64[D]")
    assert not np.isin(market_holidays(np.arange(1999, 2019)), traded).any()


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_what_comes_later_changes_no_label(bars: Bars, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bars)))
    np.testing.assert_array_equal(blackout_labels(bars.until(cut)), blackout_labels(bars)[:cut])


@given(st.integers(-(10**16), 10**17))
@settings(max_examples=50, deadline=None)
def test_any_instant_has_a_label(ts_us: int) -> None:
    found = blackout_labels(series(np.array([ts_us])))
    assert found.dtype == np.uint8
    assert found[0] < 8
