"""Which crossover a child comes from, and with whom: drawn from the mix."""

import numpy as np
import numpy.typing as npt

from common.genome.operators import CROSSOVERS
from common.kernel import lean_kernel
from common.random import Stream, below
from generator.blending import (
    arithmetic_crossover,
    differential_crossover,
    heuristic_crossover,
    sbx_crossover,
    swarm_crossover,
)
from generator.crossover import multi_parent, n_point, one_point, subtree_crossover, uniform_crossover
from generator.quantum import quantum_crossover
from generator.selection import NOBODY, Breeders, draw_mate
from generator.slots import adopt
from generator.tables import Genes, Settings
from generator.trees import choose

_NAMES = tuple(CROSSOVERS)
ONE_POINT, N_POINT, UNIFORM, SUBTREE, ARITHMETIC, HEURISTIC, SBX, MULTI_PARENT, DIFFERENTIAL, SWARM, QUANTUM = (
    _NAMES.index(name)
    for name in (
        "one_point",
        "n_point",
        "uniform",
        "subtree",
        "arithmetic",
        "heuristic",
        "sbx",
        "multi_parent",
        "differential",
        "swarm",
        "quantum",
    )
)


@lean_kernel
def gather(stream: Stream, breeders: Breeders, settings: Settings, first: int, kind: int) -> int:
    """Fill ``breeders.family`` with the parents that crossover ``kind`` takes; how many, 1 where there is no mate.

    The other one of a swarm step is a leader, a random survivor of the first front, where the first has no species.
    """
    family = breeders.family
    family[0] = first
    if kind == SWARM and breeders.leaders > 0 and breeders.kin_size[first] == 0:
        family[1] = breeders.order[below(stream, breeders.leaders)]
        return 2
    family[1] = draw_mate(stream, breeders, settings, first)
    if family[1] == NOBODY:
        return 1
    count = 2
    if kind == DIFFERENTIAL:
        count = 3
    elif kind == QUANTUM:
        count = len(family)
    elif kind == MULTI_PARENT:
        count = 3 + below(stream, len(family) - 2)
    for index in range(2, count):
        family[index] = draw_mate(stream, breeders, settings, first)
    return count


@lean_kernel
def stands_better(breeders: Breeders, one: int, other: int) -> bool:
    """Has row ``one`` a lower rank than ``other``, or the same and a larger crowding distance?"""
    rank, crowding = breeders.rank, breeders.crowding
    return rank[one] < rank[other] or (rank[one] == rank[other] and crowding[one] > crowding[other])


@lean_kernel
def cross_by(
    stream: Stream, breeders: Breeders, settings: Settings, children: Genes, row: int, kind: int, count: int
) -> int:
    """Cross ``children[row]``, a copy of the first of the family (count,), by ``kind``; returns the one that was used.

    Where the other parent has no tree to give, subtree crossover gives way to the uniform one.
    """
    genes, family = breeders.genes, breeders.family
    first, second = family[0], family[1]
    if kind == SUBTREE:
        if subtree_crossover(stream, children, row, genes, second):
            return kind
        kind = UNIFORM
    if kind == UNIFORM:
        uniform_crossover(stream, children, row, genes, second)
    elif kind == ONE_POINT:
        one_point(stream, children, row, genes, second)
    elif kind == N_POINT:
        n_point(stream, children, row, genes, second)
    elif kind == ARITHMETIC:
        arithmetic_crossover(stream, children, row, genes, second, settings)
    elif kind == HEURISTIC:
        better, worse = (second, first) if stands_better(breeders, second, first) else (first, second)
        heuristic_crossover(stream, children, row, genes, better, worse, settings)
    elif kind == SBX:
        sbx_crossover(stream, children, row, genes, second, settings)
    elif kind == MULTI_PARENT:
        multi_parent(stream, children, row, genes, family[:count])
    elif kind == DIFFERENTIAL:
        differential_crossover(stream, children, row, genes, second, family[2], settings)
    elif kind == QUANTUM:
        best = first
        for index in range(1, count):
            best = family[index] if stands_better(breeders, family[index], best) else best
        quantum_crossover(stream, children, row, genes, family[:count], best, settings, breeders.bits)
    else:
        swarm_crossover(stream, children, row, genes, second, settings)
    return kind


@lean_kernel
def cross(
    stream: Stream,
    breeders: Breeders,
    settings: Settings,
    shares: npt.NDArray[np.float64],
    children: Genes,
    row: int,
    first: int,
) -> tuple[int, int]:
    """Cross ``children[row]``, a copy of ``first``, by a crossover drawn by ``shares``, which are summed up.

    Returns how many of ``breeders.family`` are its parents, 1 where it found no mate, and the bit of the crossover.
    The child may be in need of repair.
    """
    kind = choose(stream, shares)
    count = gather(stream, breeders, settings, first, kind)
    if count == 1:
        return 1, 0
    kind = cross_by(stream, breeders, settings, children, row, kind, count)
    for index in range(count):
        adopt(children, row, breeders.genes, breeders.family[index])
    return count, 1 << kind
