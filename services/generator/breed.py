"""Breeding: parents by tournament, children by crossover and mutation, each from its own random stream."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.layout import TREE_TOKENS, Population, default_population
from common.kernel import kernel
from common.random import Stream, below, new_stream, open_stream, uniform
from generator.crossover import one_point, subtree_crossover, uniform_crossover
from generator.initialise import draw_genome, repair
from generator.mutation import mutate
from generator.slots import adopt, equal_slots
from generator.tables import ALLELE, LOCI, MASK, REAL, SLOT, TREE, Genes, Settings, pack, unpack

Rows = npt.NDArray[np.int64]
NOBODY = -1
BORN_RANDOM, BORN_CROSSOVER, BORN_MUTATION, BORN_BOTH = 0, 3, 4, 5
"""Indices of ``common.events.cohorts.OPERATOR_NAMES``, which kernels may not import; a test holds them together."""
_ATTEMPTS = 8


class Breeders(NamedTuple):
    """The breeding set: genes, standing (rank 0 is best), and which rows are survivors and which archive elites."""

    genes: Genes
    rank: npt.NDArray[np.int32]
    crowding: npt.NDArray[np.float64]
    survivors: Rows
    elites: Rows


class Children(NamedTuple):
    """What was born: genomes (n,), parent rows (n, 2) with NOBODY for none, operator codes (n,)."""

    population: Population
    parents: Rows
    operators: npt.NDArray[np.uint8]


@kernel
def tournament(stream: Stream, breeders: Breeders, size: int) -> int:
    """The best of ``size`` survivors drawn with replacement: lowest rank, then largest crowding, then first drawn."""
    survivors, rank, crowding = breeders.survivors, breeders.rank, breeders.crowding
    best = survivors[below(stream, len(survivors))]
    for _ in range(size - 1):
        other = survivors[below(stream, len(survivors))]
        if rank[other] < rank[best] or (rank[other] == rank[best] and crowding[other] > crowding[best]):
            best = other
    return best


@kernel
def draw_parent(stream: Stream, breeders: Breeders, size: int) -> int:
    """An elite as often as its share of the set, each alike (as in MAP-Elites); else the winner of a tournament."""
    elites = len(breeders.elites)
    drawn = below(stream, elites + len(breeders.survivors))
    return breeders.elites[drawn] if drawn < elites else tournament(stream, breeders, size)


@kernel
def copy_row(target: Genes, row: int, source: Genes, source_row: int) -> None:
    """Copy one genome."""
    target.alleles[row] = source.alleles[source_row]
    target.reals[row] = source.reals[source_row]
    target.masks[row] = source.masks[source_row]
    target.trees[row] = source.trees[source_row]
    target.feature_sources[row] = source.feature_sources[source_row]


@kernel
def equal_rows(one: Genes, row: int, other: Genes, other_row: int) -> bool:
    """Do two genomes agree in every expressed gene?"""
    for locus in range(len(LOCI)):
        block, slot = LOCI[locus, 0], LOCI[locus, 1]
        if block == TREE:
            for position in range(TREE_TOKENS):
                if one.trees[row, slot, position] != other.trees[other_row, slot, position]:
                    return False
        elif block == SLOT:
            if not equal_slots(one, row, other, other_row, slot):
                return False
        elif (
            (block == ALLELE and one.alleles[row, slot] != other.alleles[other_row, slot])
            or (block == REAL and one.reals[row, slot] != other.reals[other_row, slot])
            or (block == MASK and one.masks[row, slot] != other.masks[other_row, slot])
        ):
            return False
    return True


@kernel
def cross(stream: Stream, children: Genes, row: int, parents: Genes, other: int) -> None:
    """One of the three crossovers; subtree exchange in half of the cases, for the logic is most of a strategy."""
    drawn = uniform(stream)
    if drawn < 0.5 and subtree_crossover(stream, children, row, parents, other):
        return
    if drawn < 0.75:
        uniform_crossover(stream, children, row, parents, other)
    else:
        one_point(stream, children, row, parents, other)


@kernel
def conceive(stream: Stream, breeders: Breeders, settings: Settings, children: Genes, row: int) -> tuple[int, int, int]:
    """Make one child in ``children[row]``; returns its two parents' rows and its operator code.

    A child that equals a parent is mutated until it does not: measuring it again would teach nothing.
    """
    nobody = len(breeders.survivors) + len(breeders.elites) == 0
    if nobody or uniform(stream) < settings.immigrant_rate:
        draw_genome(stream, children, row, settings)
        return NOBODY, NOBODY, BORN_RANDOM
    first = draw_parent(stream, breeders, settings.tournament)
    second = NOBODY
    copy_row(children, row, breeders.genes, first)
    if uniform(stream) < settings.crossover_rate:
        second = draw_parent(stream, breeders, settings.tournament)
        cross(stream, children, row, breeders.genes, second)
        adopt(children, row, breeders.genes, first)
        adopt(children, row, breeders.genes, second)
        repair(stream, children, row)
    mutations = 0
    if uniform(stream) < settings.mutation_rate:
        mutate(stream, children, row, settings)
        repair(stream, children, row)
        mutations = 1
    while mutations < _ATTEMPTS and (
        equal_rows(children, row, breeders.genes, first)
        or (second != NOBODY and equal_rows(children, row, breeders.genes, second))
    ):
        mutate(stream, children, row, settings)
        repair(stream, children, row)
        mutations += 1
    if second == NOBODY:
        return first, NOBODY, BORN_MUTATION
    return first, second, BORN_BOTH if mutations > 0 else BORN_CROSSOVER


@kernel
def _breed(
    breeders: Breeders,
    settings: Settings,
    name: tuple[np.uint64, int, int, int],
    children: Genes,
    parents: Rows,
    operators: npt.NDArray[np.uint8],
) -> None:
    key, island, generation, first_slot = name
    stream = new_stream(key, island, generation, 0)
    for row in range(len(operators)):
        open_stream(stream, key, island, generation, first_slot + row)
        parents[row, 0], parents[row, 1], operators[row] = conceive(stream, breeders, settings, children, row)


def breed(
    parents: Population,
    rank: npt.NDArray[np.int32],
    crowding: npt.NDArray[np.float64],
    from_archive: npt.NDArray[np.uint8],
    settings: Settings,
    name: tuple[int, int, int],
    size: int,
    first_slot: int = 0,
) -> Children:
    """``size`` children of a breeding set (n,); child k is a function of the set and (*name, first_slot + k) alone.

    ``name``: (stream key, island, generation). Every child is a valid genome if every parent is.
    """
    survivors, elites = np.flatnonzero(from_archive == 0), np.flatnonzero(from_archive)
    breeders = Breeders(unpack(parents), np.array(rank), np.array(crowding), survivors, elites)
    children = unpack(default_population(size))
    rows, operators = np.empty((size, 2), np.int64), np.empty(size, np.uint8)
    key, island, generation = name
    _breed(breeders, settings, (np.uint64(key), island, generation, first_slot), children, rows, operators)
    return Children(pack(children), rows, operators)
