"""Children of elites alone: iso-line steps between two of them, and samples of the island's CMA-ME emitter."""

import numpy as np

from common.genome.layout import Population, default_population
from common.kernel import kernel
from common.random import Stream, below, new_stream, open_stream
from generator.breed import BORN_BOTH, BORN_MUTATION, Children, copy_row
from generator.emitting import Floats, draw_normal, iso_line
from generator.gates import speaks
from generator.mixing import BIT, Mix
from generator.mutating import mutate
from generator.selection import NOBODY, Rows
from generator.specialise import settle
from generator.tables import REAL, REAL_HIGH, REAL_LOW, REALS, Genes, Settings, pack, unpack

ISO, LINE = 0.01, 0.2
"""Deviations of the iso-line step, in shares of a gene's range and of the way to the other elite (its paper's)."""
REAL_SLOTS = np.sort(REALS)
"""Of the genes that emitters move, in this order."""
_LOW, _HIGH = np.zeros(len(REAL_SLOTS)), np.ones(len(REAL_SLOTS))
_ISO = np.full(len(REAL_SLOTS), ISO)


@kernel
def shares(genes: Genes, row: int, found: Floats) -> None:
    """Fill ``found`` (g,) with the real genes of a genome, in the order of their slots, as shares of their ranges."""
    for index, slot in enumerate(REAL_SLOTS):
        found[index] = (genes.reals[row, slot] - REAL_LOW[slot]) / (REAL_HIGH[slot] - REAL_LOW[slot])


@kernel
def take(genes: Genes, row: int, wanted: Floats, settings: Settings) -> bool:
    """Give a genome the real genes that ``wanted`` (g,) says; has one of those that speak changed?

    The silent ones too: an emitter learns from where its children lie, and would take what never moves for a step
    that is too small.
    """
    heard = False
    for index, slot in enumerate(REAL_SLOTS):
        value = REAL_LOW[slot] + wanted[index] * (REAL_HIGH[slot] - REAL_LOW[slot])
        number = np.float32(min(max(value, REAL_LOW[slot]), REAL_HIGH[slot]))
        heard = heard or (number != genes.reals[row, slot] and speaks(genes, row, REAL, slot, settings))
        genes.reals[row, slot] = number
    return heard


@kernel
def _finish(stream: Stream, child: Genes, row: int, settings: Settings, mix: Mix, bit: int, heard: bool) -> int:
    """Settle a child, and mutate it if nothing that speaks has changed; returns the bits of its operators."""
    settle(stream, child, row, settings)
    if heard:
        return bit
    applied = bit | mutate(stream, child, row, settings, mix.mutations)
    settle(stream, child, row, settings)
    return applied


@kernel
def _lines(
    elites: Genes,
    settings: Settings,
    mix: Mix,
    name: tuple[np.uint64, int, int],
    slots: Rows,
    bit: int,
    children: Genes,
) -> tuple[Rows, Rows]:
    key, island, generation = name
    stream = new_stream(key, island, generation, 0)
    parents, applied = np.empty((len(slots), 2), np.int64), np.empty(len(slots), np.int64)
    first, second, wanted = np.empty(len(REAL_SLOTS)), np.empty(len(REAL_SLOTS)), np.empty(len(REAL_SLOTS))
    for row in range(len(slots)):
        open_stream(stream, key, island, generation, slots[row])
        one, two = below(stream, len(elites.alleles)), below(stream, len(elites.alleles))
        copy_row(children, row, elites, one)
        shares(elites, one, first)
        shares(elites, two, second)
        iso_line(stream, first, second, _LOW, _HIGH, _ISO, LINE, wanted)
        heard = take(children, row, wanted, settings)
        parents[row, 0], parents[row, 1] = one, two
        applied[row] = _finish(stream, children, row, settings, mix, bit, heard)
    return parents, applied


@kernel
def _samples(
    base: Genes,
    mean: Floats,
    axes: Floats,
    settings: Settings,
    mix: Mix,
    name: tuple[np.uint64, int, int],
    slots: Rows,
    bit: int,
    children: Genes,
) -> Rows:
    key, island, generation = name
    stream = new_stream(key, island, generation, 0)
    applied, wanted = np.empty(len(slots), np.int64), np.empty(len(REAL_SLOTS))
    for row in range(len(slots)):
        open_stream(stream, key, island, generation, slots[row])
        copy_row(children, row, base, 0)
        draw_normal(stream, mean, axes, _LOW, _HIGH, wanted)
        heard = take(children, row, wanted, settings)
        applied[row] = _finish(stream, children, row, settings, mix, bit, heard)
    return applied


def lines(elites: Population, settings: Settings, mix: Mix, name: tuple[int, int, int], slots: Rows) -> Children:
    """A child of two random ``elites`` (m,), m >= 1, in each of the ``slots`` (n,); parents are rows of the elites.

    Real genes are those of an iso-line step, all others the first elite's. A child is a function of the
    elites, its slot and ``name``: (stream key, island, generation); it is a valid genome if they are.
    """
    children = unpack(default_population(len(slots)))
    key = (np.uint64(name[0]), name[1], name[2])
    parents, applied = _lines(unpack(elites), settings, mix, key, slots, BIT["iso_line"], children)
    operators = np.full(len(slots), BORN_BOTH, np.uint8)
    return Children(pack(children), parents, operators, applied.astype(np.uint32))


def samples(
    base: Population,
    distribution: tuple[Floats, Floats],
    settings: Settings,
    mix: Mix,
    name: tuple[int, int, int],
    slots: Rows,
) -> Children:
    """A child in each of the ``slots`` (n,): the genome in ``base`` (1,) with real genes drawn anew.

    ``distribution``, a normal one: mean (g,) and axes (g, g), in shares of the genes' ranges. The parent is row 0.
    """
    children = unpack(default_population(len(slots)))
    key = (np.uint64(name[0]), name[1], name[2])
    mean, axes = distribution
    applied = _samples(unpack(base), mean, axes, settings, mix, key, slots, BIT["covariance"], children)
    parents = np.stack([np.zeros(len(slots), np.int64), np.full(len(slots), NOBODY)], axis=1)
    return Children(pack(children), parents, np.full(len(slots), BORN_MUTATION, np.uint8), applied.astype(np.uint32))


def joined(*parts: Children) -> Children:
    """The children of all parts, in this order."""
    return Children(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
