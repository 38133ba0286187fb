"""Each gene of when a strategy trades, and of the regimes it trades in, on a market made for it."""

import pytest

from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, MASK_SLOT
from tests.unit.backtest.gene_markets import ROUND, SIDES, about, on, pins, play, rounds

MASKS = {"regime.allowed": "regime", "time.hours": "hour", "time.weekdays": "weekday", "time.months": "month"}
HOLD = ALLELE_GENES[ALLELE_SLOT["time.hold_min_bars"]].alleles
AFTER = 16
"""Bars after the entry, which is in bar 1: more than the longest holding."""


@pins(*MASKS)
@pytest.mark.parametrize("path", MASKS)
def test_each_bit_of_a_mask_lets_the_signals_of_its_bars_enter(market, genome, arena_of, path):
    bits = MASK_GENES[MASK_SLOT[path]].bits
    # Round k is signalled on a bar with label k, and entered on one with the next label.
    labels = [label % len(bits) for k in range(len(bits)) for label in (k, k + 1)] + [0, 0]
    gains = [0.001 * (k + 1) for k in range(len(bits))]
    m = rounds(market, gains, **{MASKS[path]: labels})
    for allowed in ([0], [len(bits) - 1], [1, 3], list(range(len(bits)))):
        found = play(arena_of(m), genome(**ROUND, **{path: [bits[k] for k in allowed]}))
        assert [t.entry_bar for t in found] == [2 * k + 1 for k in allowed]
        assert [t.profit for t in found] == about([gains[k] for k in allowed])


@pins(*MASKS)
def test_all_masks_have_to_agree(market, genome, arena_of):
    m = rounds(market, [0.01, 0.02, 0.03], hour=[1, 1, 1, 1, 2, 2, 0, 0], weekday=[3, 3, 4, 4, 3, 3, 0, 0])
    [trade] = play(arena_of(m), genome(**ROUND, **{"time.hours": ["1"], "time.weekdays": ["thu"]}))
    assert trade.entry_bar == 1


@pins("time.blackout")
@pytest.mark.parametrize(
    ("blackout", "entries"),
    [("none", [1, 3, 5, 7, 9]), ("month_end", [3, 5, 9]), ("option_expiry", [1, 5, 9]), ("holidays", [1, 3, 9])],
)
def test_no_signal_of_a_bar_in_the_calendar_enters(market, genome, arena_of, blackout, entries):
    # Signals of bars 0, 2 and 4, in one calendar each, of bar 6, in all, and of bar 8, in none (its entry is).
    calendars = [0b001, 0, 0b010, 0, 0b100, 0, 0b111, 0, 0, 0b111, 0, 0]
    gains = [0.01, 0.02, 0.03, 0.04, 0.05]
    found = play(arena_of(rounds(market, gains, blackout=calendars)), genome(**ROUND, **{"time.blackout": blackout}))
    assert [t.entry_bar for t in found] == entries
    assert [t.profit for t in found] == about([gains[bar // 2] for bar in entries])


def rising(market, side, exits=(), **given):
    """A price that gains 1 a bar for the position after the signal on bar 0; condition 1 on ``exits``."""
    bars = AFTER + 2
    path = [100 + side * max(t - 1, 0) for t in range(bars)]
    return market(path, conditions=[on(bars, 0), on(bars, *exits)], **given)


@pins("time.hold_min_bars")
@pytest.mark.parametrize("bars", HOLD)
@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_signal_exits_wait_for_the_shortest_holding(market, genome, arena_of, side, genes, bars):
    m = rising(market, side, exits=range(1, AFTER))
    [trade] = play(arena_of(m), genome(**genes, **{"time.hold_min_bars": bars, "exit.stop_distance": 20.0}))
    held = max(bars, 1)
    assert (trade.entry_bar, trade.exit_bar, trade.reason) == (1, 1 + held, "signal")
    assert trade.profit == about(0.01 * held)


@pins("time.hold_min_bars")
def test_no_two_shortest_holdings_are_the_same(market, genome, arena_of):
    arena = arena_of(rising(market, 1, exits=range(1, AFTER)))
    genes = {"long_entry": [0], "long_exit": [1], "exit.stop_distance": 20.0}
    found = [play(arena, genome(**genes, **{"time.hold_min_bars": bars}))[0].exit_bar for bars in HOLD]
    assert len(set(found)) == len(HOLD)


@pins("time.hold_min_bars")
@pytest.mark.parametrize(("bars", "left"), [(0, 3), (2, 3), (5, None), (10, None)])
def test_an_exit_signal_that_comes_too_early_is_not_remembered(market, genome, arena_of, bars, left):
    # The signal of bar 2 would be filled on bar 3, two bars after the entry.
    m = rising(market, 1, exits=[2])
    genes = {"long_entry": [0], "long_exit": [1], "time.hold_min_bars": bars, "exit.stop_distance": 20.0}
    [trade] = play(arena_of(m), genome(**genes))
    assert (trade.exit_bar, trade.reason) == ((AFTER + 1, "end") if left is None else (left, "signal"))


@pins("time.hold_min_bars")
@pytest.mark.parametrize("bars", HOLD)
@pytest.mark.parametrize("limit", [1, 5])
def test_the_time_exit_waits_for_the_shortest_holding(market, genome, arena_of, limit, bars):
    genes = {"exit.time_exit_bars": limit, "time.hold_min_bars": bars, "exit.stop_distance": 20.0}
    [trade] = play(arena_of(rising(market, 1)), genome(long_entry=[0], **genes))
    held = max(limit, bars)
    assert (trade.exit_bar, trade.reason, trade.profit) == (1 + held, "time", about(0.01 * held))


@pins("time.hold_min_bars")
@pytest.mark.parametrize("bars", HOLD)
@pytest.mark.parametrize(("side", "logic"), SIDES)
def test_the_target_waits_for_the_shortest_holding(market, genome, arena_of, side, logic, bars):
    genes = {"exit.target_kind": "percent", "exit.target_distance": 2.0, "exit.stop_distance": 20.0}
    [trade] = play(arena_of(rising(market, side)), genome(**logic, **genes, **{"time.hold_min_bars": bars}))
    held = max(bars, 2)  # 2 percent are reached two bars after the entry; later the open is beyond them
    assert (trade.exit_bar, trade.reason, trade.profit) == (1 + held, "target", about(0.01 * held))


@pins("time.hold_min_bars")
@pytest.mark.parametrize("bars", HOLD)
def test_a_target_touched_too_early_is_not_remembered(market, genome, arena_of, bars):
    high = [100, 100, 110, *[100] * (AFTER - 1)]
    m = market([100] * (AFTER + 2), high=high, conditions=[on(AFTER + 2, 0)])
    genes = {"exit.target_kind": "percent", "exit.target_distance": 5.0, "time.hold_min_bars": bars}
    [trade] = play(arena_of(m), genome(long_entry=[0], **genes))
    assert (trade.exit_bar, trade.reason) == ((2, "target") if bars == 0 else (AFTER + 1, "end"))


@pins("time.hold_min_bars")
@pytest.mark.parametrize("bars", HOLD)
@pytest.mark.parametrize(
    ("genes", "price", "reason"),
    [
        ({"exit.stop_distance": 5.0}, 95.0, "stop"),
        ({"exit.stop_distance": 20.0, "exit.trail_kind": "percent", "exit.trail_distance": 5.0}, 95.0, "trail"),
    ],
)
def test_stop_and_trail_do_not_wait(market, genome, arena_of, genes, price, reason, bars):
    m = market([100] * (AFTER + 2), low=[100, 100, 90, *[100] * (AFTER - 1)], conditions=[on(AFTER + 2, 0)])
    [trade] = play(arena_of(m), genome(long_entry=[0], **genes, **{"time.hold_min_bars": bars}))
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (2, price, reason)
