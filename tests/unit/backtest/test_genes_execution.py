"""Each gene of how an order is brought to the market, and what it then costs, on a market made for it."""

import math

import pytest

from common.backtest.costs import flat_costs
from tests.unit.backtest.gene_markets import ACCOUNT, LONG, SIDES, about, on, pins, play, venues

STILL = [100.0] * 5
"""Signal on bar 0, entry in bar 1, exit signal on bar 2, exit in bar 3: at one price, so a profit is costs alone."""
MOVE = {"move": 0.01, "volume": ACCOUNT}
"""Bars move by a percent, and the whole account is what a bar trades."""
WIDE = {"exit.stop_distance": 20.0}


def still(market, **given):
    return market(STILL, conditions=[on(5, 0), on(5, 2)], **given)


@pins("execution.venue")
@pytest.mark.parametrize(("venue", "bps"), [("default", 10.0), ("cheap", 1.0), ("expensive", 50.0)])
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_a_venue_charges_its_own_costs(market, genome, arena_of, side, genes, venue, bps):
    costs = venues(*({"taker_fee_bps": fee} for fee in (10.0, 1.0, 50.0)))
    [trade] = play(arena_of(still(market)), genome(**genes, **{"execution.venue": venue}), costs)
    assert trade.profit == about(-2e-4 * bps)


@pins("execution.venue")
@pytest.mark.parametrize(("venue", "value"), [("default", 0.25), ("cheap", 0.125), ("expensive", 1.0)])
def test_an_order_takes_only_its_share_of_what_a_bar_trades(market, genome, arena_of, venue, value):
    costs = venues({"participation_max": 0.25}, {"participation_max": 0.125}, {"participation_max": 1.0})
    m = market([100, 100, 110, 110, 110], conditions=[on(5, 0), on(5, 2)], volume=ACCOUNT)
    [trade] = play(arena_of(m), genome(**LONG, **WIDE, **{"execution.venue": venue}), costs)
    assert trade.units * 100 == about(value)
    assert trade.profit == about(0.1 * value)


def entry_bar(market, side, against):
    """A still market whose entry bar trades so far beyond its open, towards a maker's order."""
    high, low = (100, 100 - against) if side > 0 else (100 + against, 100)
    return still(market, high=[100, high, 100, 100, 100], low=[100, low, 100, 100, 100])


@pins("execution.preference")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("preference", "against", "profit"),
    [
        # Taker 20, spread 40 and slippage 10 basis points: 20 + 30 at either end, and the fee on what was paid.
        ("taker", 0.0, -0.01),
        ("taker", 0.01, -0.01),
        ("maker", 0.0, None),
        ("maker", 0.01, -0.006),  # 10 of maker fee at the entry; the exit takes
    ],
)
def test_a_maker_fills_only_where_the_bar_trades_beyond_the_open(
    market, genome, arena_of, side, genes, preference, against, profit
):
    costs = flat_costs(maker_fee_bps=10, taker_fee_bps=20, spread_bps=40, slippage_bps=10)
    found = play(
        arena_of(entry_bar(market, side, against)), genome(**genes, **{"execution.preference": preference}), costs
    )
    assert [(t.entry_bar, t.entry_price, t.exit_bar) for t in found] == ([] if profit is None else [(1, 100, 3)])
    if profit is not None:
        [trade] = found
        out = -side * 0.002 * 0.003 if preference == "maker" else 0.0  # the exit's fee is on what it received
        assert trade.profit == about(profit - out)


@pins("execution.preference", "entry.order_type")
@pytest.mark.parametrize(
    ("preference", "low", "profit"),
    [
        # The bar opens at 99, below the limit of 99.5; the exit at 99 is free of all but its fee of 20.
        ("taker", 99.0, -0.004),
        ("taker", 98.9, -0.004),
        ("maker", 99.0, None),
        ("maker", 98.9, -0.003),
    ],
)
def test_a_limit_passed_by_the_open_takes_there_unless_the_strategy_is_a_maker(
    market, genome, arena_of, preference, low, profit
):
    m = market([100, 99, 99, 99, 99], low=[100, low, 99, 99, 99], conditions=[on(5, 0), on(5, 2)])
    genes = {"entry.order_type": "limit", "execution.limit_offset_bps": 50.0, "execution.preference": preference}
    found = play(arena_of(m), genome(**LONG, **genes), flat_costs(maker_fee_bps=10, taker_fee_bps=20))
    assert [(t.entry_price, about(t.profit)) for t in found] == ([] if profit is None else [(99, profit)])


@pins("execution.limit_offset_bps")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("order", "offset", "level", "fee"),
    [
        ("limit", 0.0, 100.0, 20),  # marketable at an open of 100: a taker
        ("limit", 25.0, 99.75, 10),
        ("limit", 50.0, 99.5, 10),
        ("stop", 0.0, 100.0, 20),
        ("stop", 25.0, 100.25, 20),
        ("stop", 50.0, 100.5, 20),
    ],
)
def test_the_offset_is_the_distance_from_the_close_and_a_limit_that_waits_is_a_maker(
    market, genome, arena_of, side, genes, order, offset, level, fee
):
    m = still(market, high=[100, 101, 100, 100, 100], low=[100, 99, 100, 100, 100])
    order_genes = {"entry.order_type": order, "execution.limit_offset_bps": offset}
    price = level if side > 0 else 200 - level
    [trade] = play(arena_of(m), genome(**genes, **order_genes), flat_costs(maker_fee_bps=10, taker_fee_bps=20))
    assert trade.entry_price == about(price)
    units = 1 / price
    assert trade.profit == about(units * (side * (100 - price) - 1e-4 * fee * price - 0.002 * 100))


@pins("execution.schedule")
@pytest.mark.parametrize(
    ("schedule", "entry", "exit_"),
    [("single", 100.0, 110.0), ("twap", 101.5, 110.75), ("vwap", 102.0, 111.0)],
)
@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_worked_orders_fill_at_the_mean_of_their_bar(
    market, genome, arena_of, side, genes, timed, schedule, entry, exit_
):
    # (100 + 108 + 96 + 102) / 4 and (108 + 96 + 102) / 3; (110 + 118 + 106 + 109) / 4 and (118 + 106 + 109) / 3.
    m = market(
        [100, 100, 102, 110, 109],
        high=[100, 108, 102, 118, 109],
        low=[100, 96, 102, 106, 109],
        close=[100, 102, 102, 109, 109],
        conditions=[on(5, 0), on(5) if timed else on(5, 2)],
    )
    limits = {"exit.time_exit_bars": 2 if timed else 0, "execution.schedule": schedule}
    [trade] = play(arena_of(m), genome(**genes, **WIDE, **limits))
    assert (trade.entry_price, trade.exit_bar, trade.exit_price) == (entry, 3, exit_)
    assert trade.reason == ("time" if timed else "signal")
    assert trade.profit == about(side * (exit_ - entry) / entry)


@pins("execution.schedule")
@pytest.mark.parametrize(("schedule", "entries"), [("single", [1, 3]), ("twap", [1, 4]), ("vwap", [1, 4])])
def test_after_a_worked_exit_the_next_entry_is_a_bar_later(market, genome, arena_of, schedule, entries):
    m = market([100] * 7, conditions=[on(7, 0, 2, 3)])
    genes = {"exit.time_exit_bars": 2, "execution.schedule": schedule}
    assert [t.entry_bar for t in play(arena_of(m), genome(long_entry=[0], **genes))] == entries


@pins("execution.schedule")
@pytest.mark.parametrize("schedule", ["twap", "vwap"])
@pytest.mark.parametrize(
    ("genes", "bar", "price", "reason"),
    [
        ({"exit.stop_distance": 5.0}, (100, 90), 95, "stop"),
        ({**WIDE, "exit.target_kind": "percent", "exit.target_distance": 5.0}, (110, 100), 105, "target"),
    ],
)
def test_stops_and_targets_are_not_worked(market, genome, arena_of, schedule, genes, bar, price, reason):
    high, low = ([100, 100, reach, 100] for reach in bar)
    m = market([100] * 4, high=high, low=low, conditions=[on(4, 0)])
    [trade] = play(arena_of(m), genome(long_entry=[0], **genes, **{"execution.schedule": schedule}))
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (2, about(price), reason)


@pins("execution.slices")
@pytest.mark.parametrize("slices", [1, 2, 4, 8])
@pytest.mark.parametrize("schedule", ["single", "twap", "vwap"])
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_slices_divide_the_impact_of_worked_orders_by_their_root(
    market, genome, arena_of, side, genes, schedule, slices
):
    # Impact of the whole account on bars that trade as much and move by 0.01: 0.01, at the entry and at the exit.
    worked = {"execution.schedule": schedule, "execution.slices": slices}
    [trade] = play(arena_of(still(market, **MOVE)), genome(**genes, **worked), venues({"impact": 1.0}))
    assert trade.profit == about(-0.02 / math.sqrt(slices if schedule != "single" else 1))


@pins("execution.slices")
def test_a_stop_is_one_order_whatever_the_slices(market, genome, arena_of):
    m = market([100] * 5, low=[100, 100, 96, 100, 100], conditions=[on(5, 0), on(5)], **MOVE)
    worked = {"execution.schedule": "twap", "execution.slices": 4, "exit.stop_distance": 4.0}
    [trade] = play(arena_of(m), genome(**LONG, **worked), venues({"impact": 1.0}))
    # In: 0.01 / 2. Out: 0.96 of the account, all at once.
    assert trade.profit == about(-0.04 - 0.005 - 0.96 * 0.01 * math.sqrt(0.96))


@pins("execution.iceberg_fraction")
@pytest.mark.parametrize(("hidden", "impact"), [(0.0, 0.01), (0.5, 0.0075), (1.0, 0.005)])
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_what_is_hidden_of_an_order_has_half_its_impact(market, genome, arena_of, side, genes, hidden, impact):
    iceberg = {"execution.iceberg_fraction": hidden}
    [trade] = play(arena_of(still(market, **MOVE)), genome(**genes, **iceberg), venues({"impact": 1.0}))
    assert trade.profit == about(-2 * impact)


@pins("execution.iceberg_fraction")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("hidden", "reach", "fills"),
    [
        # The limit lies half a point away, half the spread is 0.2 %: through 0.5 + hidden × 0.2, about.
        (0.0, 0.5, True),
        (0.25, 0.5, False),
        (0.25, 0.54, False),
        (0.25, 0.56, True),
        (1.0, 0.69, False),
        (1.0, 0.71, True),
    ],
)
def test_a_hidden_limit_has_to_be_traded_through(market, genome, arena_of, side, genes, hidden, reach, fills):
    order = {"entry.order_type": "limit", "execution.limit_offset_bps": 50.0, "execution.iceberg_fraction": hidden}
    found = play(arena_of(entry_bar(market, side, reach)), genome(**genes, **order), flat_costs(spread_bps=40))
    # The entry waits at its limit and pays no spread, the exit half of it.
    price = 100 - side * 0.5
    assert [t.entry_price for t in found] == ([about(price)] if fills else [])
    if fills:
        assert found[0].profit == about((0.5 - 0.2) / price)


@pins("execution.latency_budget_ms")
@pytest.mark.parametrize(
    ("budget", "entries"),
    [(0.0, [1, 3, 5]), (1000.0, [1, 3, 5]), (200.0, [1, 3, 5]), (199.0, [1, 5]), (50.0, [1, 5]), (49.0, [5])],
)
def test_entries_later_than_the_budget_are_cancelled(market, genome, arena_of, budget, entries):
    # Latency 100 ms on average; the orders of bars 0, 2 and 4 are 50, 200 and 25 ms late, exits are always very late.
    m = market([100] * 8, late=[0.5, 9, 2, 9, 0.25, 9, 0, 0], move=0.0, conditions=[on(8, 0, 2, 4)])
    genes = {"exit.time_exit_bars": 1, "execution.latency_budget_ms": budget}
    found = play(arena_of(m), genome(long_entry=[0], **genes), venues({"latency_ms": 100.0}))
    assert [(t.entry_bar, t.exit_bar) for t in found] == [(bar, bar + 1) for bar in entries]


@pins("execution.latency_budget_ms")
@pytest.mark.parametrize(("budget", "profit"), [(0.0, -0.02), (400.0, -0.02), (399.0, None)])
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_an_order_that_is_late_but_not_cancelled_meets_a_price_that_moved(
    market, genome, arena_of, side, genes, budget, profit
):
    # 400 ms of a bar of 1600 are a quarter: half a bar's move of 2 %, at either end.
    m = still(market, move=0.02, late=4.0, bar_ms=1600.0)
    found = play(arena_of(m), genome(**genes, **{"execution.latency_budget_ms": budget}), venues({"latency_ms": 100.0}))
    assert [about(t.profit) for t in found] == ([] if profit is None else [profit])
