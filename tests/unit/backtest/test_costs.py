"""Each field of a venue changes a fill computed by hand by exactly the documented amount."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.backtest.costs import CONCESSION_MAX, Venue, concession, cost_table, largest_value, venue_of

DAY_MS = 86_400_000.0


def on(bars, *true):
    return [bar in true for bar in range(bars)]


@pytest.fixture
def bought(market, genome, replayed):
    """One long trade over half the equity: bought at 100, held over closes of 100 and 104, sold at 110 by a signal."""

    def trade(venue, account=0.0, genes=None, **known):
        size = {"risk.fraction": 0.5, "exit.stop_distance": 20.0}
        closes = [100, 100, 104, 110, 110]
        m = market([100, 100, 100, 110, 110], close=closes, conditions=[on(5, 0), on(5, 2)], **known)
        made = genome(long_entry=[0], long_exit=[1], **size, **(genes or {}))
        [found] = replayed(m, made, cost_table(account, [venue] * 3)).trades
        assert (found.entry_price, found.exit_price) == (100, 110)
        return found

    return trade


def profit(concession_in, concession_out=None, fee=0.0, units=0.005):
    """Of the trade above, from the shares that its market orders concede."""
    paid = units * 100 * (1 + concession_in)
    received = units * 110 * (1 - (concession_in if concession_out is None else concession_out))
    return received - paid - fee * (received + paid)


def test_nothing_costs_nothing(bought):
    assert bought({}).profit == pytest.approx(0.05, abs=1e-15)


def test_the_taker_fee_is_on_what_market_orders_pay_and_receive(bought):
    assert bought({"taker_fee_bps": 20}).profit == pytest.approx(profit(0, fee=0.002), abs=1e-15)
    both = bought({"taker_fee_bps": 20, "slippage_bps": 100})
    assert both.profit == pytest.approx(profit(0.01, fee=0.002), abs=1e-15)


def test_market_orders_pay_half_the_spread_and_the_slippage_times_the_spread_factor(bought):
    assert bought({"spread_bps": 40}).profit == pytest.approx(profit(0.002), abs=1e-15)
    assert bought({"slippage_bps": 40}).profit == pytest.approx(profit(0.004), abs=1e-15)
    wide = bought({"spread_bps": 40, "slippage_bps": 40}, spread=[3, 3, 5, 5, 5])
    assert wide.profit == pytest.approx(profit(0.018, 0.030), abs=1e-15)


def test_slippage_grows_with_the_volatility_of_one_bar_known_before(bought):
    found = bought({"slippage_volatility": 0.1}, move=[0.25, 9, 0.5, 9, 9])
    assert found.profit == pytest.approx(profit(0.025, 0.05), abs=1e-15)


def test_impact_is_the_root_of_the_share_of_volume_times_volatility(bought):
    found = bought({"impact": 0.8}, account=1e6, volume=5e7, move=0.25)
    first, last = (0.8 * 0.25 * math.sqrt(value * 1e6 / 5e7) for value in (0.5, 0.55))
    assert found.profit == pytest.approx(profit(first, last), abs=1e-15)


@pytest.mark.parametrize(("account", "volume"), [(0.0, 5e7), (1e6, 0.0)])
def test_no_account_or_no_volume_means_no_impact_and_no_limit_to_an_order(bought, account, volume):
    found = bought({"impact": 0.8, "participation_max": 1e-6}, account=account, volume=volume)
    assert found.profit == pytest.approx(profit(0), abs=1e-15)


def test_a_hidden_half_of_an_order_lessens_its_impact_by_a_quarter(bought):
    found = bought({"impact": 0.8}, 1e6, {"execution.iceberg_fraction": 0.5}, volume=5e7, move=0.25)
    first, last = (0.75 * 0.8 * 0.25 * math.sqrt(value * 1e6 / 5e7) for value in (0.5, 0.55))
    assert found.profit == pytest.approx(profit(first, last), abs=1e-15)


def test_latency_costs_what_a_price_moves_in_its_draw(bought):
    found = bought({"latency_ms": 0.01 * DAY_MS}, late=[4, 0, 1, 0, 0], move=0.25)
    assert found.profit == pytest.approx(profit(0.25 * 0.2, 0.25 * 0.1), abs=1e-15)


def test_participation_takes_part_of_an_order(bought):
    found = bought({"participation_max": 0.05}, account=1e6, volume=4e6)
    assert found.units * 100 == 0.2  # 5 % of 4 million, of an account of one million
    assert found.profit == pytest.approx(profit(0, units=0.002), abs=1e-15)


@pytest.mark.parametrize("days", [1.0, 7 / 5, 1 / 24])
def test_funding_accrues_on_the_value_at_every_close_held_over(bought, days):
    found = bought({"funding_long_bps_day": 10, "funding_short_bps_day": 999}, days=days)
    assert found.profit == pytest.approx(profit(0) - 0.005 * (100 + 104) * 0.001 * days, abs=1e-15)


def test_a_short_position_pays_its_own_funding_and_concedes_downwards(market, genome, replayed):
    closes = [100, 100, 96, 90, 90]
    m = market([100, 100, 100, 90, 90], close=closes, conditions=[on(5, 0), on(5, 2)])
    made = genome(short_entry=[0], short_exit=[1], **{"entry.direction": "short", "exit.stop_distance": 20.0})
    venue = {"funding_long_bps_day": 999, "funding_short_bps_day": -10, "slippage_bps": 100, "taker_fee_bps": 20}
    [found] = replayed(m, made, cost_table(0, [venue] * 3)).trades
    received, paid = 99.0, 90.9
    funded = (100 + 96) * -0.001
    assert found.profit == pytest.approx((received - paid - 0.002 * (received + paid) - funded) / 100, abs=1e-15)


def test_makers_pay_the_maker_fee_and_concede_nothing(market, genome, replayed):
    m = market([100, 100, 100, 110], low=[100, 99, 100, 110], high=[100, 100, 112, 110], conditions=[on(4, 0)])
    genes = {"execution.preference": "maker", "exit.target_kind": "percent", "exit.target_distance": 10.0}
    venue = {"maker_fee_bps": 10, "taker_fee_bps": 999, "spread_bps": 999, "slippage_bps": 999}
    [found] = replayed(m, genome(long_entry=[0], **genes), cost_table(0, [venue] * 3)).trades
    assert (found.exit_price, found.reason) == (pytest.approx(110), "target")
    assert found.profit == pytest.approx(0.1 - 0.001 * 2.1, abs=1e-15)


@pytest.mark.parametrize(("name", "row"), [("default", 0), ("cheap", 1), ("expensive", 2)])
def test_the_gene_chooses_the_row_of_the_table(market, genome, replayed, name, row):
    m = market([100] * 4, conditions=[on(4, 0)])
    table = cost_table(0, [{"taker_fee_bps": fee} for fee in (10, 20, 30)])
    [found] = replayed(m, genome(long_entry=[0], **{"execution.venue": name}), table).trades
    assert found.profit == pytest.approx(-2 * (0.001, 0.002, 0.003)[row], abs=1e-15)


def test_the_table_holds_every_field_in_its_unit():
    bps = dict.fromkeys(("maker_fee_bps", "taker_fee_bps", "spread_bps", "slippage_bps"), 10.0)
    funding = {"funding_long_bps_day": 10.0, "funding_short_bps_day": -10.0}
    plain = {"slippage_volatility": 0.1, "impact": 0.5, "latency_ms": 70.0, "participation_max": 0.2}
    table = cost_table(5e4, [{**bps, **funding, **plain}, {}])
    expected = Venue(0.001, 0.001, 0.0005, 0.001, 0.1, 0.5, 70.0, 0.2, 0.001, -0.001, 5e4)
    assert venue_of(table, 0) == pytest.approx(expected)
    assert venue_of(table, 1) == Venue(*[0.0] * 7, 1.0, 0.0, 0.0, 5e4)


SHARES = st.floats(0, 1e3)


@given(SHARES, SHARES, SHARES, st.floats(0, 1e12), SHARES, st.floats(0, 1), st.sampled_from([1, 2, 4, 8]))
def test_no_order_concedes_less_than_nothing_or_more_than_the_limit(value, spread, move, volume, late, hidden, slices):
    venue = venue_of(cost_table(1e5, [dict.fromkeys(("spread_bps", "slippage_bps", "impact"), 5.0)]), 0)
    found = concession(venue, value, spread, move, volume, late, hidden, float(slices))
    assert 0 <= found <= CONCESSION_MAX
    assert found <= concession(venue, value, spread, move, volume, late, 0.0, 1.0)


def test_the_largest_order_is_its_share_of_volume_in_multiples_of_the_account():
    venue = venue_of(cost_table(1e5, [{"participation_max": 0.1}]), 0)
    assert largest_value(venue, 2e6) == 2.0
    assert largest_value(venue, 0.0) == np.inf
