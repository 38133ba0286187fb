"""Each gene of how a position is left, on a market made for it."""

import pytest

from common.genome.genes import ALLELE_GENES, ALLELE_SLOT
from tests.unit.backtest.gene_markets import SIDES, about, on, pins, play

FAR = {"exit.stop_distance": 20.0}


def mirrored(side, prices):
    """Prices as seen from the long side, turned over at 100 for the short one."""
    return [p if side > 0 else 200 - p for p in prices]


def moving(market, side, up, down, **given):
    """Bars that open and close at 100 and reach so far with the position and against it, as prices of the long side."""
    bars = len(up)
    high, low = (up, down) if side > 0 else (mirrored(side, down), mirrored(side, up))
    return market([100] * bars, high=high, low=low, conditions=[on(bars, 0), on(bars)], **given)


@pins("exit.stop_kind", "exit.stop_distance")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("kind", "distance", "price"),
    [("percent", 4.0, 96.0), ("percent", 5.0, 95.0), ("atr", 4.0, 90.0), ("atr", 2.0, 95)],
)
def test_the_stop_lies_so_many_percent_or_atrs_away(market, genome, arena_of, side, genes, kind, distance, price):
    # An ATR of 2.5 is known when the signal is; a later one moves no stop.
    m = moving(market, side, [100] * 5, [100, 80, 100, 80, 80], atr=[2.5, 7, 7, 7, 7])
    [trade] = play(arena_of(m), genome(**genes, **{"exit.stop_kind": kind, "exit.stop_distance": distance}))
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (3, *mirrored(side, [price]), "stop")
    assert trade.profit == about(price / 100 - 1)


@pins("exit.target_kind", "exit.target_distance")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("kind", "distance", "price"),
    [
        ("none", 4.0, None),
        ("percent", 4.0, 104.0),
        ("percent", 8.0, 108.0),
        ("atr", 4.0, 110.0),
        ("stop_multiple", 3.0, 115.0),
        ("stop_multiple", 4.0, 120.0),
    ],
)
def test_the_target_lies_so_many_percent_atrs_or_stops_away(
    market, genome, arena_of, side, genes, kind, distance, price
):
    m = moving(market, side, [100, 130, 100, 130, 100], [100] * 5, atr=2.5)
    kinds = {"exit.stop_distance": 5.0, "exit.target_kind": kind, "exit.target_distance": distance}
    [trade] = play(arena_of(m), genome(**genes, **kinds))
    if price is None:
        assert (trade.exit_bar, trade.exit_price, trade.reason, trade.profit) == (4, 100, "end", 0)
    else:
        assert (trade.exit_bar, trade.reason) == (3, "target")
        assert trade.exit_price == about(*mirrored(side, [price]))
        assert trade.profit == about(price / 100 - 1)


@pins("exit.trail_kind", "exit.trail_distance")
@pytest.mark.parametrize(("side", "genes"), SIDES)
@pytest.mark.parametrize(
    ("kind", "distance", "long", "short"),
    [
        ("none", 10.0, None, None),
        ("percent", 10.0, 108.0, 88.0),  # of the best price, which is 120, or 80 for the short side
        ("percent", 12.5, 105.0, 90.0),
        ("atr", 4.0, 110.0, 90.0),  # of the ATR before the entry, 2.5
        ("atr", 6.0, 105.0, 95.0),
    ],
)
def test_the_trail_follows_the_best_price_at_its_distance(
    market, genome, arena_of, side, genes, kind, distance, long, short
):
    # The best price comes on bar 2, the bar after trails, and a lesser one on bar 3 loosens nothing.
    open_, close = [100, 100, 100, 119, 118, 100], [100, 100, 119, 118, 118, 100]
    best, worst = [100, 100, 120, 119, 118, 100], [100, 100, 100, 115, 90, 100]
    open_, close, best, worst = (mirrored(side, prices) for prices in (open_, close, best, worst))
    high, low = (best, worst) if side > 0 else (worst, best)
    m = market(open_, high=high, low=low, close=close, atr=[2.5, 9, 9, 9, 9, 9], conditions=[on(6, 0), on(6)])
    trail = {"exit.trail_kind": kind, "exit.trail_distance": distance}
    [trade] = play(arena_of(m), genome(**genes, **FAR, **trail))
    price = long if side > 0 else short
    if price is None:
        assert (trade.exit_bar, trade.exit_price, trade.reason) == (5, 100, "end")
    else:
        assert (trade.exit_bar, trade.reason) == (4, "trail")
        assert trade.exit_price == about(price)
        assert trade.profit == about(side * (price - 100) / 100)


@pins("exit.time_exit_bars")
@pytest.mark.parametrize("bars", ALLELE_GENES[ALLELE_SLOT["exit.time_exit_bars"]].alleles)
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_a_position_is_left_so_many_bars_after_its_entry(market, genome, arena_of, side, genes, bars):
    m = market([100 + 0.01 * t for t in range(255)], conditions=[on(255, 1), on(255)])
    [trade] = play(arena_of(m), genome(**genes, **FAR, **{"exit.time_exit_bars": bars}))
    left = 2 + bars if bars else 254
    assert (trade.entry_bar, trade.exit_bar, trade.reason) == (2, left, "time" if bars else "end")
    assert trade.profit == about(side * 0.01 * (left - 2) / 100.02)
