"""Mutation of genes: Gaussian and creep steps, random reset, bit flips; and the choice of a mutation for a genome."""

import numpy as np

from common.genome.layout import TREES
from common.kernel import kernel
from common.random import Stream, below, exponential, logarithm, normal, uniform
from generator.crossover import draw_open_tree
from generator.initialise import draw_allele, draw_mask, draw_real
from generator.structure import mutate_tree
from generator.tables import (
    ALLELE,
    ALLELE_COUNT,
    HOURS,
    INSTRUMENT,
    LOCI,
    MASK,
    MASK_BITS,
    MASKS,
    ORDERED,
    REAL,
    REAL_GATE,
    REAL_GATE_OPEN,
    REAL_HIGH,
    REAL_IS_LOG,
    REAL_LOW,
    REALS,
    Genes,
    Settings,
)

STEP = 0.1
"""Standard deviation of a Gaussian step as a share of the gene's range (of its logarithm, for scales)."""
_ATTEMPTS = 8
_TREES = len(TREES)
_MORE = 0.35


@kernel
def step_real(stream: Stream, value: float, slot: int) -> float:
    """A Gaussian step of ``STEP`` of the range, reflected at its ends; in the logarithm where the gene is a scale."""
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    share = logarithm(value / low) / logarithm(high / low) if REAL_IS_LOG[slot] else (value - low) / (high - low)
    share = abs(share + STEP * normal(stream))
    share %= 2.0
    share = 2.0 - share if share > 1.0 else share
    moved = low * exponential(share * logarithm(high / low)) if REAL_IS_LOG[slot] else low + share * (high - low)
    return min(max(moved, low), high)


@kernel
def speaks(genes: Genes, row: int, block: int, slot: int, settings: Settings) -> bool:
    """May a change of this gene change what the strategy does? A target distance says nothing without a target."""
    if block == REAL:
        gate = REAL_GATE[slot]
        return gate < 0 or REAL_GATE_OPEN[slot, genes.alleles[row, gate]]
    if block == MASK:
        return slot != HOURS or settings.hours
    return slot != INSTRUMENT or settings.instruments > 1


@kernel
def gaussian(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one real gene that speaks (the mandatory stop always does)."""
    for _ in range(_ATTEMPTS):
        slot = REALS[below(stream, len(REALS))]
        if speaks(genes, row, REAL, slot, settings):
            genes.reals[row, slot] = step_real(stream, genes.reals[row, slot], slot)
            return


@kernel
def creep(stream: Stream, genes: Genes, row: int) -> None:
    """Move one ordered allele to a neighbour in its table; at an end there is only one."""
    slot = ORDERED[below(stream, len(ORDERED))]
    allele = genes.alleles[row, slot]
    up = allele == 0 or (allele < ALLELE_COUNT[slot] - 1 and below(stream, 2) == 1)
    genes.alleles[row, slot] = allele + 1 if up else allele - 1


@kernel
def reset(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Draw one gene that speaks anew, and again while it stays what it was."""
    for _ in range(_ATTEMPTS):
        locus = _TREES + below(stream, len(LOCI) - _TREES)
        block, slot = LOCI[locus, 0], LOCI[locus, 1]
        if not speaks(genes, row, block, slot, settings):
            continue
        if block == REAL:
            genes.reals[row, slot] = draw_real(stream, slot)
            return
        if block == ALLELE:
            before, drawn = np.int64(genes.alleles[row, slot]), draw_allele(stream, slot, settings)
            genes.alleles[row, slot] = drawn
        else:
            before, drawn = np.int64(genes.masks[row, slot]), draw_mask(stream, slot, settings)
            genes.masks[row, slot] = drawn
        if drawn != before:
            return


@kernel
def flip(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Switch one bit of a mask that speaks; the last bit that is on stays on and another one joins it."""
    slot = MASKS[below(stream, len(MASKS))]
    while not speaks(genes, row, MASK, slot, settings):
        slot = MASKS[below(stream, len(MASKS))]
    bit = below(stream, MASK_BITS[slot])
    mask = genes.masks[row, slot] ^ (1 << bit)
    if mask == 0:
        mask = genes.masks[row, slot] | (1 << (bit + 1) % MASK_BITS[slot])
    genes.masks[row, slot] = mask


@kernel
def mutate(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Apply one mutation, and with probability 0.35 another, and so on: half of them to the logic."""
    while True:
        drawn = uniform(stream)
        if drawn < 0.5:
            which = draw_open_tree(stream, genes, row)
            mutate_tree(stream, genes.trees[row, which], which)
        elif drawn < 0.7:
            gaussian(stream, genes, row, settings)
        elif drawn < 0.78:
            creep(stream, genes, row)
        elif drawn < 0.9:
            reset(stream, genes, row, settings)
        else:
            flip(stream, genes, row, settings)
        if uniform(stream) >= _MORE:
            return
