"""Stress scenarios do what their names say, are made of the given bars alone, and are valid whatever those are."""

from functools import cache

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.tsa.stattools import acf

from common.errors import DataError
from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.shapes import shapes_of
from common.market.stress import (
    BLOCK_BARS,
    CRASH_FACTOR,
    GAPS,
    SCENARIO_BARS,
    STRETCH_BARS,
    WARMUP_BARS,
    Scenario,
    scenarios,
    stationary_places,
)
from common.random import new_stream
from tests.unit.market.real import needs_files, real_markets, shared
from tests.unit.market.samples import constant, walk

NAMES = ["crash", "gaps", "turbulence", "bootstrap", "synthetic"]
MARKETS = [bars.until(2500) for bars in real_markets()]
FIELDS = ("open", "high", "low", "close", "volume", "ts_us")
LENGTHS_US = [HOUR_US, 5 * HOUR_US, DAY_US, 30 * DAY_US]
markets = pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)


@cache
def made(market: int) -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in scenarios(MARKETS[market])}


def of(bars: Bars, name: str) -> Scenario:
    return made(MARKETS.index(bars))[name]


def returns(scenario: Scenario) -> np.ndarray:
    return np.diff(np.log(scenario.bars.close[scenario.first - 1 :]))


def check(bars: Bars) -> None:
    found = scenarios(bars)
    assert [scenario.name for scenario in found] == NAMES
    for scenario in found:
        assert scenario.first == min(len(bars), WARMUP_BARS)
        assert len(scenario.bars) == scenario.first + SCENARIO_BARS  # valid, or Bars would have refused them
        assert scenario.bars.bar_us == bars.bar_us
        for field in FIELDS:
            warmup = getattr(scenario.bars, field)[: scenario.first]
            np.testing.assert_array_equal(warmup, getattr(bars, field)[-scenario.first :])
        assert scenario.bars.volume[scenario.first :].any() <= bars.volume.any()


@markets
def test_scenarios_follow_the_real_bars(bars: Bars) -> None:
    check(bars)


@given(
    st.integers(2, 1500),
    st.integers(0, 10_000),
    st.sampled_from([HOUR_US, 5 * HOUR_US, DAY_US, 30 * DAY_US]),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_any_history_of_two_bars_or_more_has_valid_scenarios(
    bars: int, seed: int, bar_us: int, with_volume: bool
) -> None:
    check(walk(bars, seed, bar_us=bar_us, with_volume=with_volume))


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=60), st.floats(0, 1e12))
@settings(max_examples=50, deadline=None)
def test_prices_that_leap_by_millions_have_valid_scenarios(logs: list[float], volume: float) -> None:
    price = np.exp(np.array(logs))
    ts_us = HOUR_US * np.arange(len(price))
    check(Bars("x", ts_us, price, price, price, price, np.where(ts_us % 2 == 0, volume, 0.0), HOUR_US))


def test_one_bar_is_refused() -> None:
    with pytest.raises(DataError, match="give at least 2"):
        scenarios(constant(1))


def test_a_price_that_stands_still_moves_only_in_crash_and_gaps() -> None:
    moved = {scenario.name: np.abs(returns(scenario)).max() for scenario in scenarios(constant(100))}
    assert moved["crash"] == pytest.approx(0.05)
    assert 0.06 <= moved["gaps"] <= 0.12
    assert moved["turbulence"] == moved["bootstrap"] == moved["synthetic"] == 0


@markets
def test_the_same_bars_give_the_same_scenarios_and_others_give_others(bars: Bars) -> None:
    again = {scenario.name: scenario for scenario in scenarios(bars)}
    other = {scenario.name: scenario for scenario in scenarios(bars.until(2499))}
    for name in NAMES:
        assert again[name].bars.digest == of(bars, name).bars.digest
        assert other[name].bars.digest != of(bars, name).bars.digest


@given(st.integers(2, 400), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_bars_after_the_given_ones_change_nothing(cut: int, seed: int) -> None:
    full = walk(500, seed)
    shaken = Bars(
        full.name,
        full.ts_us,
        *(
            np.where(np.arange(500) < cut, column, 2 * column)
            for column in (full.open, full.high, full.low, full.close)
        ),
        full.volume,
        full.bar_us,
    )
    for one, other in zip(scenarios(full.until(cut)), scenarios(shaken.until(cut)), strict=True):
        assert one.bars.digest == other.bars.digest


@markets
def test_a_crash_falls_by_what_is_documented(bars: Bars) -> None:
    crash = of(bars, "crash")
    history = np.diff(np.log(bars.close))
    worst = min(history[first : first + STRETCH_BARS].sum() for first in range(len(history) - STRETCH_BARS + 1))
    fall = min(max(20 * history.std(), 0.05), 0.7)
    moves = returns(crash)
    depth = moves[80 : 80 + STRETCH_BARS].sum()
    assert depth == pytest.approx(CRASH_FACTOR * worst - fall, rel=1e-9)
    assert depth < worst - 0.1
    assert moves.argmin() == 100
    assert moves.min() < history.min()
    assert (crash.spread_factor, crash.volatility_factor) == (3.0, 1.5)


@markets
def test_gaps_jump_through_a_stop_of_five_percent_on_either_side(bars: Bars) -> None:
    gaps = of(bars, "gaps")
    before = gaps.bars.close[gaps.first - 1 : -1]
    opened = gaps.bars.open[gaps.first :]
    assert (opened < 0.95 * before).sum() == (opened > 1.05 * before).sum() == GAPS // 2
    assert gaps.spread_factor == 2.0


@markets
def test_only_the_gaps_differ_from_what_was(bars: Bars) -> None:
    gaps = of(bars, "gaps").bars
    same = np.isclose(np.log(gaps.open[2500:] / gaps.close[2499:-1]), np.log(bars.open[2300:] / bars.close[2299:-1]))
    assert (~same).sum() == GAPS
    np.testing.assert_allclose(gaps.high[2500:] / gaps.low[2500:], bars.high[2300:] / bars.low[2300:])


@needs_files
def test_gaps_of_an_exchange_come_with_a_night() -> None:
    bars = scenarios(shared("SPY-1h").until(4000))[1].bars
    opened = np.diff(bars.ts_us)[3999:] > HOUR_US
    jumped = np.abs(np.log(bars.open[4000:] / bars.close[3999:-1])) > 0.05
    assert jumped.sum() == GAPS
    assert opened[jumped].all()


@markets
def test_turbulence_has_three_times_the_volatility_and_the_same_drift(bars: Bars) -> None:
    turbulence = of(bars, "turbulence")
    history = np.diff(np.log(bars.close))[-SCENARIO_BARS:]
    assert returns(turbulence).std() == pytest.approx(3 * history.std(), rel=1e-9)
    assert returns(turbulence).sum() == pytest.approx(history.sum(), abs=1e-9)
    assert np.corrcoef(returns(turbulence), history)[0, 1] == pytest.approx(1.0)
    assert (turbulence.spread_factor, turbulence.volatility_factor) == (5.0, 3.0)


@markets
def test_the_bootstrap_keeps_the_moments_as_that_of_arch_does(bars: Bars) -> None:
    history = shapes_of(bars)
    columns = np.column_stack((history.returns, history.gap, history.high - history.low, history.volume))
    theirs = StationaryBootstrap(BLOCK_BARS, columns, seed=3)
    moments = np.array(
        [
            np.concatenate((sample[:SCENARIO_BARS].mean(axis=0), sample[:SCENARIO_BARS].std(axis=0)))
            for (sample,), _ in theirs.bootstrap(1000)
        ]
    )
    places = [
        stationary_places(new_stream(np.uint64(seed), 0, 0, 0), len(columns), SCENARIO_BARS, BLOCK_BARS)
        for seed in range(1000)
    ]
    ours = np.array([np.concatenate((columns[p].mean(axis=0), columns[p].std(axis=0))) for p in places])
    error = moments.std(axis=0) * (2 / 1000) ** 0.5
    assert (np.abs(ours.mean(axis=0) - moments.mean(axis=0)) < 4 * error).all()
    np.testing.assert_allclose(ours.std(axis=0), moments.std(axis=0), rtol=0.15)
    scenario = shapes_of(of(bars, "bootstrap").bars).pick(np.arange(2499, 2699))
    one = np.column_stack((scenario.returns, scenario.gap, scenario.high - scenario.low))
    found = np.concatenate((one.mean(axis=0), one.std(axis=0)))
    kept = [0, 1, 2, 4, 5, 6]
    low, high = np.quantile(moments[:, kept], [0.0005, 0.9995], axis=0)
    assert ((low <= found) & (found <= high)).all()


@markets
def test_bars_of_the_bootstrap_are_whole_bars_of_history(bars: Bars) -> None:
    def joint(of_bars: Bars, first: int) -> np.ndarray:
        shapes = shapes_of(of_bars)
        return np.column_stack((shapes.gap, shapes.high, shapes.low, shapes.close))[first:]

    history = {tuple(row) for row in joint(bars, 0).round(9)}
    assert {tuple(row) for row in joint(of(bars, "bootstrap").bars, 2499).round(9)} <= history


def test_blocks_have_their_mean_length() -> None:
    places = stationary_places(new_stream(np.uint64(4), 0, 0, 0), 1000, 100_000, BLOCK_BARS)
    starts = (np.diff(places) % 1000 != 1).mean()
    assert starts == pytest.approx(1 / BLOCK_BARS, rel=0.06)
    assert np.bincount(places, minlength=1000).min() > 0


@markets
def test_synthetic_paths_have_the_volatility_of_history_in_clusters(bars: Bars) -> None:
    def memory(moves: np.ndarray) -> float:
        return float(acf(np.abs(moves), nlags=10)[1:].mean())

    # One path of 200 bars says little: eighty, from histories that end one bar apart.
    paths = [returns(scenarios(bars.until(end))[4]) for end in range(2421, 2501)]
    shuffled = [np.random.default_rng(seed).permutation(moves) for seed, moves in enumerate(paths)]
    assert 0.7 < np.mean([moves.std() for moves in paths]) / np.diff(np.log(bars.close)).std() < 1.3
    assert np.mean([memory(moves) for moves in paths]) > 0.05
    assert abs(np.mean([memory(moves) for moves in shuffled])) < 0.015
