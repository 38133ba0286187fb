"""Slots of engineered features: drawn, handed on with the trees that ask them, and kept consistent with these."""

import numpy as np

from common.genome.conditions import TIMEFRAMES
from common.genome.features import FEATURES
from common.genome.layout import TREE_TOKENS, TREES
from common.genome.slots import (
    NO_TRANSFORM,
    OPERANDS,
    PREDICATES,
    SLOT_ALLELES,
    SLOT_BASE,
    SLOTS,
    TRANSFORM_GENES,
    TRANSFORMS,
)
from common.kernel import lean_kernel
from common.random import Stream, below
from generator.tables import ALLELE_CUMULATIVE, Genes
from generator.trees import choose, draw_leaf, draw_timeframe, live_slots, referred_slots

_FEATURES, _TIMEFRAMES = len(FEATURES), len(TIMEFRAMES)
_TREES, _TRANSFORMS = len(TREES), len(TRANSFORMS)


@lean_kernel
def draw_source(stream: Stream) -> int:
    """A random feature on a random timeframe."""
    feature = below(stream, _FEATURES)
    return feature * _TIMEFRAMES + draw_timeframe(stream)


@lean_kernel
def draw_transform(stream: Stream, but: int | np.int64) -> int:
    """A random transform that is neither none nor ``but``."""
    while True:
        transform = below(stream, _TRANSFORMS)
        if transform not in (NO_TRANSFORM, but):
            return transform


@lean_kernel
def set_transform(stream: Stream, genes: Genes, row: int, slot: int, transform: int) -> None:
    """Give a slot a transform; sources that it newly reads are drawn, those that it does not read are 0."""
    gene = TRANSFORM_GENES[slot]
    read_before, read = OPERANDS[genes.alleles[row, gene]], OPERANDS[transform]
    genes.alleles[row, gene] = transform
    for place in range(2):
        if place >= read:
            genes.feature_sources[row, slot, place] = 0
        elif place >= read_before:
            genes.feature_sources[row, slot, place] = draw_source(stream)


@lean_kernel
def draw_slot_genes(stream: Stream, genes: Genes, row: int, slot: int, transform: int) -> None:
    """Draw window, lag and sources of a slot with this transform anew."""
    gene = TRANSFORM_GENES[slot]
    genes.alleles[row, gene] = NO_TRANSFORM
    set_transform(stream, genes, row, slot, transform)
    for part in range(1, SLOT_ALLELES):
        genes.alleles[row, gene + part] = choose(stream, ALLELE_CUMULATIVE[gene + part])


@lean_kernel
def copy_slot(target: Genes, row: int, source: Genes, source_row: int, slot: int) -> None:
    """Copy one slot: transform, window, lag and sources belong together."""
    gene = TRANSFORM_GENES[slot]
    for part in range(SLOT_ALLELES):
        target.alleles[row, gene + part] = source.alleles[source_row, gene + part]
    for place in range(2):
        target.feature_sources[row, slot, place] = source.feature_sources[source_row, slot, place]


@lean_kernel
def equal_slots(one: Genes, row: int, other: Genes, other_row: int, slot: int) -> bool:
    """Do two genomes agree in a slot?"""
    gene = TRANSFORM_GENES[slot]
    for part in range(SLOT_ALLELES):
        if one.alleles[row, gene + part] != other.alleles[other_row, gene + part]:
            return False
    for place in range(2):
        if one.feature_sources[row, slot, place] != other.feature_sources[other_row, slot, place]:
            return False
    return True


@lean_kernel
def adopt(child: Genes, row: int, parents: Genes, parent: int) -> None:
    """Copy from a parent the slots that the child's trees ask, that it has not, and that the parent has."""
    asked = 0
    for which in range(_TREES):
        asked |= referred_slots(child.trees[row, which])
    wanted = asked & ~live_slots(child.alleles[row]) & live_slots(parents.alleles[parent])
    for slot in range(SLOTS):
        if wanted >> slot & 1:
            copy_slot(child, row, parents, parent, slot)


@lean_kernel
def settle_slots(stream: Stream, genes: Genes, row: int) -> None:
    """Zero the sources that no transform reads, and replace questions to slots without a transform."""
    live = live_slots(genes.alleles[row])
    for slot in range(SLOTS):
        for place in range(OPERANDS[genes.alleles[row, TRANSFORM_GENES[slot]]], 2):
            genes.feature_sources[row, slot, place] = 0
    for which in range(_TREES):
        for position in range(TREE_TOKENS):
            token = np.int64(genes.trees[row, which, position])
            if token >= SLOT_BASE and not live >> (token - SLOT_BASE) // PREDICATES & 1:
                genes.trees[row, which, position] = draw_leaf(stream, live)
