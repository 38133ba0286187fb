"""The tests of the leaderboard: Holm's correction, the paired bootstrap, and the same trades at random times."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from statsmodels.stats.multitest import multipletests

from common.random import new_stream
from standalone.leaderboard_statistics import _gaps, compare, holm, random_entries

KEY = np.uint64(5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    wanted = multipletests(np.array(values), method="holm")[1]
    assert np.allclose(holm(np.array(values)), wanted)


def test_two_strategies_of_equal_merit_are_seldom_told_apart() -> None:
    draws = np.random.Generator(np.random.Philox(1))
    alarms = 0
    for number in range(400):
        market = draws.standard_t(5, 250)
        first, second = (0.01 * (market + draws.standard_t(5, 250)) for _ in range(2))
        alarms += compare(first, second, 252.0, 3, number, 199).p_value <= 0.05
    assert 4 <= alarms <= 34  # 5 % of 400 is 20, with a deviation of 4.4: a little more than its share is known of it


def test_a_better_strategy_is_found_and_the_interval_holds_the_difference() -> None:
    draws = np.random.Generator(np.random.Philox(2))
    market = 0.01 * draws.standard_normal(1000)
    better = market + 0.002 + 0.001 * draws.standard_normal(1000)
    found = compare(better, market, 252.0, 3, 0, 999)
    assert found.p_value == 0.001
    assert found.low < found.difference < found.high
    assert found.difference > 2.5


def test_a_strategy_is_not_better_than_itself_and_two_days_say_nothing() -> None:
    days = np.random.Generator(np.random.Philox(3)).standard_normal(100)
    assert compare(days, days, 252.0, 3, 0, 99).p_value == 1.0
    assert compare(days[:2], days[2:4], 252.0, 3, 0, 99).p_value == 1.0


def test_idle_bars_are_spread_in_every_way_alike() -> None:
    seen = dict.fromkeys(((a, b) for a in range(4) for b in range(4 - a)), 0)
    for draw in range(6000):
        gaps = _gaps(new_stream(KEY, 0, 0, draw), 3, 2)
        seen[int(gaps[0]), int(gaps[1])] += 1
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_one_trade_over_the_whole_span_earns_what_the_market_does() -> None:
    draws = np.random.Generator(np.random.Philox(4))
    close = 100 * np.exp(np.cumsum(0.01 * draws.standard_normal(30)))
    open_ = np.append(100.0, close[:-1]) * 1.001
    returns = np.empty(30)
    worth, costs = np.array([0.5]), np.array([0.003])
    random_entries(new_stream(KEY, 0, 0, 0), open_, close, np.array([30]), worth, costs, returns)
    assert np.isclose(returns.sum(), 0.5 * (close[-1] / open_[0] - 1) - 0.003)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_trades_at_random_times_keep_their_bars_and_their_costs(lengths: list[int], draw: int) -> None:
    bars, worth = np.array(lengths), np.ones(len(lengths))
    steps = np.arange(100, dtype=np.float64)
    costs, returns = np.full(len(lengths), 1e-3), np.empty(100)
    flat = np.full(100, 50.0)
    random_entries(new_stream(KEY, 0, 0, draw), flat, flat, bars, worth, costs, returns)
    assert np.isclose(returns.sum(), -costs.sum())
    assert (returns < 0).sum() == len(lengths)
    random_entries(new_stream(KEY, 0, 0, draw), 1e9 + steps - 1, 1e9 + steps, bars, worth, 0 * costs, returns)
    assert round(returns.sum() * 1e9) == np.maximum(bars, 1).sum()  # a price that rises by the same in each bar
