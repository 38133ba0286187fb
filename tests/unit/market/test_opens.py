"""Opens that copy the close before are told from prices."""

import numpy as np

from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.defaults import default_bars
from common.market.opens import stale_opens

MONDAY = 4 * DAY_US  # 5 January 1970


def bars_of(times: np.ndarray, copied: np.ndarray, bar_us: int) -> Bars:
    close = 100.0 + np.arange(len(times))
    open_ = np.where(copied, np.concatenate(([100.0], close[:-1])), close - 0.5)
    return Bars("made", times, open_, close + 1, np.minimum(open_, close) - 1, close, np.ones(len(times)), bar_us)


def test_a_copy_counts_after_a_night_and_not_within_a_session() -> None:
    times = np.array([MONDAY + day * DAY_US + hour * HOUR_US for day in range(3) for hour in range(4)])
    stale = stale_opens(bars_of(times, np.ones(12, bool), HOUR_US))
    assert np.flatnonzero(stale).tolist() == [4, 8]


def test_days_of_a_market_with_weekends_have_nights_between_them_and_days_without_have_none() -> None:
    copied = np.arange(20) % 2 == 1
    weekdays = np.array([MONDAY + (7 * (k // 5) + k % 5) * DAY_US for k in range(20)])
    every_day = MONDAY + np.arange(20) * DAY_US
    assert (stale_opens(bars_of(weekdays, copied, DAY_US)) == copied).all()
    assert not stale_opens(bars_of(every_day, copied, DAY_US)).any()


def test_the_cash_index_of_the_built_in_data_has_them_and_the_other_hardly() -> None:
    found = {bars.name: stale_opens(bars).mean() for bars in default_bars()}
    assert found["S&P 500"] > 0.5
    assert found["NASDAQ"] < 0.05


def test_nothing_later_matters() -> None:
    bars = default_bars()[0]
    whole = stale_opens(bars)
    for until in (30, 500, 2345):
        np.testing.assert_array_equal(stale_opens(bars.until(until)), whole[:until])
