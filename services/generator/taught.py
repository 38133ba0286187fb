"""What earlier runs taught: newly drawn alleles and conditions are drawn anew as often as their factors say.

Rejection keeps the law exact: a draw of factor f is kept with probability f / largest factor, else drawn again, so it
comes out with its usual share times f, summed up to 1 again. What is inherited is left alone.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT
from common.genome.layout import TREE_TOKENS, TREES, Population
from common.genome.tree import CONDITION_BASE, END, TOKEN_LIMIT
from common.kernel import kernel
from common.random import Stream, new_stream, open_stream, uniform
from generator.initialise import LONG, SHORT, draw_allele
from generator.selection import NOBODY
from generator.specialise import settle
from generator.tables import ALLELE_COUNT, ALLELES, ALLELES_DRAWN, DIRECTION, INSTRUMENT, Genes, Settings, pack, unpack
from generator.trees import BLOCKS, Tree, draw_condition, draw_role, live_slots

FIRST_SLOT = 1 << 42
"""Random streams of lessons begin here: whoever else draws for an island uses slots below."""
_TIMEFRAMES, _TREES = len(TIMEFRAMES), len(TREES)
Rows = npt.NDArray[np.int64]
Token = int | np.int64


class Lessons(NamedTuple):
    """Chances that a draw is kept: of each allele (genes, alleles), and of each condition on any timeframe (c / 3,)."""

    alleles: npt.NDArray[np.float64]
    conditions: npt.NDArray[np.float64]


def lessons_of(
    alleles: Mapping[str, Mapping[str, float]], features: Mapping[str, float], conditions: Mapping[str, float]
) -> Lessons:
    """Chances from factors by name (``common.events.knowledge.Knowledge``); what is not named has factor 1."""
    kept = np.ones((len(ALLELE_GENES), int(ALLELE_COUNT.max())))
    for path, factors in alleles.items():
        slot = ALLELE_SLOT[path]
        row = np.array([factors.get(str(allele), 1.0) for allele in ALLELE_GENES[slot].alleles])
        kept[slot, : len(row)] = row / row[: ALLELES_DRAWN[slot]].max()
    asked = np.array(
        [features.get(each.feature.text, 1.0) * conditions.get(each.text, 1.0) for each in CONDITIONS[::_TIMEFRAMES]]
    )
    bounded = np.clip(asked, 0.25, 4.0)
    return Lessons(kept, bounded / bounded.max())


@kernel
def _is_condition(token: Token) -> bool:
    return bool(CONDITION_BASE <= token < TOKEN_LIMIT)


@kernel
def _kept(stream: Stream, token: Token, lessons: Lessons) -> bool:
    return uniform(stream) < lessons.conditions[(token - CONDITION_BASE) // _TIMEFRAMES]


@kernel
def teach_leaves(stream: Stream, tree: Tree, lessons: Lessons) -> None:
    """Draw the conditions of a newly drawn tree again until they are kept."""
    for position in range(TREE_TOKENS):
        token = np.int64(tree[position])
        if _is_condition(token):
            while not _kept(stream, token, lessons):
                token = np.int64(draw_condition(stream))
            tree[position] = token


@kernel
def teach_newcomer(stream: Stream, genes: Genes, row: int, lessons: Lessons, settings: Settings) -> None:
    """Draw alleles and conditions of a newly drawn genome again until they are kept."""
    before = genes.alleles[row, DIRECTION]
    for slot in ALLELES:
        if slot == INSTRUMENT:
            continue
        while uniform(stream) >= lessons.alleles[slot, genes.alleles[row, slot]]:
            genes.alleles[row, slot] = draw_allele(stream, slot, settings)
    direction = genes.alleles[row, DIRECTION]
    live = live_slots(genes.alleles[row])
    for which in range(_TREES):
        other = SHORT if which < 2 else LONG
        if direction == other:
            genes.trees[row, which] = END
        elif before == other:
            draw_role(stream, genes.trees[row, which], which, live)
        teach_leaves(stream, genes.trees[row, which], lessons)
    settle(stream, genes, row, settings)


@kernel
def _asks(genes: Genes, row: int, token: Token) -> bool:
    """Does one of the genome's trees ask the feature that this condition asks?"""
    first = BLOCKS[token - CONDITION_BASE, 0]
    for which in range(_TREES):
        for position in range(TREE_TOKENS):
            other = np.int64(genes.trees[row, which, position])
            if _is_condition(other) and BLOCKS[other - CONDITION_BASE, 0] == first:
                return True
    return False


@kernel
def teach_child(
    stream: Stream, genes: Genes, row: int, parents: Genes, born_of: tuple[int, int], lessons: Lessons
) -> None:
    """Draw again the conditions that ask what no parent asks, until they are kept: they came by mutation.

    What is drawn again asks nothing of the parents' either, so that the child stays another one. Of a child of more
    than two parents, only two are named: what the others gave counts as new.
    """
    first, second = born_of
    for which in range(_TREES):
        for position in range(TREE_TOKENS):
            token = np.int64(genes.trees[row, which, position])
            if not _is_condition(token):
                continue
            if _asks(parents, first, token) or (second != NOBODY and _asks(parents, second, token)):
                continue
            while not _kept(stream, token, lessons):
                drawn = np.int64(draw_condition(stream))
                if not _asks(parents, first, drawn) and (second == NOBODY or not _asks(parents, second, drawn)):
                    token = drawn
            genes.trees[row, which, position] = token


@kernel
def _teach(
    genes: Genes,
    born_of: Rows,
    parents: Genes,
    lessons: Lessons,
    settings: Settings,
    name: tuple[np.uint64, int, int],
    slots: Rows,
) -> None:
    key, island, generation = name
    stream = new_stream(key, island, generation, 0)
    for row in range(len(born_of)):
        open_stream(stream, key, island, generation, FIRST_SLOT + slots[row])
        if born_of[row, 0] == NOBODY:
            teach_newcomer(stream, genes, row, lessons, settings)
        else:
            teach_child(stream, genes, row, parents, (born_of[row, 0], born_of[row, 1]), lessons)


def taught(
    population: Population,
    born_of: Rows,
    parents: Population,
    lessons: Lessons,
    settings: Settings,
    name: tuple[int, int, int],
    slots: Rows,
) -> Population:
    """Genomes (n,) after the lessons; ``born_of`` (n, 2) are rows of ``parents``, NOBODY for newly drawn ones.

    ``name``: (stream key, island, generation); row k is a function of itself, its parents and (*name, slots[k]).
    """
    genes = unpack(population)
    key, island, generation = name
    _teach(genes, born_of, unpack(parents), lessons, settings, (np.uint64(key), island, generation), slots)
    return pack(genes)
