"""Quantum-inspired bits: a set drawn by chances of its bits, which are turned toward the bits of the best.

K.-H. Han and J.-H. Kim, "Quantum-inspired evolutionary algorithm for a class of combinatorial optimization", IEEE
Transactions on Evolutionary Computation 6, 2002. A bit's chance p of being on stands for the amplitudes sqrt(1 - p) and
sqrt(p); a rotation gate turns them. Chances keep away from 0 and 1 (the H gate of their paper of 2004), so that no bit
is ever settled.
"""

import math

import numpy as np
import numpy.typing as npt

from common.kernel import lean_kernel
from common.random import Stream, uniform
from generator.gates import speaks
from generator.tables import MASK, MASK_BITS, MASK_MAY_BE_EMPTY, MASKS, Genes, Settings

Chances = npt.NDArray[np.float64]
Masks = npt.NDArray[np.uint32]
UNSETTLED = 0.01
"""The least chance of either value of a bit."""
TURN = 0.15643446504023087
"""Sine of the angle of one rotation of a child's chances, pi / 20: the paper's pi / 100 is for hundreds of them."""
MASK_WIDTH = 32


@lean_kernel
def estimate(masks: Masks, chances: Chances) -> None:
    """Chance of each bit: its share among ``masks`` (n,), written into ``chances`` (bits,)."""
    for bit in range(len(chances)):
        ones = 0
        for row in range(len(masks)):
            ones += int(masks[row]) >> bit & 1
        chances[bit] = min(max(ones / len(masks), UNSETTLED), 1.0 - UNSETTLED)


@lean_kernel
def rotated(chance: float, on: int, sine: float) -> float:
    """The chance after one rotation, by the angle of this ``sine`` (0 to 1), toward a bit that is ``on`` (1) or not."""
    cosine = math.sqrt(1.0 - sine * sine)
    toward, away = math.sqrt(chance), math.sqrt(1.0 - chance)
    if on == 0:
        toward, away = away, toward
    left = max(cosine * away - sine * toward, 0.0)
    chance = 1.0 - left * left if on else left * left
    return min(max(chance, UNSETTLED), 1.0 - UNSETTLED)


@lean_kernel
def rotate(chances: Chances, observed: int, best: int, sine: float) -> None:
    """Turn the chance of each bit in which ``observed`` differs from a better set ``best`` toward the latter."""
    for bit in range(len(chances)):
        if (observed ^ best) >> bit & 1:
            chances[bit] = rotated(chances[bit], best >> bit & 1, sine)


@lean_kernel
def observe(stream: Stream, chances: Chances, may_be_empty: bool) -> int:
    """A set that has bit j with ``chances[j]``; one that may not be empty, with the chances given that it is not."""
    empty = 1.0
    for chance in chances:
        empty *= 1.0 - chance
    mask, last = 0, len(chances) - 1
    for bit in range(len(chances)):
        chance = chances[bit]
        if mask == 0 and not may_be_empty:
            certain = bit == last
            chance = 1.0 if certain else chance / (1.0 - empty)
            empty = empty if certain else empty / (1.0 - chances[bit])
        if uniform(stream) < chance:
            mask |= 1 << bit
    return mask


@lean_kernel
def quantum_crossover(
    stream: Stream,
    child: Genes,
    row: int,
    parents: Genes,
    family: npt.NDArray[np.int64],
    best: int,
    settings: Settings,
    room: tuple[Chances, Masks],
) -> None:
    """Each set that speaks is drawn by the shares of its bits in the ``family`` (m,), turned toward parent ``best``.

    The child is a copy of the first of the family: bits in which it has what the best has are not turned. ``room`` to
    work in: (MASK_WIDTH,) and (m,) or more.
    """
    chances, masks = room[0], room[1][: len(family)]
    for slot in MASKS:
        if speaks(child, row, MASK, slot, settings):
            for index in range(len(family)):
                masks[index] = parents.masks[family[index], slot]
            own = chances[: MASK_BITS[slot]]
            estimate(masks, own)
            rotate(own, int(child.masks[row, slot]), int(parents.masks[best, slot]), TURN)
            child.masks[row, slot] = observe(stream, own, MASK_MAY_BE_EMPTY[slot])
