"""Differential evolution and a bare-bones particle swarm: one step of a whole real-coded population in one kernel."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel
from common.random import STREAM_WORDS, Stream, below, open_stream, uniform
from generator.real import bare_bones, differential

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
RANDOM = -1
"""In place of a row: the base of each trial is drawn."""


class Difference(NamedTuple):
    """How a trial is made: its factor is from ``least`` to ``most``, and it takes a gene with chance ``crossed``."""

    least: float = 0.5
    most: float = 1.0
    crossed: float = 0.7


@lean_kernel
def another(stream: Stream, n: int, one: int, two: int, three: int) -> int:
    """A row below ``n``, each equally likely, that is none of the three given; ``n`` is at least 4."""
    while True:
        row = below(stream, n)
        if row not in (one, two, three):
            return row


@kernel
def trials(
    name: tuple[np.uint64, int, int], population: Floats, base: int, low: Floats, high: Floats, settings: Difference
) -> Floats:
    """One trial (n, g) for each member of ``population`` (n, g), n at least 4: DE/best/1/bin, or DE/rand/1/bin.

    R. Storn and K. Price, "Differential evolution", Journal of Global Optimization 11, 1997. ``base``: the row of the
    best, or RANDOM. The three rows of a trial differ, and none of those drawn is the member's own. At least one gene is
    taken. Genes that leave ``low`` and ``high`` (g,) are reflected. ``name``: key, island, generation; each trial draws
    from a stream of its own, whose slot is its row.
    """
    n, genes = population.shape
    found = population.copy()
    stream = np.empty(STREAM_WORDS, np.uint64)
    for row in range(n):
        open_stream(stream, name[0], name[1], name[2], row)
        start = another(stream, n, row, row, row) if base == RANDOM else base
        plus = another(stream, n, row, start, start)
        minus = another(stream, n, row, start, plus)
        factor = settings.least + (settings.most - settings.least) * uniform(stream)
        forced = below(stream, genes)
        for gene in range(genes):
            if uniform(stream) < settings.crossed or gene == forced:
                one, other = population[plus, gene], population[minus, gene]
                found[row, gene] = differential(population[start, gene], one, other, factor, low[gene], high[gene])
    return found


@kernel
def leaders(cost: Floats, reach: int) -> Rows:
    """The row (n,) of least ``cost`` (n,) among each row's neighbours, ``reach`` to either side of it on a ring.

    Of equals the first from the left. A reach of half the swarm makes one leader for all, who draws it together soon.
    """
    n = len(cost)
    found = np.empty(n, np.int64)
    for row in range(n):
        best = (row - reach) % n
        for step in range(1 - reach, reach + 1):
            other = (row + step) % n
            if cost[other] < cost[best]:
                best = other
        found[row] = best
    return found


@kernel
def positions(
    name: tuple[np.uint64, int, int], personal: Floats, leader: Rows, low: Floats, high: Floats, kept: float
) -> Floats:
    """The next positions (n, g) of a swarm whose members were best at ``personal`` (n, g) and follow ``leader`` (n,).

    J. Kennedy, "Bare bones particle swarms", 2003. With chance ``kept`` a gene is that of the personal best (1/2 in his
    version for exploitation, 0 in the plain one). ``name``: key, island, generation; each member has a stream of its
    own, whose slot is its row.
    """
    n, genes = personal.shape
    found = personal.copy()
    stream = np.empty(STREAM_WORDS, np.uint64)
    for row in range(n):
        open_stream(stream, name[0], name[1], name[2], row)
        for gene in range(genes):
            if uniform(stream) >= kept:
                best = personal[leader[row], gene]
                found[row, gene] = bare_bones(stream, personal[row, gene], best, low[gene], high[gene])
    return found
