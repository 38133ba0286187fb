"""Crossover of the real genes that speak: arithmetic, heuristic, SBX, differential evolution, bare-bones swarm.

A genome is blended in the shares of its ranges (``scales``), so that a scale is blended in its logarithm; all that is
not a real gene stays as the first parent has it.
"""

from common.kernel import lean_kernel
from common.random import Stream, below, uniform
from generator.gates import speaks
from generator.real import arithmetic, bare_bones, differential, heuristic, sbx
from generator.scales import share_of, value_of
from generator.tables import REAL, REALS, Genes, Settings

SBX_ETA = 15.0
_SBX_SHARE = 0.5
"""How many genes SBX crosses, as in Deb's NSGA-II program; the others stay."""
FACTOR, CROSSED = 0.5, 0.9
"""Of differential evolution (Storn and Price 1997): the step in differences, and the share of genes that take it."""


@lean_kernel
def arithmetic_crossover(
    stream: Stream, child: Genes, row: int, parents: Genes, other: int, settings: Settings
) -> None:
    """Each number is drawn between the parents' (intermediate recombination, Muehlenbein 1993)."""
    for slot in REALS:
        if speaks(child, row, REAL, slot, settings):
            a, b = share_of(child.reals[row, slot], slot), share_of(parents.reals[other, slot], slot)
            child.reals[row, slot] = value_of(arithmetic(stream, a, b), slot)


@lean_kernel
def heuristic_crossover(
    stream: Stream, child: Genes, row: int, parents: Genes, better: int, worse: int, settings: Settings
) -> None:
    """Each number goes on from the worse parent past the better one (Wright 1991)."""
    for slot in REALS:
        if speaks(child, row, REAL, slot, settings):
            a, b = share_of(parents.reals[better, slot], slot), share_of(parents.reals[worse, slot], slot)
            child.reals[row, slot] = value_of(heuristic(stream, a, b, 0.0, 1.0), slot)


@lean_kernel
def sbx_crossover(stream: Stream, child: Genes, row: int, parents: Genes, other: int, settings: Settings) -> None:
    """Half of the numbers by simulated binary crossover (Deb and Agrawal 1995)."""
    for slot in REALS:
        if speaks(child, row, REAL, slot, settings) and uniform(stream) < _SBX_SHARE:
            a, b = share_of(child.reals[row, slot], slot), share_of(parents.reals[other, slot], slot)
            child.reals[row, slot] = value_of(sbx(stream, a, b, 0.0, 1.0, SBX_ETA)[0], slot)


@lean_kernel
def differential_crossover(
    stream: Stream, child: Genes, row: int, parents: Genes, one: int, other: int, settings: Settings
) -> None:
    """DE/rand/1/bin with the child as the base: numbers step by a share of the difference of two more parents."""
    forced = REALS[below(stream, len(REALS))]
    for slot in REALS:
        if speaks(child, row, REAL, slot, settings) and (uniform(stream) < CROSSED or slot == forced):
            base = share_of(child.reals[row, slot], slot)
            a, b = share_of(parents.reals[one, slot], slot), share_of(parents.reals[other, slot], slot)
            child.reals[row, slot] = value_of(differential(base, a, b, FACTOR, 0.0, 1.0), slot)


@lean_kernel
def swarm_crossover(stream: Stream, child: Genes, row: int, parents: Genes, leader: int, settings: Settings) -> None:
    """Each number drawn round the middle of the child's and a leader's, as wide as they are apart (Kennedy 2003)."""
    for slot in REALS:
        if speaks(child, row, REAL, slot, settings):
            a, b = share_of(child.reals[row, slot], slot), share_of(parents.reals[leader, slot], slot)
            child.reals[row, slot] = value_of(bare_bones(stream, a, b, 0.0, 1.0), slot)
