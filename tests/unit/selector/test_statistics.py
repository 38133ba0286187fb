"""Sharpe statistics: published examples, exact pooling, and what simulation says."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from selector.statistics import (
    Moments,
    deflated_sharpe,
    expected_maximum_sharpe,
    one_sided_p,
    pooled,
    probabilistic_sharpe,
    sharpe_ratio,
)


def moments(bars: float, sharpe: float, skewness: float = 0.0, kurtosis: float = 3.0) -> Moments:
    return Moments(*(np.float64(x) for x in (bars, sharpe, 1.0, skewness, kurtosis)))


def moments_of(returns: np.ndarray) -> Moments:
    """Rows of ``returns`` (n, bars), by SciPy."""
    return Moments(
        np.full(len(returns), float(returns.shape[1])),
        returns.mean(axis=1),
        returns.std(axis=1, ddof=1),
        stats.skew(returns, axis=1),
        stats.kurtosis(returns, axis=1, fisher=False),
    )


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "published"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_deflated_sharpe_of_the_paper_s_example(
    trials: int, skewness: float, kurtosis: float, published: float
) -> None:
    """Bailey, López de Prado 2014: annual Sharpe 2.5 on 1,250 days, variance across trials 1/2 a year."""
    benchmark = expected_maximum_sharpe(trials, 0.5 / 250)
    observed = moments(1250, 2.5 / np.sqrt(250), skewness, kurtosis)
    assert probabilistic_sharpe(observed, benchmark) == pytest.approx(published, abs=6e-5)
    if trials == 100:
        assert benchmark == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(("skewness", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)])
def test_probabilistic_sharpe_of_the_paper_s_example(skewness: float, kurtosis: float, published: float) -> None:
    """Bailey, López de Prado 2012: a fund with monthly Sharpe 0.458 over two years."""
    assert probabilistic_sharpe(moments(24, 0.458, skewness, kurtosis), 0.0) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize("trials", [10, 100, 1000, 3000])
def test_expected_maximum_is_that_of_simulated_trials_without_skill(trials: int) -> None:
    maxima = np.random.default_rng(trials).standard_normal((1500, trials)).max(axis=1)
    assert expected_maximum_sharpe(trials, 1 / 400) == pytest.approx(maxima.mean() / 20, rel=0.04)


def test_a_single_trial_or_none_is_not_deflated() -> None:
    assert expected_maximum_sharpe(0, 0.01) == expected_maximum_sharpe(1, 0.01) == 0.0
    assert deflated_sharpe(moments(500, 0.1), 1) == probabilistic_sharpe(moments(500, 0.1), 0.0)


@pytest.mark.parametrize("shape", ["normal", "left skewed"])
def test_probabilistic_sharpe_of_the_true_sharpe_is_uniform(shape: str) -> None:
    rng = np.random.default_rng(11)
    noise = rng.standard_normal((6000, 500)) if shape == "normal" else -(rng.standard_gamma(4, (6000, 500)) - 4) / 2
    probability = probabilistic_sharpe(moments_of(noise + 0.15), 0.15)
    for level in (0.05, 0.5, 0.95):
        assert (probability < level).mean() == pytest.approx(level, abs=0.015)


def test_the_best_of_many_without_skill_passes_no_more_often_than_the_deflated_ratio_says() -> None:
    rng = np.random.default_rng(17)
    passed = 0
    for _ in range(200):
        found = moments_of(rng.standard_normal((200, 250)))
        best = int(np.argmax(sharpe_ratio(found)))
        passed += deflated_sharpe(Moments(*(figure[best] for figure in found)), 200) >= 0.95
    assert passed / 200 <= 0.05


returns = st.lists(st.floats(-0.2, 0.3).map(lambda x: round(x, 4)), min_size=2, max_size=40)


@given(returns, returns)
@settings(max_examples=200, deadline=None)
def test_pooled_moments_are_those_of_the_joined_sample(first: list[float], second: list[float]) -> None:
    assume(min(np.ptp(first), np.ptp(second)) > 0)
    parts = [moments_of(np.array([part])) for part in (first, second)]
    whole = moments_of(np.array([first + second]))
    for found, expected in zip(pooled(*parts), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_a_window_without_bars_adds_nothing() -> None:
    some = moments_of(np.random.default_rng(2).normal(size=(3, 50)))
    none = Moments(*np.zeros((5, 3)))
    for found, expected in zip(pooled(some, none), some, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    for found, expected in zip(pooled(none, some), some, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert not np.any(pooled(none, none))
    assert not deflated_sharpe(none, 10).any()


def test_constant_returns_show_no_skill() -> None:
    constant = Moments(*(np.array([x]) for x in (100.0, 0.01, 0.0, 0.0, 3.0)))
    assert sharpe_ratio(constant) == 0.0
    assert deflated_sharpe(constant, 50) < 0.05


def test_p_values_of_the_normal_table() -> None:
    np.testing.assert_allclose(one_sided_p(np.array([0.0, 1.6449, 2.7344])), [0.5, 0.05, 0.003125], rtol=1e-3)
