"""Clocks that differ: what is over when, in whole series and against a plain search bar by bar."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market.alignment import close_times, known_at, leg_spans, returns_on
from common.market.bars import DAY_US, HOUR_US, Bars

from .samples import walk


def bars_at(hours, bar_hours, close=None):
    price = np.full(len(hours), 100.0) if close is None else np.asarray(close, float)
    ts_us = np.asarray(hours, np.int64) * HOUR_US
    return Bars("bars", ts_us, price, price, price, price, np.zeros(len(hours)), bar_hours * HOUR_US)


def weekdays(first_day, days):
    """Daily stock bars from a Monday on: five days of seven."""
    return [24 * day for day in range(first_day, first_day + days) if day % 7 < 5]


def test_a_bar_is_over_after_its_length_or_when_the_next_one_opens():
    ends = close_times(bars_at([0, 1, 5, 30], 10))
    np.testing.assert_array_equal(ends // HOUR_US, [1, 5, 15, 40])


def test_the_clock_of_an_instrument_is_its_own():
    bars = walk(300, 3)
    np.testing.assert_array_equal(known_at(bars, bars), np.arange(300))


def test_hours_of_crypto_know_the_last_complete_day_of_a_stock():
    stock, crypto = bars_at(weekdays(0, 14), 24), bars_at(range(24 * 14), 1)
    known = known_at(crypto, stock)
    assert (known[:23] == -1).all()  # the first day is not over
    assert known[23] == 0
    friday = 4
    assert (known[24 * 5 - 1 : 24 * 8 - 1] == friday).all()  # from its close over the weekend until Monday closes
    assert known[24 * 8 - 1] == 5


def test_days_of_a_stock_know_the_last_hour_of_crypto_before_their_close():
    stock, crypto = bars_at(weekdays(0, 14), 24), bars_at(range(24 * 14), 1)
    known = known_at(stock, crypto)
    np.testing.assert_array_equal(known[:6], [23, 47, 71, 95, 119, 24 * 8 - 1])


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([1, 3, 24]), st.sampled_from([1, 5, 24]))
def test_what_is_known_is_what_a_search_bar_by_bar_finds(seed, own, other):
    draw = np.random.default_rng(seed)
    master, leg = (
        bars_at(int(draw.integers(50)) + step * np.cumsum(draw.integers(1, 4, 40)), step) for step in (own, other)
    )
    over, ends = close_times(master), close_times(leg)
    known = known_at(master, leg)
    assert known.tolist() == [max((j for j in range(40) if ends[j] <= now), default=-1) for now in over]
    spans = np.sort(draw.integers(0, 41, (5, 2)))
    spans = spans[spans[:, 0] < spans[:, 1]]
    for (start, stop), (first, after) in zip(spans, leg_spans(master, leg, known, spans), strict=True):
        inside = [j for j in range(40) if leg.ts_us[j] >= master.ts_us[start] and ends[j] <= over[stop - 1]]
        assert list(range(first, after)) == inside


def test_a_leg_that_ended_or_has_not_begun_has_an_empty_span():
    master, leg = bars_at(range(100), 1), bars_at(range(40, 50), 1)
    spans = leg_spans(master, leg, known_at(master, leg), [(0, 30), (0, 45), (45, 100), (60, 90)])
    np.testing.assert_array_equal(spans[:, 1] - spans[:, 0], [0, 5, 5, 0])


def test_returns_are_of_what_is_known_and_nan_before():
    master = bars_at(range(8), 1)
    leg = bars_at([2, 4, 5], 1, [100, 110, 121])
    found = returns_on(known_at(master, leg), leg.close)
    np.testing.assert_allclose(found, [np.nan, np.nan, np.nan, 0, 0.1, 0.1, 0, 0])


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(5, 79))
def test_what_comes_later_changes_nothing_that_was_known(seed, stop):
    master = walk(80, seed % 1000)
    leg = walk(60, seed % 1000 + 1, bar_us=DAY_US // 8)
    opened = int(np.searchsorted(leg.ts_us, close_times(master)[stop - 1], side="right"))
    before = known_at(master.until(stop), leg.until(opened))
    # The last bar of a series that goes on may be over earlier than one that is the end of what is known.
    np.testing.assert_array_equal(before[: stop - 1], known_at(master, leg)[: stop - 1])


def test_real_days_and_hours_are_never_known_before_they_are_over():
    from .real import FOLDER, shared

    if not FOLDER.is_dir():
        pytest.skip("no ../shared/market beside this checkout")
    stock, crypto = shared("AAPL-1d"), shared("BTCUSDT-1h")
    for master, leg in ((stock, crypto), (crypto, stock)):
        known, over, ends = known_at(master, leg), close_times(master), close_times(leg)
        some = known >= 0
        assert some.any()
        assert (ends[known[some]] <= over[some]).all()
        later = some & (known + 1 < len(leg))
        assert (ends[np.minimum(known + 1, len(leg) - 1)][later] > over[later]).all()
