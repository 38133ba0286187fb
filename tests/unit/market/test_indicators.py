"""Feature series are causal, finite or unknown, and mean the same in every unit."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.features import FEATURES, INDICATORS, Feature
from common.market.bars import Bars
from common.market.indicators import REGISTRY, feature_series
from tests.unit.market.samples import constant, rescaled, walk

BY_TEXT = {feature.text: feature for feature in FEATURES}
LONGEST_WARM_UP = 260


def _series(text: str, bars: Bars) -> list[float]:
    return feature_series(BY_TEXT[text], bars).tolist()


def _hand() -> Bars:
    open_ = np.array([10.0, 11.0, 12.0, 12.0, 9.0])
    high = np.array([12.0, 13.0, 12.5, 12.0, 10.0])
    low = np.array([9.0, 10.5, 11.5, 12.0, 8.0])
    close = np.array([11.0, 12.0, 12.0, 12.0, 8.0])
    return Bars("hand", np.arange(5) * 10, open_, high, low, close, np.ones(5), 10)


def test_the_registry_is_the_table() -> None:
    assert sorted(REGISTRY) == sorted(indicator.name for indicator in INDICATORS)


def test_price_action_of_a_hand_written_series() -> None:
    unknown = np.nan
    for text, expected in {
        "up_streak": [unknown, 1, 0, 0, -1],
        "gap": [unknown, 0, 0, 0, -0.25],
        "body": [0.1, 1 / 11, 0, 0, -1 / 9],
        "close_location": [2 / 3, 0.6, 0.5, unknown, 0],
        "upper_shadow": [1 / 3, 0.4, 0.5, unknown, 0.5],
        "lower_shadow": [1 / 3, 0.2, 0.5, unknown, 0],
    }.items():
        np.testing.assert_allclose(_series(text, _hand()), expected, rtol=1e-12, atol=1e-15, err_msg=text)


def test_streaks_count_on_and_turn_around() -> None:
    close = np.array([1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 2.0, 3.0])
    bars = Bars("streak", np.arange(8), close, close, close, close, close, 1)
    assert _series("up_streak", bars)[1:] == [1, 2, 3, -1, -2, 0, 1]


def test_a_close_above_the_highest_of_the_bars_before_is_a_breakout() -> None:
    high = np.arange(1.0, 31.0)
    high[20] = 50.0
    close = high - 0.5
    bars = Bars("channel", np.arange(30), close, high, close, close, close, 1)
    ratio = _series("close/highest(10)", bars)
    assert np.isnan(ratio[:10]).all()
    assert ratio[10] == 10.5 / 10.0
    assert ratio[20] == 49.5 / 20.0
    assert ratio[21:] == (close[21:] / 50.0).tolist()
    assert _series("close/lowest(10)", bars)[10] == 10.5 / 0.5


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.text)
def test_unknown_before_warm_up_and_finite_after(feature: Feature) -> None:
    series = feature_series(feature, walk(600, seed=5))
    assert series.dtype == np.float64
    assert series.shape == (600,)
    assert not np.isinf(series).any()
    first = int(np.isfinite(series).argmax())
    assert np.isfinite(series[first])
    assert first <= LONGEST_WARM_UP
    assert max(feature.parameters, default=0) <= first + 1


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.indicator.group == "candle"], ids=lambda f: f.text)
def test_patterns_are_present_or_absent(feature: Feature) -> None:
    found = feature_series(feature, walk(3000, seed=2))
    assert set(np.unique(found[np.isfinite(found)])) <= {-1.0, 0.0, 1.0}


def test_no_bars_give_no_values() -> None:
    assert all(feature_series(feature, walk(50, 1).until(0)).shape == (0,) for feature in FEATURES)


@given(st.integers(1, 700), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=12, deadline=None)
def test_truncating_the_future_changes_nothing_before_it(kept: int, seed: int, with_volume: bool) -> None:
    bars = walk(700, seed, with_volume=with_volume)
    for feature in FEATURES:
        full, cut = feature_series(feature, bars), feature_series(feature, bars.until(kept))
        np.testing.assert_array_equal(cut, full[:kept], err_msg=feature.text)


@given(st.integers(0, 2**32 - 1), st.integers(-40, 20), st.integers(-40, 20))
@settings(max_examples=10, deadline=None)
def test_the_unit_of_price_and_volume_does_not_matter(seed: int, price: int, volume: int) -> None:
    bars = walk(400, seed)
    other = rescaled(bars, 2.0**price, 2.0**volume)  # a power of two: no rounding, so equal means equal
    for feature in FEATURES:
        if feature.indicator.name != "linearreg_angle":  # the angle of a line depends on the unit; its sign does not
            expected = feature_series(feature, bars)
            np.testing.assert_array_equal(feature_series(feature, other), expected, err_msg=feature.text)


@pytest.mark.parametrize("bars", [constant(400), constant(400, volume=7.0), walk(400, 3, with_volume=False)])
def test_flat_prices_and_missing_volume_divide_by_nothing(bars: Bars) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not any(np.isinf(feature_series(feature, bars)).any() for feature in FEATURES)


def test_without_volume_no_volume_feature_takes_a_value() -> None:
    bars = walk(400, seed=4, with_volume=False)
    for feature in FEATURES:
        if feature.indicator.group == "volume" or feature.indicator.name == "mfi":
            series = feature_series(feature, bars)
            assert np.all(np.isnan(series) | (series == 0.0)), feature.text
