"""Each gene that silences or softens others: what is silenced has exactly no effect."""

import pytest

from common.genome.genes import MASK_GENES, MASK_SLOT, REGIMES, SILENCEABLE
from tests.unit.backtest.gene_markets import ROUND, about, on, pins, play, rounds, shares

WAVE = [100, 100, 104, 109, 111, 108, 103, 101, 99, 100, 103, 106, 104, 101, 100, 100]
"""Up by a tenth, down again, up by less; the entry is signalled on bar 0 and filled at 100 on bar 1."""
LOUD = {
    "target": {"exit.target_kind": "percent", "exit.target_distance": 8.0},
    "trail": {"exit.trail_kind": "percent", "exit.trail_distance": 5.0},
    "time_exit": {"exit.time_exit_bars": 3},
    "signal_exit": {"long_exit": [1]},
    "regime": {"regime.allowed": ["bear", "crisis"]},
    "time": {
        "time.hours": ["3"],
        "time.weekdays": ["sun"],
        "time.months": ["dec"],
        "time.blackout": "holidays",
        "time.hold_min_bars": 10,
    },
}
"""Genes of a chromosome that change what happens on the wave."""
LEFT = {
    "target": (3, 109, "target"),
    "trail": (6, 103, "trail"),  # 5 percent below 111 is 105.45; the bar opens below it
    "time_exit": (4, 111, "time"),
    "signal_exit": (5, 108, "signal"),
    "regime": None,
    "time": None,
}
"""How the trade ends where the chromosome speaks; None: it never begins."""


def wave(market):
    return market(WAVE, blackout=[4] * 16, conditions=[on(16, 0), on(16, 4)])


@pins("expression.silenced")
@pytest.mark.parametrize("chromosome", LOUD)
def test_a_silenced_chromosome_has_exactly_no_effect(market, genome, arena_of, chromosome):
    arena, plain = arena_of(wave(market)), {"long_entry": [0], "exit.stop_distance": 20.0}
    nothing = play(arena, genome(**plain))
    assert [(t.entry_bar, t.exit_bar, t.exit_price, t.reason) for t in nothing] == [(1, 15, 100, "end")]

    loud = play(arena, genome(**plain, **LOUD[chromosome]))
    end = LEFT[chromosome]
    assert [(t.exit_bar, t.exit_price, t.reason) for t in loud] == ([] if end is None else [end])
    assert play(arena, genome(**plain, **LOUD[chromosome], **{"expression.silenced": [chromosome]})) == nothing


@pins("expression.silenced")
@pytest.mark.parametrize("path", LOUD["time"])
def test_silenced_time_silences_each_gene_of_it(market, genome, arena_of, path):
    arena = arena_of(wave(market))
    plain = {"long_entry": [0], "long_exit": [1], "exit.stop_distance": 20.0}
    gene = {path: LOUD["time"][path]}
    nothing, loud = play(arena, genome(**plain)), play(arena, genome(**plain, **gene))
    assert [(t.exit_bar, t.reason) for t in nothing] == [(5, "signal")]
    assert [(t.exit_bar, t.reason) for t in loud] == ([(15, "end")] if path == "time.hold_min_bars" else [])
    assert play(arena, genome(**plain, **gene, **{"expression.silenced": ["time"]})) == nothing


@pins("expression.silenced")
def test_a_silenced_exit_tree_cancels_no_entry(market, genome, arena_of):
    m = market([100, 100, 101, 102], conditions=[on(4, 0)])
    same = {"long_entry": [0], "long_exit": [0]}
    assert play(arena_of(m), genome(**same)) == []
    silent = play(arena_of(m), genome(**same, **{"expression.silenced": ["signal_exit"]}))
    assert silent == play(arena_of(m), genome(long_entry=[0]))
    assert [(t.entry_bar, t.exit_bar) for t in silent] == [(1, 3)]


@pins("expression.silenced")
@pytest.mark.parametrize("bit", SILENCEABLE)
def test_a_bit_silences_its_own_chromosome_only(market, genome, arena_of, bit):
    """Each other chromosome still speaks; the bits of chromosomes that are not expressed yet silence nothing."""
    arena, plain = arena_of(wave(market)), {"long_entry": [0], "exit.stop_distance": 20.0}
    for chromosome, genes in LOUD.items():
        if chromosome != bit:
            loud = play(arena, genome(**plain, **genes))
            assert play(arena, genome(**plain, **genes, **{"expression.silenced": [bit]})) == loud


@pins("expression.silenced")
def test_with_every_bit_set_only_entry_stop_and_size_remain(market, genome, arena_of):
    arena, plain = arena_of(wave(market)), {"long_entry": [0], "exit.stop_distance": 20.0}
    loud = {path: value for genes in LOUD.values() for path, value in genes.items()}
    silent = genome(**plain, **loud, **{"expression.silenced": list(MASK_GENES[MASK_SLOT["expression.silenced"]].bits)})
    assert play(arena, silent) == play(arena, genome(**plain))


GAINS = [0.1, -0.1, 0.1, -0.1, 0.1]


def one_round_per_regime(market):
    """Round k is signalled in regime k; it is entered, and left, in the next one."""
    labels = [regime % len(REGIMES) for k in range(len(REGIMES)) for regime in (k, k + 1)] + [0, 0]
    return rounds(market, GAINS, regime=labels)


@pins(*(f"expression.in_{regime}" for regime in REGIMES))
@pytest.mark.parametrize("allele", ["full", "half", "silent"])
@pytest.mark.parametrize("which", range(len(REGIMES)))
def test_a_regime_scales_the_entries_signalled_in_it(market, genome, arena_of, which, allele):
    arena = arena_of(one_round_per_regime(market))
    genes = {"risk.fraction": 0.8, f"expression.in_{REGIMES[which]}": allele}
    found = play(arena, genome(**ROUND, **genes))
    traded = [k for k in range(len(REGIMES)) if k != which or allele != "silent"]
    assert [t.entry_bar for t in found] == [2 * k + 1 for k in traded]
    expected = [0.4 if k == which and allele == "half" else 0.8 for k in traded]
    assert shares(found, [GAINS[k] for k in traded]) == about(expected)


@pins("expression.in_bull", "expression.in_crisis")
def test_regimes_are_scaled_independently_and_all_silent_never_trade(market, genome, arena_of):
    arena = arena_of(one_round_per_regime(market))
    genes = {"expression.in_bull": "half", "expression.in_bear": "silent", "expression.in_crisis": "half"}
    found = play(arena, genome(**ROUND, **genes))
    assert shares(found, [GAINS[k] for k in (0, 2, 3, 4)]) == about([0.5, 1.0, 1.0, 0.5])
    assert play(arena, genome(**ROUND, **{f"expression.in_{regime}": "silent" for regime in REGIMES})) == []
