"""Metrics equal those of empyrical, SciPy and NumPy, references that nobody here wrote."""

import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from common.backtest.engine import make_path
from common.backtest.metrics import (
    BARS,
    CAPITAL,
    D1,
    D2,
    DRAWDOWN,
    RATIO_LIMIT,
    S1,
    S2,
    S3,
    S4,
    SUMS,
    TRADES,
    add_path,
    clear,
    conditional_value_at_risk,
    consistency,
    fill_descriptor,
    fill_evidence,
    mean_deviation,
    recovery_factor,
    shape,
    sharpe,
)

# Chosen so that no sum of squares vanishes: what does is tested by itself.
RETURNS = st.lists(st.floats(-0.2, 0.2).map(lambda r: r if abs(r) > 1e-6 else 0.0), min_size=30, max_size=300)
PROFITS = st.lists(st.floats(-1.0, 3.0), min_size=1, max_size=400)


def sums_of(returns: np.ndarray, excess: np.ndarray | None = None, folds: int = 1) -> np.ndarray:
    """Sums of folds that begin with an equity of 1 and have one long trade each."""
    sums = np.empty(SUMS)
    clear(sums)
    for rows in np.array_split(np.arange(len(returns)), folds):
        path = make_path(len(rows))
        path.returns[:] = returns[rows]
        path.excess[:] = 0.0 if excess is None else excess[rows]
        path.equity[:] = np.cumprod(1 + returns[rows])
        path.trades[0, :3] = 1.0, 0, len(rows) - 1
        add_path(path, len(rows), 1, path.equity[-1], 2.0, sums)
    return sums


@given(RETURNS, st.integers(1, 4))
def test_sharpe_drawdown_and_moments_equal_empyrical_and_scipy(values, folds):
    returns = np.array(values)
    sums = sums_of(returns, folds=folds)
    if np.std(returns) > 1e-6:
        mine = sharpe(sums[BARS], sums[S1], sums[S2], np.sqrt(252))
        assert mine == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-6, abs=1e-9)
        skewness, kurtosis = shape(sums[BARS], sums[S1], sums[S2], sums[S3], sums[S4])
        assert skewness == pytest.approx(stats.skew(returns), rel=1e-5, abs=1e-6)
        assert kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-5, abs=1e-6)
    assert -sums[DRAWDOWN] == pytest.approx(empyrical.max_drawdown(returns), abs=1e-12)
    assert sums[CAPITAL] - 1.0 == pytest.approx(empyrical.cum_returns_final(returns), abs=1e-12)


@given(PROFITS, st.integers(0, 50))
def test_cvar_is_empyricals_over_trades(values, room):
    profits = np.append(values, np.full(room, -9.0))  # memory beyond the trades is not looked at
    mine = conditional_value_at_risk(profits, len(values))
    assert mine == pytest.approx(empyrical.conditional_value_at_risk(np.array(values), 0.05), abs=1e-12)
    assert sorted(profits[: len(values)]) == sorted(values)


@given(RETURNS, RETURNS)
def test_the_detrended_z_is_students_t_of_the_excess(values, others):
    bars = min(len(values), len(others))
    returns, excess = np.array(values[:bars]), np.array(others[:bars])
    evidence = np.empty(9)
    fill_evidence(sums_of(returns, excess), evidence)
    assume(np.std(excess) > 1e-6)
    assert evidence[8] == pytest.approx(stats.ttest_1samp(excess, 0.0).statistic, rel=1e-6, abs=1e-9)


@given(RETURNS)
def test_evidence_is_in_its_order(values):
    returns = np.array(values)
    evidence = np.empty(9)
    sums = sums_of(returns, returns)
    fill_evidence(sums, evidence)
    mean, deviation = mean_deviation(sums[BARS], sums[D1], sums[D2])
    assert evidence[:2].tolist() == [len(returns), 1.0]
    assert evidence[3:5].tolist() == [mean, deviation]
    assert evidence[2] == pytest.approx(np.prod(1 + returns) - 1)
    assert mean == pytest.approx(returns.mean(), abs=1e-15)
    assert deviation == pytest.approx(returns.std(ddof=1), abs=1e-8)


def test_a_bar_on_which_one_trade_ends_and_the_next_begins_is_one_bar_in_the_market():
    sums, path, descriptor = np.empty(SUMS), make_path(10), np.empty(3)
    clear(sums)
    for array in path[:4]:
        array[:] = 0.0
    path.equity[:] = 1.0
    path.trades[0, :3], path.trades[1, :3] = (1.0, 2, 4), (-1.0, 4, 5)
    add_path(path, 10, 2, 1.0, 4.0, sums)
    fill_descriptor(sums, descriptor)
    assert sums[TRADES] == 2
    assert descriptor.tolist() == [2.5, 0.4, 0.6]  # bars 2, 3, 4 and 4, 5: four of ten, three of five long


def test_recovery_is_profit_over_drawdown_within_its_limit():
    assert recovery_factor(0.3, 0.1) == pytest.approx(3.0)
    assert recovery_factor(-0.1, 0.2) == pytest.approx(-0.5)
    assert recovery_factor(0.3, 0.0) == RATIO_LIMIT
    assert recovery_factor(0.0, 0.0) == 0.0
    assert recovery_factor(5.0, 1e-9) == RATIO_LIMIT


def test_what_is_rounding_of_an_equity_is_neither_profit_nor_drawdown():
    assert recovery_factor(2.2e-16, 1.1e-16) == 0.0
    assert recovery_factor(-1.1e-16, 2.2e-16) == 0.0
    idle = np.where(np.arange(50) % 7 == 0, 1.1e-16, 0.0)
    sums = sums_of(idle)
    assert sharpe(sums[BARS], sums[S1], sums[S2], 16.0) == 0.0
    assert shape(sums[BARS], sums[S1], sums[S2], sums[S3], sums[S4]) == (0.0, 3.0)


def test_consistency_rewards_folds_that_agree():
    assert consistency(np.array([1.0, 1.0]), 2) == 1.0
    assert consistency(np.array([0.0, 2.0, 99.0]), 2) == 0.0


def test_a_flat_account_has_no_ratio_and_no_shape():
    sums = sums_of(np.zeros(50))
    assert mean_deviation(sums[BARS], sums[S1], sums[S2]) == (0.0, 0.0)
    assert shape(sums[BARS], sums[S1], sums[S2], sums[S3], sums[S4]) == (0.0, 3.0)
    assert conditional_value_at_risk(np.empty(0), 0) == 0.0
