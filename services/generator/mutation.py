"""Mutation of single genes: normal, uniform, polynomial and adaptive steps, creep, jump, reset, and flips of bits."""

import numpy as np

from common.kernel import lean_kernel
from common.random import Stream, below, normal, uniform
from generator.gates import speaks
from generator.initialise import draw_allele, draw_mask, draw_real
from generator.real import polynomial, reflected
from generator.scales import share_of, value_of
from generator.slot_mutation import step_allele
from generator.tables import (
    ALLELE,
    ALLELES,
    ALLELES_DRAWN,
    INSTRUMENT,
    MASK,
    MASK_BITS,
    MASK_MAY_BE_EMPTY,
    MASKS,
    ORDERED,
    PLAIN_LOCI,
    REAL,
    REALS,
    Genes,
    Settings,
)

STEP = 0.1
"""Standard deviation of a Gaussian step as a share of the gene's range (of its logarithm, for scales)."""
POLYNOMIAL_ETA = 20.0
_ATTEMPTS = 20


@lean_kernel
def step_real(stream: Stream, value: float, slot: int, deviation: float) -> float:
    """A normal step of ``deviation`` times the range, reflected at its ends; in the logarithm for scales."""
    share = reflected(share_of(value, slot) + deviation * normal(stream), 0.0, 1.0)
    return value_of(share, slot)


@lean_kernel
def draw_speaking(stream: Stream, genes: Genes, row: int, settings: Settings) -> int:
    """A real gene that speaks, or -1 where twenty draws found none (the mandatory stop always does)."""
    for _ in range(_ATTEMPTS):
        slot = REALS[below(stream, len(REALS))]
        if speaks(genes, row, REAL, slot, settings):
            return slot
    return -1


@lean_kernel
def gaussian(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one real gene that speaks by a normal step of ``STEP``."""
    slot = draw_speaking(stream, genes, row, settings)
    if slot >= 0:
        genes.reals[row, slot] = step_real(stream, genes.reals[row, slot], slot, STEP)


@lean_kernel
def adaptive_step(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one real gene that speaks by a normal step as wide as the island asks for."""
    slot = draw_speaking(stream, genes, row, settings)
    if slot >= 0:
        genes.reals[row, slot] = step_real(stream, genes.reals[row, slot], slot, settings.step)


@lean_kernel
def uniform_step(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Put one real gene that speaks anywhere in its range, each place alike (in the logarithm for scales)."""
    slot = draw_speaking(stream, genes, row, settings)
    if slot >= 0:
        genes.reals[row, slot] = value_of(uniform(stream), slot)


@lean_kernel
def polynomial_step(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one real gene that speaks by Deb's polynomial mutation."""
    slot = draw_speaking(stream, genes, row, settings)
    if slot >= 0:
        share = share_of(genes.reals[row, slot], slot)
        genes.reals[row, slot] = value_of(polynomial(stream, share, 0.0, 1.0, POLYNOMIAL_ETA), slot)


@lean_kernel
def creep(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Step one ordered allele that speaks."""
    for _ in range(_ATTEMPTS):
        slot = ORDERED[below(stream, len(ORDERED))]
        if speaks(genes, row, ALLELE, slot, settings):
            step_allele(stream, genes, row, slot)
            return


@lean_kernel
def jump(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Put one allele that speaks anywhere else in its table, each place alike, but where random genomes never are."""
    for _ in range(_ATTEMPTS):
        slot = ALLELES[below(stream, len(ALLELES))]
        if not speaks(genes, row, ALLELE, slot, settings):
            continue
        count = settings.instruments if slot == INSTRUMENT else ALLELES_DRAWN[slot]
        if count > 1:
            before = np.int64(genes.alleles[row, slot])
            drawn = below(stream, count - 1) if before < count else below(stream, count)
            genes.alleles[row, slot] = drawn + 1 if before < count and drawn >= before else drawn
            return


@lean_kernel
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


@lean_kernel
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
