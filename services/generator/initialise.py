"""Random genomes: every expressed gene drawn, tempered so that most strategies trade; reserved genes at default."""

import numpy as np

from common.genome.genes import ALLELE_GENES
from common.genome.layout import TREES, Population, default_population
from common.genome.slots import TRANSFORM_GENES
from common.genome.tree import END, enters
from common.kernel import kernel, lean_kernel
from common.random import Stream, below, log_uniform, new_stream, open_stream, uniform
from generator.gates import means_something
from generator.slots import draw_slot_genes, settle_slots
from generator.tables import (
    ALLELE,
    ALLELE_CUMULATIVE,
    DIRECTION,
    HOURS,
    INSTRUMENT,
    LOCI,
    MASK_BITS,
    MASK_MAY_BE_EMPTY,
    MASK_USUAL,
    MASK_USUAL_SHARE,
    REAL,
    REAL_DEFAULT,
    REAL_DEFAULT_SHARE,
    REAL_HIGH,
    REAL_IS_LOG,
    REAL_LOW,
    SLOT,
    Genes,
    Settings,
    pack,
    unpack,
)
from generator.trees import choose, draw_role, length, live_slots

_TREES = len(TREES)
_BIT_SHARE = 0.6
LONG, SHORT, BOTH = (ALLELE_GENES[DIRECTION].alleles.index(name) for name in ("long", "short", "both"))


@lean_kernel
def draw_real(stream: Stream, slot: int) -> float:
    """A value for the real gene at ``slot``: now and then its default, else uniform, or log-uniform for scales."""
    if REAL_DEFAULT_SHARE[slot] > 0.0 and uniform(stream) < REAL_DEFAULT_SHARE[slot]:
        return REAL_DEFAULT[slot]
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    value = log_uniform(stream, low, high) if REAL_IS_LOG[slot] else low + (high - low) * uniform(stream)
    return min(max(value, low), high)


@lean_kernel
def draw_mask(stream: Stream, slot: int, settings: Settings) -> int:
    """A set for the mask gene at ``slot``: mostly the usual one, that restricts nothing.

    Else a run of neighbours (round the clock) or scattered bits; of a set that may be empty, one bit.
    """
    bits = MASK_BITS[slot]
    everything = (1 << bits) - 1
    if uniform(stream) < MASK_USUAL_SHARE[slot] or (slot == HOURS and not settings.hours):
        return MASK_USUAL[slot]
    if MASK_MAY_BE_EMPTY[slot]:
        return 1 << below(stream, bits)
    if uniform(stream) < 0.5:
        first, size = below(stream, bits), 1 + below(stream, bits - 1)
        run = ((1 << size) - 1) << first
        return (run | run >> bits) & everything
    mask = 0
    for bit in range(bits):
        if uniform(stream) < _BIT_SHARE:
            mask |= 1 << bit
    return mask if mask > 0 else 1 << below(stream, bits)


@lean_kernel
def draw_allele(stream: Stream, slot: int, settings: Settings) -> int:
    """An allele for the gene at ``slot``; an instrument, or several of them, only where the run has them."""
    if slot == INSTRUMENT:
        return below(stream, settings.instruments)
    if not means_something(ALLELE, slot, settings):
        return 0
    return choose(stream, ALLELE_CUMULATIVE[slot])


@lean_kernel
def repair(stream: Stream, genes: Genes, row: int) -> None:
    """Settle the slots, and give a random entry tree to a side that the direction opens and that has none."""
    settle_slots(stream, genes, row)
    live = live_slots(genes.alleles[row])
    direction = genes.alleles[row, DIRECTION]
    for which in (0, 2):
        long_tokens = length(genes.trees[row, 0]) if which == 0 else 1
        short_tokens = length(genes.trees[row, 2]) if which == 2 else 1
        if not enters(direction, long_tokens, short_tokens):
            draw_role(stream, genes.trees[row, which], which, live)


@lean_kernel
def draw_genome(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Draw every expressed gene of one row; the trees of a side that stays closed are left empty."""
    for locus in range(_TREES, len(LOCI)):
        block, slot = LOCI[locus, 0], LOCI[locus, 1]
        if block == ALLELE:
            genes.alleles[row, slot] = draw_allele(stream, slot, settings)
        elif block == REAL:
            genes.reals[row, slot] = draw_real(stream, slot)
        elif block == SLOT:
            transform = choose(stream, ALLELE_CUMULATIVE[TRANSFORM_GENES[slot]])
            draw_slot_genes(stream, genes, row, slot, transform)
        else:
            genes.masks[row, slot] = draw_mask(stream, slot, settings)
    live = live_slots(genes.alleles[row])
    direction = genes.alleles[row, DIRECTION]
    for which in range(_TREES):
        if direction == (SHORT if which < 2 else LONG):
            genes.trees[row, which] = END
        else:
            draw_role(stream, genes.trees[row, which], which, live)


@kernel
def _fill(genes: Genes, settings: Settings, key: np.uint64, island: int, generation: int, first_slot: int) -> None:
    stream = new_stream(key, island, generation, 0)
    for row in range(len(genes.alleles)):
        open_stream(stream, key, island, generation, first_slot + row)
        draw_genome(stream, genes, row, settings)


def random_population(
    size: int, settings: Settings, key: int, island: int, generation: int, first_slot: int = 0
) -> Population:
    """``size`` random valid genomes; row k is a function of (key, island, generation, first_slot + k) alone."""
    genes = unpack(default_population(size))
    _fill(genes, settings, np.uint64(key), island, generation, first_slot)
    return pack(genes)
