"""The space that a landscape lies over: steps of one kind of mutation, the distance of two genomes, what is seen there.

``Space`` is what the measures of a landscape need to know of any search space; ``Genomes`` is ours.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.genome.genes import ALLELE_GENES, MASK_GENES, REAL_GENES
from common.genome.layout import Population
from common.genome.operators import MUTATIONS
from common.genome.tree import END
from common.kernel import kernel
from common.random import new_stream, open_stream
from generator.gates import speaks
from generator.initialise import random_population, repair
from generator.mixing import USUAL
from generator.mutating import mutate, mutate_by
from generator.tables import REAL, REALS, Genes, Settings, pack, unpack

MOVES: tuple[str, ...] = ("as bred", *MUTATIONS)
"""Kinds of steps: all mutations in the shares that breeding has, then each of them alone."""
AS_BRED = 0
Points = npt.NDArray[Any]
"""Points of a space, the first axis counts them; a point may be a row."""


class Seen(NamedTuple):
    """``fitness`` (n,), greater is better; ``mark`` (n,) of any dtype that sorts: equal where points are one place."""

    fitness: Floats
    mark: npt.NDArray[Any]


class Space(Protocol):
    """A search space; equal arguments give equal points."""

    def step(self, points: Points, kind: int, number: int) -> Points:
        """One step of this kind from each point; ``number`` names the draws."""

    def look(self, points: Points) -> Seen:
        """The landscape at these points."""


@kernel
def _step(genes: Genes, kind: int, key: np.uint64, number: int, settings: Settings, shares: Floats) -> None:
    stream = new_stream(key, kind, number, 0)
    for row in range(len(genes.alleles)):
        open_stream(stream, key, kind, number, row)
        if kind == AS_BRED:
            mutate(stream, genes, row, settings, shares)
        else:
            mutate_by(stream, genes, row, settings, kind - 1)
        repair(stream, genes, row)


@kernel
def _speaking(genes: Genes, settings: Settings) -> npt.NDArray[np.bool_]:
    found = np.zeros((len(genes.reals), genes.reals.shape[1]), np.bool_)
    for row in range(len(found)):
        for slot in REALS:
            found[row, slot] = speaks(genes, row, REAL, slot, settings)
    return found


class Genomes:
    """Strategies as points: ``look`` measures a population (n,), which costs a back-test each."""

    def __init__(self, settings: Settings, key: int, look: Callable[[Population], Seen]) -> None:
        self.settings, self.key, self.look = settings, key, look

    def draw(self, count: int) -> Population:
        """Random genomes, as a first generation has them."""
        return random_population(count, self.settings, self.key, len(MOVES), 0)

    def step(self, points: Population, kind: int, number: int) -> Population:
        """See ``Space``; every one of them is a genome that may exist."""
        genes = unpack(points)
        _step(genes, kind, np.uint64(self.key), number, self.settings, USUAL.mutations)
        return pack(genes)

    def speaking(self, points: Population) -> npt.NDArray[np.bool_]:
        """Which numbers of each genome may change what it does, shape (n, real genes)."""
        return np.asarray(_speaking(unpack(points), self.settings), np.bool_)


_ALLELES = np.array([gene.expressed for gene in ALLELE_GENES])
_REALS = np.array([gene.expressed for gene in REAL_GENES])
_RANGE = np.array([gene.high - gene.low for gene in REAL_GENES])
_BITS = np.array([len(gene.bits) for gene in MASK_GENES])


def distance(points: Population, others: Population) -> Floats:
    """How far each genome (n,) is from the one beside it in ``others`` (n,), from 0 (the same) to 1.

    The mean over four parts: alleles that differ; numbers, by shares of their ranges; bits of sets that differ; and, of
    the logic, the tokens that the same trees do not share (1 - Jaccard of multisets).
    """
    alleles = (points["alleles"] != others["alleles"])[:, _ALLELES].mean(axis=1)
    reals = (np.abs(points["reals"] - others["reals"]) / _RANGE)[:, _REALS].mean(axis=1)
    bits = np.bitwise_count(points["masks"] ^ others["masks"]).sum(axis=1) / _BITS.sum()
    logic = [1.0 - _shared(*both) for both in zip(points["trees"], others["trees"], strict=True)]
    return np.asarray((alleles + reals + bits + np.array(logic)) / 4.0, np.float64)


def _shared(one: npt.NDArray[np.uint16], other: npt.NDArray[np.uint16]) -> float:
    both = either = 0
    for here, there in zip(one, other, strict=True):
        tokens = np.union1d(here[here != END], there[there != END])
        mine, yours = ((tree[:, None] == tokens).sum(axis=0) for tree in (here, there))
        both += int(np.minimum(mine, yours).sum())
        either += int(np.maximum(mine, yours).sum())
    return both / either if either else 1.0
