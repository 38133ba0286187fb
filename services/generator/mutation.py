"""Mutation of genes: Gaussian and creep steps, random reset, bit flips; and the choice of a mutation for a genome."""

import numpy as np

from common.kernel import kernel
from common.random import Stream, below, exponential, logarithm, normal, uniform
from generator.crossover import draw_open_tree
from generator.gates import speaks
from generator.initialise import draw_allele, draw_mask, draw_real
from generator.slot_mutation import mutate_slot, step_allele
from generator.structure import mutate_tree
from generator.tables import (
    ALLELE,
    MASK,
    MASK_BITS,
    MASK_MAY_BE_EMPTY,
    MASKS,
    ORDERED,
    PLAIN_LOCI,
    REAL,
    REAL_HIGH,
    REAL_IS_LOG,
    REAL_LOW,
    REALS,
    Genes,
    Settings,
)
from generator.trees import live_slots

STEP = 0.1
"""Standard deviation of a Gaussian step as a share of the gene's range (of its logarithm, for scales)."""
_ATTEMPTS = 20
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
def gaussian(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one real gene that speaks (the mandatory stop always does)."""
    for _ in range(_ATTEMPTS):
        slot = REALS[below(stream, len(REALS))]
        if speaks(genes, row, REAL, slot, settings):
            genes.reals[row, slot] = step_real(stream, genes.reals[row, slot], slot)
            return


@kernel
def creep(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one ordered allele that speaks."""
    for _ in range(_ATTEMPTS):
        slot = ORDERED[below(stream, len(ORDERED))]
        if speaks(genes, row, ALLELE, slot, settings):
            step_allele(stream, genes, row, slot)
            return


@kernel
def reset(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Draw one gene that speaks anew, and again while it stays what it was."""
    for _ in range(_ATTEMPTS):
        locus = below(stream, len(PLAIN_LOCI))
        block, slot = PLAIN_LOCI[locus, 0], PLAIN_LOCI[locus, 1]
        if not speaks(genes, row, block, slot, settings):
            continue
        if block == REAL:
            number = np.float32(draw_real(stream, slot))
            if number != genes.reals[row, slot]:
                genes.reals[row, slot] = number
                return
            continue
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
    """Switch one bit of a mask that speaks; a last bit that must stay on stays on and another one joins it."""
    slot = MASKS[below(stream, len(MASKS))]
    while not speaks(genes, row, MASK, slot, settings):
        slot = MASKS[below(stream, len(MASKS))]
    bit = below(stream, MASK_BITS[slot])
    mask = genes.masks[row, slot] ^ (1 << bit)
    if mask == 0 and not MASK_MAY_BE_EMPTY[slot]:
        mask = genes.masks[row, slot] | (1 << (bit + 1) % MASK_BITS[slot])
    genes.masks[row, slot] = mask


@kernel
def mutate(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Apply one mutation, and with probability 0.35 another, and so on: half of them to the logic."""
    while True:
        drawn = uniform(stream)
        if drawn < 0.5:
            which = draw_open_tree(stream, genes, row)
            mutate_tree(stream, genes.trees[row, which], which, live_slots(genes.alleles[row]))
        elif drawn < 0.68:
            gaussian(stream, genes, row, settings)
        elif drawn < 0.76:
            creep(stream, genes, row, settings)
        elif drawn < 0.88:
            reset(stream, genes, row, settings)
        elif drawn < 0.97:
            flip(stream, genes, row, settings)
        else:
            mutate_slot(stream, genes, row)
        if uniform(stream) >= _MORE:
            return
