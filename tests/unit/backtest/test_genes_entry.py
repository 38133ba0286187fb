"""Each gene of how a position is entered, on a market made for it."""

import pytest

from tests.unit.backtest.gene_markets import LONG, SIDES, about, on, pins, play


@pins("entry.direction")
@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("long", [(1, 1, 2, 0.1)]),
        ("short", [(-1, 3, 4, 0.1)]),
        ("both", [(1, 1, 2, 0.1), (-1, 3, 4, 0.1)]),
    ],
)
def test_the_direction_keeps_the_other_side_closed(market, genome, arena_of, direction, expected):
    # Up from 100 to 110 after the long signal, down from 110 to 99 after the short one.
    m = market([100, 100, 110, 110, 99, 99], conditions=[on(6, 0), on(6, 2)])
    genes = {"long_entry": [0], "short_entry": [1], "exit.time_exit_bars": 1, "entry.direction": direction}
    found = play(arena_of(m), genome(**genes))
    assert [(t.side, t.entry_bar, t.exit_bar, about(t.profit)) for t in found] == expected


@pins("entry.confirm_bars")
@pytest.mark.parametrize(
    ("bars", "entries"), [(1, [2, 3, 5, 6, 7, 8, 9]), (2, [3, 6, 7, 8, 9]), (3, [7, 8, 9]), (5, [9])]
)
@pytest.mark.parametrize("side", [1, -1])
def test_an_entry_is_confirmed_by_the_last_k_bars_in_a_row(market, genome, arena_of, side, bars, entries):
    # True on bars 1 and 2, and on bars 4 to 8: a pause starts the count again.
    m = market([100 + t for t in range(12)], conditions=[on(12, 1, 2, 4, 5, 6, 7, 8)])
    name = "long" if side > 0 else "short"
    genes = {f"{name}_entry": [0], "entry.direction": name, "exit.time_exit_bars": 1, "entry.confirm_bars": bars}
    found = play(arena_of(m), genome(**genes))
    assert [t.entry_bar for t in found] == entries
    assert [t.profit for t in found] == about([side / (100 + t) for t in entries])


@pins("entry.delay_bars")
@pytest.mark.parametrize("bars", [0, 1, 2, 3])
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_a_signal_is_used_so_many_bars_later(market, genome, arena_of, side, genes, bars):
    m = market([100, 101, 102, 103, 104, 105, 106, 107], conditions=[on(8, 1), on(8, 5)])
    [trade] = play(arena_of(m), genome(**genes, **{"entry.delay_bars": bars, "exit.stop_distance": 20.0}))
    price = 102 + bars
    assert (trade.entry_bar, trade.entry_price, trade.exit_bar) == (2 + bars, price, 6)
    assert trade.profit == about(side * (106 - price) / price)


@pins("entry.delay_bars")
@pytest.mark.parametrize(("bars", "entries"), [(0, [2]), (1, []), (2, [4])])
def test_conflicts_are_settled_after_the_delay(market, genome, arena_of, bars, entries):
    # The exit is true on bar 2: where the delayed entry falls on that bar, it is none.
    m = market([100] * 7, conditions=[on(7, 1), on(7, 2)])
    assert [t.entry_bar for t in play(arena_of(m), genome(**LONG, **{"entry.delay_bars": bars}))] == entries


@pins("entry.confirm_bars", "entry.delay_bars")
def test_the_delay_counts_from_the_confirmation(market, genome, arena_of):
    m = market([100] * 9, conditions=[on(9, 1, 2)])
    [trade] = play(arena_of(m), genome(long_entry=[0], **{"entry.confirm_bars": 2, "entry.delay_bars": 3}))
    assert trade.entry_bar == 6  # true on bars 1 and 2, used on bar 5


BAR = (100.0, 100.3, 99.7, 100.0)
"""Open, high, low, close of an entry bar that reaches no level 50 basis points from the close of 100."""


@pins("entry.order_type")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("order", "bar", "price"),
    [
        # Seen from the long side: the limit lies at 99.5, the stop at 100.5.
        ("market", BAR, 100.0),
        ("market", (103.0, 103.0, 103.0, 103.0), 103.0),
        ("limit", BAR, None),
        ("limit", (100.0, 100.3, 99.5, 100.0), 99.5),
        ("limit", (100.0, 100.3, 98.0, 100.0), 99.5),
        ("limit", (99.2, 100.3, 99.1, 100.0), 99.2),
        ("limit", (103.0, 103.0, 103.0, 103.0), None),
        ("stop", BAR, None),
        ("stop", (100.0, 100.5, 99.7, 100.0), 100.5),
        ("stop", (100.0, 102.0, 99.7, 100.0), 100.5),
        ("stop", (100.9, 101.0, 99.7, 100.0), 100.9),
        ("stop", (98.0, 98.0, 98.0, 98.0), None),
    ],
)
def test_orders_fill_at_their_level_or_at_a_better_or_worse_open_or_not(
    market, genome, arena_of, side, genes, order, bar, price
):
    open_, high, low, close = bar if side > 0 else [200 - bar[k] for k in (0, 2, 1, 3)]
    m = market(
        [100, open_, 100, 100],
        high=[100, high, 100, 100],
        low=[100, low, 100, 100],
        close=[100, close, 100, 100],
        conditions=[on(4, 0), on(4, 1)],
    )
    found = play(arena_of(m), genome(**genes, **{"entry.order_type": order, "execution.limit_offset_bps": 50.0}))
    if price is None:
        assert found == []
        return
    [trade] = found
    price = price if side > 0 else 200 - price
    assert (trade.entry_bar, trade.entry_price, trade.exit_bar) == (1, about(price), 2)
    assert trade.profit == about(side * (100 - price) / price)


@pins("entry.order_type")
@pytest.mark.parametrize("order", ["limit", "stop"])
def test_limit_and_stop_orders_are_good_for_one_bar_only(market, genome, arena_of, order):
    # Bar 1 reaches neither level, bar 2 both.
    m = market([100] * 5, high=[100, 100.4, 102, 100, 100], low=[100, 99.6, 98, 100, 100], conditions=[on(5, 0)])
    genes = {"long_entry": [0], "entry.order_type": order, "execution.limit_offset_bps": 50.0}
    assert play(arena_of(m), genome(**genes)) == []


@pins("entry.order_type")
@pytest.mark.parametrize(("order", "entries"), [("market", [1]), ("limit", []), ("stop", [])])
def test_no_order_that_rests_fills_on_an_open_copied_from_the_close_before(market, genome, arena_of, order, entries):
    m = market([100] * 4, high=[100, 102, 100, 100], low=[100, 98, 100, 100], stale=[0, 1, 0, 0], conditions=[on(4, 0)])
    genes = {"long_entry": [0], "entry.order_type": order, "execution.limit_offset_bps": 50.0}
    assert [t.entry_bar for t in play(arena_of(m), genome(**genes))] == entries
