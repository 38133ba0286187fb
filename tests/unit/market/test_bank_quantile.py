"""The causal rank equals its definition, written out in pandas."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market.quantile import RANK_BARS, RANK_KNOWN_MIN, quantile_rank


def _reference(series: np.ndarray) -> np.ndarray:
    def share(window: np.ndarray) -> float:
        value, before = window[-1], window[:-1][np.isfinite(window[:-1])]
        if np.isnan(value) or len(before) < RANK_KNOWN_MIN:
            return np.nan
        return ((before < value).sum() + 0.5 * (before == value).sum()) / len(before)

    padded = pd.Series(np.concatenate((np.full(RANK_BARS, np.nan), series)))
    ranks = padded.rolling(RANK_BARS + 1, min_periods=0).apply(share, raw=True)
    return ranks.to_numpy()[RANK_BARS:]


@given(st.integers(0, 700), st.integers(0, 2**32 - 1), st.sampled_from([2, 20, 10**6]), st.floats(0, 0.9))
@settings(max_examples=25, deadline=None)
def test_the_rank_is_the_share_of_known_values_below_plus_half_the_ties(
    bars: int, seed: int, distinct: int, unknown: float
) -> None:
    draw = np.random.default_rng(seed)
    series = draw.integers(-distinct, distinct, bars) / 7.0
    series[draw.random(bars) < unknown] = np.nan
    np.testing.assert_array_equal(quantile_rank(series), _reference(series))


@given(
    st.lists(
        st.one_of(
            st.floats(),
            st.floats(0.99999, 1.00001),
            st.sampled_from([-np.inf, -1.7e308, -5e-324, 0.0, 5e-324, 1.0, 1e300, 1.7e308, np.inf, np.nan]),
        ),
        min_size=RANK_KNOWN_MIN,
        max_size=400,
    )
)
@settings(max_examples=50, deadline=None)
def test_extreme_and_nearly_equal_values_are_told_apart(values: list[float]) -> None:
    """Infinities are values like others to the rank, so the reference sees their order instead of them."""
    series = np.array(values)
    order = np.full(len(series), np.nan)
    known = ~np.isnan(series)
    order[known] = np.unique(series[known], return_inverse=True)[1]
    np.testing.assert_array_equal(quantile_rank(series), _reference(order))


def test_a_spike_does_not_blur_the_values_around_it() -> None:
    series = np.random.default_rng(4).normal(1.0, 1e-12, 600)
    series[300] = 1e9
    np.testing.assert_array_equal(quantile_rank(series), _reference(series))


def test_hand_written_ranks() -> None:
    ranks = quantile_rank(np.concatenate((np.arange(50.0), [49.5, -1.0, 24.0])))
    assert np.isnan(ranks[:50]).all()
    assert ranks[50:].tolist() == [1.0, 0.0, 25.5 / 52]


def test_values_older_than_250_bars_are_forgotten() -> None:
    ranks = quantile_rank(np.concatenate(([5.0], np.zeros(249), [1.0, 1.0])))
    assert ranks[-2:].tolist() == [249 / 250, 249.5 / 250]


def test_a_constant_stands_in_the_middle() -> None:
    assert set(quantile_rank(np.ones(300))[RANK_KNOWN_MIN:]) == {0.5}
