"""Breeding: parents by selection, children by crossover and mutation, each from its own random stream."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.layout import TREE_TOKENS, Population, default_population
from common.kernel import kernel, lean_kernel
from common.random import Stream, new_stream, open_stream, uniform
from generator.crossing import cross
from generator.initialise import draw_genome
from generator.mixing import CROSSOVER_BITS, MUTATION_BITS, Mix
from generator.mutating import mutate
from generator.selection import NOBODY, Breeders, Floats, Rows, draw_parent, pointers
from generator.slots import equal_slots
from generator.specialise import settle
from generator.tables import ALLELE, LOCI, MASK, REAL, SLOT, TREE, Genes, Settings, pack, unpack

BORN_RANDOM, BORN_CROSSOVER, BORN_MUTATION, BORN_BOTH = 0, 3, 4, 5
"""Indices of ``common.events.cohorts.OPERATOR_NAMES``, which kernels may not import; a test holds them together."""
POINTER_SLOT = 1 << 41
"""The random stream that draws a generation's pointers: offspring use the slots below."""
_ATTEMPTS = 8


class Children(NamedTuple):
    """What was born: genomes (n,), parent rows (n, 2) with NOBODY for none, operator codes (n,), operator bits (n,).

    Of more than two parents the first two are told.
    """

    population: Population
    parents: Rows
    operators: npt.NDArray[np.uint8]
    applied: npt.NDArray[np.uint32]


@lean_kernel
def copy_row(target: Genes, row: int, source: Genes, source_row: int) -> None:
    """Copy one genome."""
    for slot in range(target.alleles.shape[1]):
        target.alleles[row, slot] = source.alleles[source_row, slot]
    for slot in range(target.reals.shape[1]):
        target.reals[row, slot] = source.reals[source_row, slot]
    for slot in range(target.masks.shape[1]):
        target.masks[row, slot] = source.masks[source_row, slot]
    for which in range(target.trees.shape[1]):
        for position in range(TREE_TOKENS):
            target.trees[row, which, position] = source.trees[source_row, which, position]
    for slot in range(target.feature_sources.shape[1]):
        for place in range(target.feature_sources.shape[2]):
            target.feature_sources[row, slot, place] = source.feature_sources[source_row, slot, place]


@lean_kernel
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


@lean_kernel
def is_copy(breeders: Breeders, children: Genes, row: int, count: int) -> bool:
    """Does a child agree with one of its ``count`` parents in every expressed gene?"""
    index = 0
    while index < count and not equal_rows(children, row, breeders.genes, breeders.family[index]):
        index += 1
    return index < count


@lean_kernel
def conceive(
    stream: Stream, breeders: Breeders, settings: Settings, mix: Mix, children: Genes, row: int, pointer: float
) -> tuple[int, int, int]:
    """Make one child in ``children[row]``; returns its two parents' rows and the bits of its operators.

    A child that equals a parent is mutated until it does not: measuring it again would teach nothing.
    """
    nobody = len(breeders.survivors) + len(breeders.elites) == 0
    if nobody or uniform(stream) < settings.immigrant_rate:
        draw_genome(stream, children, row, settings)
        settle(stream, children, row, settings)
        return NOBODY, NOBODY, 0
    first = draw_parent(stream, breeders, settings, pointer)
    breeders.family[0] = first
    copy_row(children, row, breeders.genes, first)
    count, applied = 1, 0
    if uniform(stream) < settings.crossover_rate:
        count, applied = cross(stream, breeders, settings, mix.crossovers, children, row, first)
        settle(stream, children, row, settings)
    attempts = 0
    if uniform(stream) < settings.mutation_rate:
        applied |= mutate(stream, children, row, settings, mix.mutations)
        settle(stream, children, row, settings)
        attempts = 1
    while attempts < _ATTEMPTS and is_copy(breeders, children, row, count):
        applied |= mutate(stream, children, row, settings, mix.mutations)
        settle(stream, children, row, settings)
        attempts += 1
    return first, breeders.family[1] if count > 1 else NOBODY, applied


@lean_kernel
def operator_code(first: int, applied: int) -> int:
    """How a child was born, for people: at random, by crossover, by mutation, or by both."""
    if first == NOBODY:
        return BORN_RANDOM
    if applied & CROSSOVER_BITS == 0:
        return BORN_MUTATION
    return BORN_BOTH if applied & MUTATION_BITS else BORN_CROSSOVER


@kernel
def _breed(
    breeders: Breeders,
    settings: Settings,
    mix: Mix,
    name: tuple[np.uint64, int, int],
    slots: Rows,
    places: Floats,
    children: Genes,
    parents: Rows,
    codes: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]],
) -> None:
    key, island, generation = name
    stream = new_stream(key, island, generation, 0)
    for row in range(len(slots)):
        open_stream(stream, key, island, generation, slots[row])
        pointer = places[slots[row]] if slots[row] < len(places) else -1.0
        first, second, applied = conceive(stream, breeders, settings, mix, children, row, pointer)
        parents[row, 0], parents[row, 1] = first, second
        codes[0][row], codes[1][row] = operator_code(first, applied), applied


def breed(
    breeders: Breeders, settings: Settings, mix: Mix, name: tuple[int, int, int], slots: Rows, size: int
) -> Children:
    """The children of a breeding set in these ``slots`` (n,) of a generation of ``size``.

    A child is a function of the breeding set, its slot and ``name``: (stream key, island, generation); and where
    selection weighs the whole generation, of ``size``. Every child is a valid genome if every parent is. A slot behind
    the last gives a child that is not of this generation, but might be.
    """
    island, generation = name[1:]
    key = np.uint64(name[0])
    places = np.empty(0)
    if len(breeders.cumulative):
        places = pointers(new_stream(key, island, generation, POINTER_SLOT), size)
    children = unpack(default_population(len(slots)))
    rows = np.empty((len(slots), 2), np.int64)
    codes = np.empty(len(slots), np.uint8), np.empty(len(slots), np.uint32)
    _breed(breeders, settings, mix, (key, island, generation), slots, places, children, rows, codes)
    return Children(pack(children), rows, *codes)
