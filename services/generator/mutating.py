"""Which mutations a child gets: drawn from the mix, one after the other, half of the usual ones to the logic."""

import numpy as np
import numpy.typing as npt

from common.genome.operators import MUTATIONS
from common.kernel import lean_kernel
from common.random import Stream, uniform
from generator.crossover import draw_open_tree
from generator.mixing import FIRST_MUTATION
from generator.mutation import adaptive_step, creep, flip, gaussian, jump, polynomial_step, reset, uniform_step
from generator.slot_mutation import mutate_slot
from generator.structure import fill, replace, restructure
from generator.tables import Genes, Settings
from generator.trees import choose, live_slots

_NAMES = tuple(MUTATIONS)
LOGIC, STRUCTURAL, POINT, GAUSSIAN, UNIFORM, POLYNOMIAL, ADAPTIVE, CREEP, JUMP, FLIP = (
    _NAMES.index(name)
    for name in (
        "logic",
        "structural",
        "point",
        "gaussian",
        "uniform_step",
        "polynomial",
        "adaptive_step",
        "creep",
        "jump",
        "flip",
    )
)
_MORE = 0.35


@lean_kernel
def mutate_logic(stream: Stream, genes: Genes, row: int, structural: bool) -> None:
    """Change a token or the structure of a tree of an open side; an empty one gets a tree."""
    which = draw_open_tree(stream, genes, row)
    tree, live = genes.trees[row, which], live_slots(genes.alleles[row])
    if fill(stream, tree, which, live):
        return
    if structural:
        restructure(stream, tree, which, live)
    else:
        replace(stream, tree, live)


@lean_kernel
def mutate_by(stream: Stream, genes: Genes, row: int, settings: Settings, kind: int) -> None:
    """Apply mutation ``kind`` of ``MUTATIONS``."""
    if kind in (LOGIC, STRUCTURAL):
        mutate_logic(stream, genes, row, kind == STRUCTURAL)
    elif kind == POINT:
        reset(stream, genes, row, settings)
    elif kind == GAUSSIAN:
        gaussian(stream, genes, row, settings)
    elif kind == UNIFORM:
        uniform_step(stream, genes, row, settings)
    elif kind == POLYNOMIAL:
        polynomial_step(stream, genes, row, settings)
    elif kind == ADAPTIVE:
        adaptive_step(stream, genes, row, settings)
    elif kind == CREEP:
        creep(stream, genes, row, settings)
    elif kind == JUMP:
        jump(stream, genes, row, settings)
    elif kind == FLIP:
        flip(stream, genes, row, settings)
    else:
        mutate_slot(stream, genes, row)


@lean_kernel
def mutate(stream: Stream, genes: Genes, row: int, settings: Settings, shares: npt.NDArray[np.float64]) -> int:
    """Apply one mutation, and with probability 0.35 another, and so on, each drawn by ``shares``, which are summed up.

    Returns the bits of those that were applied.
    """
    bits = 0
    while True:
        kind = choose(stream, shares)
        mutate_by(stream, genes, row, settings, kind)
        bits |= 1 << (FIRST_MUTATION + kind)
        if uniform(stream) >= _MORE:
            return bits
