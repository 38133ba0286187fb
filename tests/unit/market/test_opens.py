"""Opens that copy the close before are told from prices."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.defaults import default_bars
from common.market.opens import TRUST_BARS, stale_opens

MONDAY = 4 * DAY_US  # 5 January 1970


def bars_of(times: np.ndarray, copied: np.ndarray, bar_us: int) -> Bars:
    close = 100.0 + np.arange(len(times))
    open_ = np.where(copied, np.concatenate(([100.0], close[:-1])), close - 0.5)
    return Bars("made", times, open_, close + 1, np.minimum(open_, close) - 1, close, np.ones(len(times)), bar_us)


def test_a_copy_counts_after_a_night_and_not_within_a_session() -> None:
    times = np.array([MONDAY + day * DAY_US + hour * HOUR_US for day in range(3) for hour in range(4)])
    stale = stale_opens(bars_of(times, np.ones(12, bool), HOUR_US))
    assert np.flatnonzero(stale).tolist() == [4, 8]


def weekdays(days: int) -> np.ndarray:
    return np.array([MONDAY + (7 * (k // 5) + k % 5) * DAY_US for k in range(days)])


def test_days_of_a_market_with_weekends_have_nights_between_them() -> None:
    copied = np.arange(20) % 2 == 1
    assert (stale_opens(bars_of(weekdays(20), copied, DAY_US)) == copied).all()


def test_days_of_a_market_without_weekends_have_none_once_it_was_seen_to_trade_at_one() -> None:
    stale = stale_opens(bars_of(MONDAY + np.arange(200) * DAY_US, np.ones(200, bool), DAY_US))
    assert np.flatnonzero(stale).tolist() == [1, 2, 3, 4]  # Tuesday to Friday of the first week


def test_currencies_trade_from_monday_to_friday_without_a_night() -> None:
    times = weekdays(200)
    monday = np.arange(200) % 5 == 0
    stale = stale_opens(bars_of(times, ~monday, DAY_US))
    known = 5 * TRUST_BARS  # the Monday after so many weekends
    assert stale[:known][~monday[:known]].all()
    assert not stale[known:].any()


def test_an_index_that_copies_over_weekends_too_is_no_currency() -> None:
    assert stale_opens(bars_of(weekdays(400), np.ones(400, bool), DAY_US))[1:].all()


def test_an_index_that_has_stopped_copying_is_not_taken_for_a_currency() -> None:
    copied = np.arange(800) < 300
    assert stale_opens(bars_of(weekdays(800), copied, DAY_US))[1:].all()


def test_the_cash_index_of_the_built_in_data_has_them_and_the_other_hardly() -> None:
    found = {bars.name: stale_opens(bars).mean() for bars in default_bars()}
    assert found["S&P 500"] > 0.5
    assert found["NASDAQ"] < 0.05


@given(st.integers(0, 2**32 - 1), st.sampled_from(["weekdays", "every day", "hours"]), st.integers(2, 400))
@settings(max_examples=40, deadline=None)
def test_nothing_later_matters(seed: int, clock: str, until: int) -> None:
    draw = np.random.default_rng(seed)
    times = weekdays(400)
    if clock != "weekdays":
        times = MONDAY + np.cumsum(draw.choice([1, 1, 1, 60], 400)) * (DAY_US if clock == "every day" else HOUR_US)
    nights = np.diff(times, prepend=0) == np.diff(times, prepend=0).min()
    copied = draw.random(400) < np.where(nights, draw.choice([0.1, 0.95]), draw.choice([0.1, 0.9]))
    bars = bars_of(times, copied, HOUR_US if clock == "hours" else DAY_US)
    np.testing.assert_array_equal(stale_opens(bars.until(until)), stale_opens(bars)[:until])


def test_nothing_later_matters_to_the_built_in_data() -> None:
    bars = default_bars()[0]
    whole = stale_opens(bars)
    for until in (30, 500, 2345):
        np.testing.assert_array_equal(stale_opens(bars.until(until)), whole[:until])
