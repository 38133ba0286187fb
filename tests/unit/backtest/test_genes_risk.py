"""Each gene of how much is risked, on rounds of trades with known gains."""

import numpy as np
import pytest

from tests.unit.backtest.gene_markets import ROUND, SIDES, about, on, pins, play, rounds, shares

STOP_4 = {"exit.stop_distance": 4.0}


@pins("risk.sizing", "risk.fraction", "risk.risk_per_trade", "risk.volatility_target")
@pytest.mark.parametrize(
    ("genes", "value"),
    [
        ({"risk.sizing": "fixed_fraction", "risk.fraction": 0.5}, 0.5),
        ({"risk.sizing": "fixed_fraction", "risk.fraction": 0.25}, 0.25),
        # What is lost at the stop, over how far that is: 0.03 / 0.04, 0.01 / 0.04, 0.01 / 0.1.
        ({"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.03}, 0.75),
        ({"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.01}, 0.25),
        ({"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.01, "exit.stop_distance": 10.0}, 0.1),
        # Over the volatility of 0.4 that is known at the signal.
        ({"risk.sizing": "volatility_target", "risk.volatility_target": 0.1}, 0.25),
        ({"risk.sizing": "volatility_target", "risk.volatility_target": 0.36}, 0.9),
        # As many units as the fraction bought at the first open of the fold, 100; at the entry one is worth 80.
        ({"risk.sizing": "fixed_units", "risk.fraction": 0.5}, 0.4),
        ({"risk.sizing": "fixed_units", "risk.fraction": 1.0}, 0.8),
    ],
)
@pytest.mark.parametrize(("side", "logic"), SIDES)
def test_the_sizing_sets_the_value_of_the_position(market, genome, arena_of, side, logic, genes, value):
    m = market([100, 80, 80 + side * 8, 80], volatility=[0.4, 0.2, 0.2, 0.2], conditions=[on(4, 0), on(4, 1)])
    [trade] = play(arena_of(m), genome(**{**logic, **STOP_4, **genes}))
    assert trade.units * 80 == about(value)
    assert trade.profit == about(0.1 * value)


@pins("risk.sizing")
@pytest.mark.parametrize(
    ("sizing", "second"), [("fixed_fraction", 0.5), ("fixed_units", 0.5 / 1.05), ("fixed_risk", 0.05)]
)
def test_only_fixed_units_stay_as_they_are_when_equity_grows(market, genome, arena_of, sizing, second):
    gains = [0.1, 0.1]
    genes = {"risk.sizing": sizing, "risk.fraction": 0.5, "risk.risk_per_trade": 0.01}
    first, then = shares(play(arena_of(rounds(market, gains)), genome(**{**ROUND, **genes})), gains)
    assert first == about(0.05 if sizing == "fixed_risk" else 0.5)
    assert then == about(second)


@pins("risk.leverage_max")
@pytest.mark.parametrize("leverage", [0.25, 1.0, 2.5, 3.0])
@pytest.mark.parametrize(("side", "logic"), SIDES)
def test_no_position_is_above_the_leverage_cap(market, genome, arena_of, side, logic, leverage):
    # 0.03 at risk over a stop of half a percent asks for six times the equity.
    genes = {"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.03, "exit.stop_distance": 0.5}
    m = market([100, 100, 100 + side, 100], conditions=[on(4, 0), on(4, 1)])
    [trade] = play(arena_of(m), genome(**logic, **genes, **{"risk.leverage_max": leverage}))
    assert trade.profit == about(0.01 * leverage)


@pins("risk.budget")
@pytest.mark.parametrize("budget", [0.25, 0.5, 1.0])
@pytest.mark.parametrize(
    ("genes", "whole"),
    [
        ({"risk.fraction": 0.8}, 0.8),
        ({"risk.sizing": "fixed_units", "risk.fraction": 0.8}, 0.8),
        ({"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.02}, 0.5),
        ({"risk.sizing": "volatility_target", "risk.volatility_target": 0.12}, 0.6),
        ({"risk.leverage_max": 0.5}, 0.5),  # the cap as well is a multiple of the budget
    ],
)
def test_sizes_and_the_cap_relate_to_the_budget(market, genome, arena_of, genes, whole, budget):
    m = market([100, 100, 110, 110], conditions=[on(4, 0), on(4, 1)])
    logic = {"long_entry": [0], "long_exit": [1]}
    [trade] = play(arena_of(m), genome(**{**logic, **STOP_4, **genes, "risk.budget": budget}))
    assert trade.profit == about(0.1 * whole * budget)


@pins("risk.drawdown_brake")
@pytest.mark.parametrize(
    ("brake", "expected"),
    [
        (1.0, [1.0, 1.0, 1.0, 1.0]),
        (0.15, [1.0, 1.0, 1.0, 1.0]),
        # Equity: 1, 0.9, then 0.9 × 1.1 = 0.99 at half size, less than 0.05 below the peak, then 1.089, a new peak.
        (0.05, [1.0, 0.5, 1.0, 1.0]),
    ],
)
def test_size_is_halved_while_equity_is_that_far_below_its_peak(market, genome, arena_of, brake, expected):
    gains = [-0.1, 0.2, 0.1, -0.1]
    found = play(arena_of(rounds(market, gains)), genome(**ROUND, **{"risk.drawdown_brake": brake}))
    assert shares(found, gains) == about(expected)


@pins("risk.drawdown_brake")
def test_the_brake_measures_from_the_peak_and_not_from_the_start(market, genome, arena_of):
    # After 1.2 × 0.9 = 1.08 equity is above its start and a tenth below its peak.
    gains = [0.2, -0.1, 0.1]
    found = play(arena_of(rounds(market, gains)), genome(**ROUND, **{"risk.drawdown_brake": 0.09}))
    assert shares(found, gains) == about([1.0, 1.0, 0.5])


@pins("risk.recovery")
@pytest.mark.parametrize(
    ("recovery", "factors"),
    [
        ("none", [1, 1, 1, 1, 1, 1, 1, 1]),
        ("reduce_after_loss", [1, 0.5, 0.25, 0.125, 0.125, 0.125, 1, 0.5]),
        ("increase_after_loss", [1, 1.5, 2.25, 3.375, 3.375, 3.375, 1, 1.5]),
    ],
)
def test_size_changes_with_up_to_three_losses_in_a_row(market, genome, arena_of, recovery, factors):
    gains = [-0.1, -0.1, -0.1, -0.1, -0.1, 0.1, -0.1, 0.1]
    genes = {"risk.fraction": 0.25, "risk.recovery": recovery}
    found = play(arena_of(rounds(market, gains)), genome(**ROUND, **genes))
    assert shares(found, gains) == about([0.25 * factor for factor in factors])


@pins("risk.recovery")
def test_recovery_never_lifts_a_position_above_the_cap(market, genome, arena_of):
    gains = [-0.01] * 5
    genes = {"risk.fraction": 1.0, "risk.leverage_max": 2.0, "risk.recovery": "increase_after_loss"}
    found = play(arena_of(rounds(market, gains)), genome(**ROUND, **genes))
    assert shares(found, gains) == about([1.0, 1.5, 2.0, 2.0, 2.0])


@pins("risk.kelly")
@pytest.mark.parametrize(("kelly", "share"), [("off", None), ("half", 0.5), ("quarter", 0.25)])
def test_from_ten_trades_on_size_is_capped_at_a_share_of_mean_over_variance(market, genome, arena_of, kelly, share):
    # Ten trades of +0.2 and -0.15 in turn: mean 0.025, variance 0.175² = 0.030625, Kelly fraction 0.81633.
    gains = [0.2, -0.15] * 6
    found = shares(play(arena_of(rounds(market, gains)), genome(**ROUND, **{"risk.kelly": kelly})), gains)
    assert found[:10] == about([1.0] * 10)
    if share is None:
        assert found[10:] == about([1.0, 1.0])
    else:
        eleven = np.array(gains[:11])
        assert found[10] == about(share * 0.025 / 0.030625)
        assert found[11] == about(share * eleven.mean() / eleven.var())


@pins("risk.kelly")
def test_the_cap_bites_only_below_what_is_wanted_and_never_below_a_twentieth(market, genome, arena_of):
    small = [0.2, -0.15] * 6  # half of the fraction is 0.408
    genes = {"risk.kelly": "half", "risk.fraction": 0.375}
    assert shares(play(arena_of(rounds(market, small)), genome(**ROUND, **genes)), small) == about([0.375] * 12)
    losing = [0.1, -0.15] * 6  # the fraction is negative
    found = shares(play(arena_of(rounds(market, losing)), genome(**ROUND, **{"risk.kelly": "half"})), losing)
    assert found == about([1.0] * 10 + [0.05] * 2)


@pins("risk.kelly")
def test_the_cap_judges_a_trade_by_its_gain_on_the_money_in_it(market, genome, arena_of):
    # At a tenth of the size the gains on equity would be a tenth, and mean over variance ten times as much.
    gains = [0.2, -0.19] * 6  # mean 0.005, variance 0.195² = 0.038025: half of 0.13149
    found = play(arena_of(rounds(market, gains)), genome(**ROUND, **{"risk.kelly": "half", "risk.fraction": 0.1}))
    assert shares(found, gains)[:10] == about([0.1] * 10)
    assert shares(found, gains)[10] == about(0.5 * 0.005 / 0.038025)
