"""Bars taken apart into shapes and put together again are the same bars, at times the market keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.shapes import PATH_MAX, VOLUME_BARS, Shapes, continued, next_times, shapes_of
from tests.unit.market.real import needs_files, real_markets, shared
from tests.unit.market.samples import constant, walk

MARKETS = real_markets()
WEEK_US = 7 * DAY_US
FIELDS = ("open", "high", "low", "close")


def weekdays(bars: int, hours: range | None = None) -> Bars:
    days = np.busday_offset(np.datetime64("2020-01-06"), np.arange(bars)).astype("datetime64[us]").astype(np.int64)
    ts_us = days if hours is None else (days[:, None] + HOUR_US * np.array(hours)).ravel()
    price = np.full(len(ts_us), 50.0)
    return Bars("x", ts_us, price, price, price, price, price, DAY_US if hours is None else HOUR_US)


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_the_shapes_of_what_came_next_give_what_came_next(bars: Bars, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(bars) - 1))
    later = np.arange(cut - 1, min(cut + 400, len(bars)) - 1)
    found = continued(bars.until(cut), shapes_of(bars).pick(later), "again")
    for field in FIELDS:
        np.testing.assert_allclose(getattr(found, field), getattr(bars, field)[: cut + len(later)], rtol=1e-11)


@given(st.integers(2, 300), st.integers(0, 1000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_shapes_hold_their_own_open_and_close(bars: int, seed: int, with_volume: bool) -> None:
    shapes = shapes_of(walk(bars, seed, with_volume=with_volume))
    assert (shapes.low <= np.minimum(shapes.close, 0)).all()
    assert (shapes.high >= np.maximum(shapes.close, 0)).all()
    assert ((shapes.volume >= 0) & (shapes.volume <= VOLUME_BARS)).all()
    assert shapes.volume.any() <= with_volume


def test_volume_goes_on_at_the_level_of_the_last_bars() -> None:
    bars = MARKETS[0]
    found = continued(bars.until(3000), shapes_of(bars).pick(np.arange(500)), "again")
    assert bars.volume[:500].mean() < 0.5 * bars.volume[2750:3000].mean()  # another age of the market
    assert found.volume[3000:].mean() == pytest.approx(bars.volume[2750:3000].mean(), rel=0.1)


def test_a_path_stops_at_its_bound() -> None:
    fall = np.full(10, -7.0)
    still = np.zeros(10)
    found = continued(constant(5), Shapes(still, still, fall, fall, still), "down").close[5:] / 50
    np.testing.assert_allclose(found, np.exp(np.maximum(-7.0 * np.arange(1, 11), -PATH_MAX)), rtol=1e-12)


def test_days_go_on_with_weekdays_and_hours_with_the_hours_of_the_exchange() -> None:
    np.testing.assert_array_equal(next_times(weekdays(40), 300), weekdays(340).ts_us[40:])
    hours = range(14, 21)
    np.testing.assert_array_equal(next_times(weekdays(40, hours), 700), weekdays(140, hours).ts_us[280:])


def test_a_market_that_never_closes_goes_on_bar_by_bar() -> None:
    for bars in (constant(24 * 30), constant(30), constant(1)):
        expected = bars.ts_us[-1] + HOUR_US * np.arange(1, 501)
        np.testing.assert_array_equal(next_times(bars, 500), expected)


def test_a_holiday_does_not_shut_its_weekday() -> None:
    full = weekdays(60)
    kept = np.arange(60) != 55
    price = full.close[kept]
    holed = Bars("x", full.ts_us[kept], price, price, price, price, price, DAY_US)
    np.testing.assert_array_equal(next_times(holed, 50), weekdays(110).ts_us[60:])


def test_bars_that_fit_no_week_go_on_in_their_own_steps() -> None:
    price = np.full(200, 50.0)
    bars = Bars("x", 5 * HOUR_US * np.arange(200), price, price, price, price, price, 5 * HOUR_US)
    np.testing.assert_array_equal(np.diff(next_times(bars, 100)), 5 * HOUR_US)


@needs_files
def test_currencies_rest_on_the_weekend() -> None:
    bars = shared("EURUSD-1h").until(60_000)
    times = next_times(bars, 500)
    ours = np.unique(times % WEEK_US)
    theirs = np.unique(bars.ts_us[-4000:] % WEEK_US)
    assert np.isin(ours, theirs).all()
    assert (np.diff(times) > 40 * HOUR_US).sum() in (3, 4, 5)
