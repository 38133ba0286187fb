"""Hand-made markets in which each gene of issue 2 changes the trades as documented."""

import numpy as np
import pytest

from common.backtest.costs import flat_costs


def on(bars: int, *true: int) -> list[bool]:
    return [bar in true for bar in range(bars)]


def test_a_signal_at_a_close_fills_at_the_next_open(market, genome, replayed):
    m = market([100, 101, 102, 103, 104], conditions=[on(5, 1), on(5, 3)])
    [trade] = replayed(m, genome(long_entry=[0], long_exit=[1])).trades
    assert (trade.entry_bar, trade.entry_price, trade.exit_bar, trade.exit_price) == (2, 102, 4, 104)
    assert trade.reason == "signal"
    assert trade.profit == pytest.approx(2 / 102)


def test_an_open_position_is_closed_at_the_last_close(market, genome, replayed):
    m = market([100, 100, 100], close=[100, 100, 110], high=[100, 100, 110], conditions=[on(3, 0)])
    [trade] = replayed(m, genome(long_entry=[0])).trades
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (2, 110, "end")


def test_the_stop_is_dead_on_the_entry_bar_and_live_on_the_next(market, genome, replayed):
    m = market([100] * 5, low=[100, 90, 100, 94, 100], conditions=[on(5, 0)])
    [trade] = replayed(m, genome(long_entry=[0], **{"exit.stop_distance": 5.0})).trades
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (3, 95, "stop")


def test_a_gap_through_the_stop_fills_at_the_open(market, genome, replayed):
    m = market([100, 100, 80, 80], high=[100, 100, 81, 81], low=[100, 100, 79, 79], conditions=[on(4, 0)])
    [trade] = replayed(m, genome(long_entry=[0], **{"exit.stop_distance": 5.0})).trades
    assert (trade.exit_bar, trade.exit_price) == (2, 80)


def test_a_gap_through_the_target_fills_at_the_better_open(market, genome, replayed):
    m = market([100, 100, 120, 120], conditions=[on(4, 0)])
    genes = {"exit.target_kind": "percent", "exit.target_distance": 10.0}
    [trade] = replayed(m, genome(long_entry=[0], **genes)).trades
    assert (trade.exit_price, trade.reason) == (120, "target")


@pytest.mark.parametrize(("direction", "sign"), [("long", 1), ("short", -1)])
def test_an_open_beyond_the_target_comes_before_the_stop_inside_the_bar(market, genome, replayed, direction, sign):
    far = 100 + sign * 20
    m = market([100, 100, far, 100], high=[100, 100, 120, 100], low=[100, 100, 80, 100], conditions=[on(4, 0)])
    genes = {"exit.stop_distance": 5.0, "exit.target_kind": "percent", "exit.target_distance": 10.0}
    entry = {f"{direction}_entry": [0], "entry.direction": direction}
    [trade] = replayed(m, genome(**entry, **genes)).trades
    assert (trade.exit_price, trade.reason) == (far, "target")


def test_of_stop_and_target_in_one_bar_the_stop_is_taken(market, genome, replayed):
    m = market([100] * 4, high=[100, 100, 120, 100], low=[100, 100, 90, 100], conditions=[on(4, 0)])
    genes = {"exit.stop_distance": 5.0, "exit.target_kind": "percent", "exit.target_distance": 10.0}
    [trade] = replayed(m, genome(long_entry=[0], **genes)).trades
    assert (trade.exit_price, trade.reason) == (95, "stop")


def test_a_signal_exit_at_the_open_comes_before_the_stop_inside_the_bar(market, genome, replayed):
    m = market([100] * 4, low=[100, 100, 90, 100], conditions=[on(4, 0), on(4, 1)])
    [trade] = replayed(m, genome(long_entry=[0], long_exit=[1], **{"exit.stop_distance": 5.0})).trades
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (2, 100, "signal")


def test_the_time_exit_counts_bars_from_the_entry(market, genome, replayed):
    m = market([100] * 8, conditions=[on(8, 0)])
    [trade] = replayed(m, genome(long_entry=[0], **{"exit.time_exit_bars": 3})).trades
    assert (trade.entry_bar, trade.exit_bar, trade.reason) == (1, 4, "time")


def test_a_trailing_stop_follows_the_high_and_never_loosens(market, genome, replayed):
    high = [100, 100, 120, 110, 112, 110]
    m = market([100, 100, 100, 109, 111, 109], high=high, low=[100, 100, 100, 109, 109, 100], conditions=[on(6, 0)])
    genes = {"exit.stop_distance": 20.0, "exit.trail_kind": "percent", "exit.trail_distance": 10.0}
    [trade] = replayed(m, genome(long_entry=[0], **genes)).trades
    # Highest high 120, ten percent below it is 108: live from the bar after, hit on the bar whose low is 100.
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (5, 108, "trail")


@pytest.mark.parametrize(("kind", "stop"), [("percent", 96.0), ("atr", 92.0)])
def test_the_stop_distance_is_percent_or_multiples_of_the_atr(market, genome, replayed, kind, stop):
    m = market([100] * 4, low=[100, 100, 80, 100], atr=2.0, conditions=[on(4, 0)])
    [trade] = replayed(m, genome(long_entry=[0], **{"exit.stop_kind": kind, "exit.stop_distance": 4.0})).trades
    assert trade.exit_price == stop


@pytest.mark.parametrize(("kind", "target"), [("percent", 103.0), ("atr", 106.0), ("stop_multiple", 112.0)])
def test_the_target_distance_is_percent_atr_or_a_multiple_of_the_stop(market, genome, replayed, kind, target):
    m = market([100] * 4, high=[100, 100, 140, 100], atr=2.0, conditions=[on(4, 0)])
    genes = {"exit.stop_distance": 4.0, "exit.target_kind": kind, "exit.target_distance": 3.0}
    [trade] = replayed(m, genome(long_entry=[0], **genes)).trades
    assert trade.exit_price == target


def test_a_stop_is_never_further_than_half_the_price(market, genome, replayed):
    m = market([100] * 4, low=[100, 100, 40, 100], atr=30.0, conditions=[on(4, 0)])
    genes = {"exit.stop_kind": "atr", "exit.stop_distance": 20.0}
    [trade] = replayed(m, genome(long_entry=[0], **genes)).trades
    assert trade.exit_price == 50


def test_without_a_known_atr_there_is_no_stop_and_so_no_trade(market, genome, replayed):
    m = market([100] * 4, atr=float("nan"), conditions=[on(4, 0)])
    assert replayed(m, genome(long_entry=[0], **{"exit.stop_kind": "atr"})).trades == []


@pytest.mark.parametrize("volatility", [float("nan"), 0.0])
def test_without_a_known_volatility_a_volatility_target_does_not_trade(market, genome, replayed, volatility):
    m = market([100] * 4, volatility=volatility, conditions=[on(4, 0)])
    assert replayed(m, genome(long_entry=[0], **{"risk.sizing": "volatility_target"})).trades == []


def test_a_short_position_mirrors_a_long_one(market, genome, replayed):
    m = market([100, 100, 90, 90], high=[100, 100, 90, 96], low=[100, 100, 90, 90], conditions=[on(4, 0), on(4, 1)])
    [trade] = replayed(m, genome(short_entry=[0], short_exit=[1], **{"entry.direction": "short"})).trades
    assert (trade.side, trade.entry_price, trade.exit_price) == (-1, 100, 90)
    assert trade.profit == pytest.approx(0.1)


def test_the_direction_silences_the_other_side(market, genome, replayed):
    m = market([100] * 6, conditions=[on(6, 0), on(6, 2)])
    genes = {"long_entry": [0], "short_entry": [1], "exit.time_exit_bars": 1}
    sides = {
        direction: [trade.side for trade in replayed(m, genome(**genes, **{"entry.direction": direction})).trades]
        for direction in ("long", "short", "both")
    }
    assert sides == {"long": [1], "short": [-1], "both": [1, -1]}


def test_a_bar_that_asks_for_both_sides_enters_none(market, genome, replayed):
    m = market([100] * 5, conditions=[on(5, 1)])
    assert replayed(m, genome(long_entry=[0], short_entry=[0], **{"entry.direction": "both"})).trades == []


def test_a_bar_that_leaves_a_side_does_not_enter_it(market, genome, replayed):
    m = market([100] * 5, conditions=[on(5, 1)])
    assert replayed(m, genome(long_entry=[0], long_exit=[0])).trades == []


def test_a_position_may_be_reversed_at_one_open(market, genome, replayed):
    m = market([100] * 6, conditions=[on(6, 0), on(6, 2)])
    found = replayed(m, genome(long_entry=[0], long_exit=[1], short_entry=[1], **{"entry.direction": "both"})).trades
    assert [(t.side, t.entry_bar, t.exit_bar) for t in found] == [(1, 1, 3), (-1, 3, 5)]


@pytest.mark.parametrize("gene", ["regime.allowed", "time.hours", "time.weekdays", "time.months"])
def test_masks_let_only_signals_of_their_bars_enter(market, genome, replayed, gene):
    label = {"regime.allowed": "regime", "time.hours": "hour", "time.weekdays": "weekday", "time.months": "month"}[gene]
    m = market([100] * 6, conditions=[on(6, 0, 3)], **{label: [0, 0, 0, 1, 0, 0]})
    entries = [
        [
            trade.entry_bar
            for trade in replayed(m, genome(long_entry=[0], **{gene: mask, "exit.time_exit_bars": 1})).trades
        ]
        for mask in (0b11, 0b01, 0b10)
    ]
    assert entries == [[1, 4], [1], [4]]


@pytest.mark.parametrize(
    ("genes", "value"),
    [
        ({"risk.sizing": "fixed_fraction", "risk.fraction": 0.5}, 0.5),
        ({"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.01, "exit.stop_distance": 4.0}, 0.25),
        ({"risk.sizing": "volatility_target", "risk.volatility_target": 0.1}, 0.5),
        ({"risk.sizing": "fixed_units", "risk.fraction": 0.5}, 0.5),
        ({"risk.sizing": "fixed_risk", "risk.risk_per_trade": 0.03, "exit.stop_distance": 0.5}, 1.0),
        (
            {
                "risk.sizing": "fixed_risk",
                "risk.risk_per_trade": 0.03,
                "exit.stop_distance": 0.5,
                "risk.leverage_max": 3.0,
            },
            3.0,
        ),
    ],
)
def test_sizing_sets_the_value_of_the_position_below_the_leverage_cap(market, genome, replayed, genes, value):
    m = market([100] * 4, conditions=[on(4, 0)])
    [trade] = replayed(m, genome(long_entry=[0], **genes)).trades
    assert trade.units * trade.entry_price == pytest.approx(value, rel=1e-6)


def test_fixed_units_stay_constant_while_fixed_fraction_compounds(market, genome, replayed):
    prices = [100, 100, 200, 200, 200, 200]
    m = market(prices, conditions=[on(6, 0, 2), on(6, 1, 3)])
    genes = {"long_entry": [0], "long_exit": [1], "risk.fraction": 0.5, "exit.stop_distance": 20.0}
    units = {
        sizing: [trade.units for trade in replayed(m, genome(**genes, **{"risk.sizing": sizing})).trades]
        for sizing in ("fixed_units", "fixed_fraction")
    }
    assert units["fixed_units"] == [0.005, 0.005]
    assert units["fixed_fraction"] == [0.005, 0.5 * 1.5 / 200]


def test_a_market_fill_pays_concession_and_taker_fee_and_a_target_the_maker_fee(market, genome, replayed):
    costs = flat_costs(maker_fee_bps=10, taker_fee_bps=20, spread_bps=40, slippage_bps=10)
    m = market([100, 100, 100, 110], high=[100, 100, 100, 112], conditions=[on(4, 0)])
    genes = {"exit.target_kind": "percent", "exit.target_distance": 10.0}
    [trade] = replayed(m, genome(long_entry=[0], **genes), costs).trades
    paid = 100 * 1.003
    expected = 0.01 * (110 * (1 - 0.001) - paid * (1 + 0.002))
    assert trade.profit == pytest.approx(expected)
    assert (trade.entry_price, trade.exit_price) == (100, 110)


def test_a_ruined_account_stops_at_zero(market, genome, replayed):
    m = market([100, 100, 100, 900, 900, 900, 900], conditions=[on(7, 0, 4)])
    found = replayed(m, genome(short_entry=[0], **{"entry.direction": "short"}))
    assert len(found.trades) == 1
    assert found.equity.tolist() == [1, 1, 1, 0, 0, 0, 0]


def test_equity_is_the_chain_of_trade_profits_and_is_marked_at_each_close(market, genome, replayed):
    m = market([100, 100, 110, 110, 121], conditions=[on(5, 0), on(5, 3)])
    found = replayed(m, genome(long_entry=[0], long_exit=[1], **{"exit.stop_distance": 20.0}))
    assert found.equity.tolist() == pytest.approx([1, 1, 1.1, 1.1, 1.21])
    # Value at work over the equity before the position was taken: at the entry 1, after the close of 110 a tenth more.
    assert found.exposure.tolist() == pytest.approx([0, 1, 1, 1.1, 1.1])
    assert found.equity[-1] == pytest.approx(np.prod([1 + trade.profit for trade in found.trades]))


@pytest.mark.parametrize(("side", "worst"), [("long", 90), ("short", 115)])
def test_where_the_open_copies_the_close_before_a_stop_fills_at_the_worst_price(market, genome, replayed, side, worst):
    m = market([100] * 4, high=[100, 100, 115, 100], low=[100, 100, 90, 100], conditions=[[True, False, False, False]])
    stale = m._replace(stale=np.array([0, 0, 1, 0], np.uint8))
    trader = genome(**{f"{side}_entry": [0], "entry.direction": side, "exit.stop_distance": 5.0})
    [kind] = replayed(m, trader).trades
    [told] = replayed(stale, trader).trades
    assert (kind.exit_price, told.exit_price, told.reason) == (95 if side == "long" else 105, worst, "stop")
