"""Regime labels: told from the past alone, and what a person would call them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.genes import REGIMES
from common.market.bars import DAY_US, Bars
from common.market.defaults import default_bars
from common.market.regimes import SLOPE_DEVIATION, regime_labels
from tests.unit.market.real import real_markets

MARKETS = real_markets()
LABELS = {bars.name: regime_labels(bars) for bars in MARKETS}
BULL, BEAR, SIDEWAYS, HIGH_VOLATILITY, CRISIS = range(5)


def path_of(returns: np.ndarray) -> Bars:
    close = 100 * np.exp(np.cumsum(returns))
    ts_us = np.arange(len(close), dtype=np.int64) * DAY_US
    return Bars("x", ts_us, close, close, close, close, np.ones(len(close)), DAY_US)


def wobble(bars: int, size: float) -> np.ndarray:
    return size * np.array([1.0, -1.0])[np.arange(bars) % 2]


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_what_comes_later_changes_no_label(bars: Bars, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bars)))
    np.testing.assert_array_equal(regime_labels(bars.until(cut)), LABELS[bars.name][:cut])


def test_labels_do_not_depend_on_the_level_of_prices() -> None:
    bars = default_bars()[0]
    scaled = Bars(
        "x", bars.ts_us, *(8 * getattr(bars, f) for f in ("open", "high", "low", "close")), bars.volume, DAY_US
    )
    assert (regime_labels(scaled) == LABELS[bars.name]).mean() > 0.999  # rounding may tip a comparison


def test_steady_paths_are_called_by_their_name() -> None:
    assert REGIMES == ("bull", "bear", "sideways", "high_volatility", "crisis")
    assert (regime_labels(path_of(wobble(600, 0.01) + 0.002))[300:] == BULL).mean() > 0.9
    assert (regime_labels(path_of(wobble(600, 0.01) - 0.002))[300:] == BEAR).mean() > 0.9
    assert (regime_labels(path_of(wobble(600, 0.01)))[300:] == SIDEWAYS).mean() > 0.9


def test_a_burst_is_high_volatility_and_a_crash_is_a_crisis() -> None:
    calm = np.random.Generator(np.random.Philox(5)).normal(0, 0.01, 400)
    burst = regime_labels(path_of(np.concatenate((calm, wobble(20, 0.04)))))
    assert (burst[-10:] == HIGH_VOLATILITY).all()
    crash = regime_labels(path_of(np.concatenate((calm, wobble(20, 0.04) - 0.03))))
    assert (crash[-5:] == CRISIS).all()


def test_autumn_2008_was_a_crisis_and_2017_was_not() -> None:
    bars = default_bars()[0]
    days = bars.ts_us.astype("datetime64[us]")
    labels = LABELS[bars.name]
    autumn = (days >= np.datetime64("2008-09-29")) & (days < np.datetime64("2008-12-15"))
    assert (labels[autumn] == CRISIS).mean() > 0.95
    calm = (days >= np.datetime64("2017-01-01")) & (days < np.datetime64("2018-01-01"))
    assert (labels[calm] <= SIDEWAYS).all()


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
def test_every_regime_occurs_on_real_data_and_none_is_nearly_everything(bars: Bars) -> None:
    share = np.bincount(LABELS[bars.name], minlength=5) / len(bars)
    assert len(share) == 5
    assert share.min() > 0.02
    assert share.max() < 0.6


def test_history_too_short_to_tell_is_sideways_and_so_is_a_price_that_stands_still() -> None:
    assert (LABELS["S&P 500"][:120] == SIDEWAYS).all()
    assert (regime_labels(path_of(np.zeros(600))) == SIDEWAYS).all()
    assert len(regime_labels(path_of(np.zeros(600)).until(0))) == 0


def test_the_slope_is_measured_in_what_a_random_walk_would_show() -> None:
    walks = np.random.Generator(np.random.Philox(1)).normal(0, 1, (4000, 120)).cumsum(axis=1)
    means = np.lib.stride_tricks.sliding_window_view(walks, 50, axis=1).mean(axis=2)
    assert (means[:, 20] - means[:, 0]).std() == pytest.approx(SLOPE_DEVIATION, rel=0.05)
