"""The coarser timeframes know a bar when it is complete, not before, and never change it afterwards."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.timeframes import coarser
from tests.unit.market.real import real_markets

MARKETS = real_markets()
FIELDS = ("ts_us", "open", "high", "low", "close", "volume")


def series(ts_us: np.ndarray, bar_us: int) -> Bars:
    price = 100.0 + np.sin(np.arange(len(ts_us)))
    return Bars("x", np.asarray(ts_us, np.int64), price, price + 1, price - 1, price, np.ones(len(ts_us)), bar_us)


def expect_same_past(bars: Bars, cut: int) -> None:
    for full, early in zip(coarser(bars), coarser(bars.until(cut)), strict=True):
        np.testing.assert_array_equal(early.known, full.known[:cut])
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(early.bars, field), getattr(full.bars, field)[: len(early.bars)])
        assert len(early.bars) == (early.known[-1] + 1 if cut else 0)


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_comes_later_changes_no_complete_bar_and_no_knowledge(bars: Bars, data: st.DataObject) -> None:
    expect_same_past(bars, data.draw(st.integers(0, len(bars))))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.sampled_from([10, 20, 60]), st.integers(0, 80))
@settings(max_examples=100, deadline=None)
def test_bars_that_overlap_or_leave_gaps_change_no_past_either(steps: list[int], minutes: int, cut: int) -> None:
    bars = series(np.cumsum(steps) * 5 * 60_000_000, minutes * 60_000_000)
    expect_same_past(bars, min(cut, len(bars)))


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
def test_a_known_bar_was_over_before_the_base_bar_closed(bars: Bars) -> None:
    for coarse in coarser(bars):
        seen = coarse.known >= 0
        ends = coarse.bars.ts_us[coarse.known[seen]] + np.minimum(coarse.bars.bar_us, 28 * DAY_US)
        assert (ends <= bars.ts_us[seen] + bars.bar_us).all()
        assert (np.diff(coarse.known) >= 0).all()


def test_four_hours_are_known_at_the_close_of_their_last_hour() -> None:
    bars = series(np.arange(48) * HOUR_US, HOUR_US)
    four_hours, days = coarser(bars)
    np.testing.assert_array_equal(four_hours.known[:9], [-1, -1, -1, 0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(days.known, [-1] * 23 + [0] * 24 + [1])
    assert four_hours.bars.close[0] == bars.close[3]
    assert days.bars.high[0] == bars.high[:24].max()


def test_a_week_of_shares_is_known_at_the_close_of_monday() -> None:
    days = np.array([0, 1, 2, 3, 4, 7, 8, 9]) + 4  # from Monday, 1970-01-05
    weeks, months = coarser(series(days * DAY_US, DAY_US))
    np.testing.assert_array_equal(weeks.known, [-1] * 5 + [0] * 3)
    np.testing.assert_array_equal(months.known, [-1] * 8)
    assert len(weeks.bars) == 1


@pytest.mark.parametrize(
    ("minutes", "lengths"),
    [
        (1, (240, 1440)),
        (60, (240, 1440)),
        (240, (1440, 10080)),
        (1440, (10080, 44640)),
        (120, (600, 2400)),
        (10080, (50400, 201600)),
    ],
)
def test_the_timeframes_of_bars_of_every_length(minutes: int, lengths: tuple[int, int]) -> None:
    bars = series(np.arange(5) * minutes * 60_000_000, minutes * 60_000_000)
    assert tuple(coarse.bars.bar_us // 60_000_000 for coarse in coarser(bars)) == lengths
