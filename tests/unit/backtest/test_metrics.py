"""Metrics equal those of empyrical, a reference that nobody here wrote."""

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.backtest.engine import ENDED
from common.backtest.metrics import (
    RATIO_LIMIT,
    SUMS,
    conditional_value_at_risk,
    consistency,
    mean_deviation,
    moment_sums,
    recovery_factor,
    shape,
)

RETURNS = st.lists(st.floats(-0.2, 0.2).map(lambda r: r if abs(r) > 1e-6 else 0.0), min_size=30, max_size=300)


def sums_of(returns: np.ndarray, market_mean: float = 0.0, folds: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Sum folds that are one trade each."""
    sums, losses = np.zeros(SUMS), np.empty(len(returns) + 1)
    sums[9] = 1.0
    capital = 1.0
    for part in np.array_split(returns, folds):
        equity = capital * np.cumprod(1 + part)
        before = np.concatenate(([capital], equity[:-1]))
        whole = np.array([[1.0, 0, len(part) - 1, 0, 0, 0, 0, ENDED, before[-1]]])
        moment_sums(equity, before, whole, 0, len(part), capital, 0.0, market_mean, sums, losses)
        capital = equity[-1]
    return sums, losses[: int(sums[8])]


@given(RETURNS, st.integers(1, 4))
def test_sharpe_drawdown_and_moments_equal_empyrical_and_scipy(values, folds):
    returns = np.array(values)
    sums, _ = sums_of(returns, folds=folds)
    mean, deviation = mean_deviation(sums[0], sums[1], sums[2])
    if np.std(returns) > 1e-6:
        assert mean / deviation * np.sqrt(252) == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-6, abs=1e-9)
        skewness, kurtosis = shape(sums[0], sums[1], sums[2], sums[3], sums[4])
        assert skewness == pytest.approx(stats.skew(returns), rel=1e-5, abs=1e-6)
        assert kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-5, abs=1e-6)
    assert -sums[10] == pytest.approx(empyrical.max_drawdown(returns), abs=1e-12)


@given(RETURNS)
def test_cvar_equals_empyricals_where_the_tail_is_losses(values):
    returns = np.array(values)
    _, losses = sums_of(returns)
    mine = conditional_value_at_risk(losses, len(returns))
    tail = int((len(returns) - 1) * 0.05) + 1
    if np.partition(returns, tail - 1)[:tail].max() <= 0:
        assert mine == pytest.approx(empyrical.conditional_value_at_risk(returns, 0.05), abs=1e-12)
    assert mine <= 0


@given(RETURNS)
def test_detrending_a_buy_and_hold_leaves_nothing(values):
    returns = np.array(values)
    returns[returns == 0] = 1e-3
    sums, _ = sums_of(returns, market_mean=returns.mean())
    assert sums[5] == pytest.approx(0, abs=1e-9)


def test_recovery_is_profit_over_drawdown_within_its_limit():
    assert recovery_factor(0.3, 0.1) == pytest.approx(3.0)
    assert recovery_factor(0.3, 0.0) == RATIO_LIMIT
    assert recovery_factor(0.0, 0.0) == 0.0
    assert recovery_factor(5.0, 1e-9) == RATIO_LIMIT


def test_consistency_rewards_folds_that_agree():
    assert consistency(np.array([1.0, 1.0])) == 1.0
    assert consistency(np.array([0.0, 2.0])) == 0.0


def test_a_flat_account_has_no_ratio_and_no_shape():
    sums, losses = sums_of(np.zeros(50))
    assert mean_deviation(sums[0], sums[1], sums[2]) == (0.0, 0.0)
    assert shape(sums[0], sums[1], sums[2], sums[3], sums[4]) == (0.0, 3.0)
    assert conditional_value_at_risk(losses, 50) == 0.0
