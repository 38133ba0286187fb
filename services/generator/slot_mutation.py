"""Mutation of engineered features: another source, window, lag or transform; a new one that a tree asks; an end."""

import numpy as np

from common.genome.conditions import TIMEFRAMES
from common.genome.features import FEATURES
from common.genome.genes import ALLELE_GENES
from common.genome.slots import NO_TRANSFORM, OPERANDS, SLOTS, TRANSFORM_GENES
from common.genome.tree import END, arity
from common.kernel import lean_kernel
from common.random import Stream, below, uniform
from generator.crossover import draw_open_tree
from generator.slots import draw_slot_genes, draw_source, draw_transform, set_transform
from generator.tables import ALLELE_COUNT, DIRECTION, Genes
from generator.trees import draw_question, draw_slot, length, live_slots, referred_slots

_FEATURES, _TIMEFRAMES = len(FEATURES), len(TIMEFRAMES)
_ALL_SLOTS = (1 << SLOTS) - 1
LONG, SHORT = (ALLELE_GENES[DIRECTION].alleles.index(name) for name in ("long", "short"))


@lean_kernel
def step_allele(stream: Stream, genes: Genes, row: int, slot: int) -> None:
    """Move an ordered allele to a neighbour in its table; at an end there is only one."""
    allele = genes.alleles[row, slot]
    up = allele == 0 or (allele < ALLELE_COUNT[slot] - 1 and below(stream, 2) == 1)
    genes.alleles[row, slot] = allele + 1 if up else allele - 1


@lean_kernel
def nudge_source(stream: Stream, source: int | np.int64) -> int | np.int64:
    """A source close to this one: the same feature on another timeframe, or a neighbour in the table of features."""
    feature, timeframe = source // _TIMEFRAMES, source % _TIMEFRAMES
    if uniform(stream) < 0.4:
        timeframe = (timeframe + 1 + below(stream, _TIMEFRAMES - 1)) % _TIMEFRAMES
    else:
        feature = (feature + (1 if below(stream, 2) == 0 else _FEATURES - 1)) % _FEATURES
    return feature * _TIMEFRAMES + timeframe


@lean_kernel
def slots_in_use(genes: Genes, row: int) -> int:
    """The slots that the trees of the open sides ask, as bits."""
    direction = genes.alleles[row, DIRECTION]
    used = 0
    for which in range(4):
        if direction != (SHORT if which < 2 else LONG):
            used |= referred_slots(genes.trees[row, which])
    return used & live_slots(genes.alleles[row])


@lean_kernel
def start_slot(stream: Stream, genes: Genes, row: int, unused: int) -> None:
    """Draw one of the ``unused`` slots where it has no transform, and let a leaf of an open tree ask it."""
    slot = draw_slot(stream, unused)
    if genes.alleles[row, TRANSFORM_GENES[slot]] == NO_TRANSFORM:
        draw_slot_genes(stream, genes, row, slot, draw_transform(stream, NO_TRANSFORM))
    which = draw_open_tree(stream, genes, row)
    if genes.trees[row, which, 0] == END:
        which &= 2  # the entry of this side
    tree = genes.trees[row, which]
    used = max(length(tree), 1)  # a side that this very mutation has opened may have no entry yet
    position = below(stream, used)
    while tree[position] != END and arity(tree[position]) != 0:
        position = below(stream, used)
    tree[position] = draw_question(stream, slot)


@lean_kernel
def change_slot(stream: Stream, genes: Genes, row: int, slot: int) -> None:
    """One change of a slot that has a transform: sources 40 %, window 20 %, lag 20 %, transform 10 %, its end 10 %."""
    gene = TRANSFORM_GENES[slot]
    transform = np.int64(genes.alleles[row, gene])
    drawn = uniform(stream)
    if drawn < 0.4:
        place = below(stream, OPERANDS[transform])
        source = np.int64(genes.feature_sources[row, slot, place])
        genes.feature_sources[row, slot, place] = (
            nudge_source(stream, source) if uniform(stream) < 0.5 else draw_source(stream)
        )
    elif drawn < 0.6:
        step_allele(stream, genes, row, gene + 1)
    elif drawn < 0.8:
        step_allele(stream, genes, row, gene + 2)
    elif drawn < 0.9:
        set_transform(stream, genes, row, slot, draw_transform(stream, transform))
    else:
        set_transform(stream, genes, row, slot, NO_TRANSFORM)


@lean_kernel
def mutate_slot(stream: Stream, genes: Genes, row: int) -> None:
    """Change a slot in use; where there is none, and with chance 1/5, take another one into use.

    ``repair`` must follow: questions to a slot that has ended are still there.
    """
    used = slots_in_use(genes, row)
    if used == 0 or (used != _ALL_SLOTS and uniform(stream) < 0.2):
        start_slot(stream, genes, row, _ALL_SLOTS & ~used)
    else:
        change_slot(stream, genes, row, draw_slot(stream, used))
