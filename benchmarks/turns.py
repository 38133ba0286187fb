"""Two threads that share the work of generations: each takes the next pair of children, breeds and evaluates it."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from common.kernel import kernel, lean_kernel
from generator.emitting import emit_lines
from generator.offspring import Variation, fill_offspring

Floats = npt.NDArray[np.float64]
Counters = npt.NDArray[np.int64]
GENES = 30
VARIATION = Variation(crossover_rate=0.9, crossover_eta=15.0, mutation_rate=1 / GENES, mutation_eta=20.0)
TAKEN, DONE = 0, 1
NUMBER, ROWS = 0, 1
_OVER = 1 << 40


@intrinsic
def _add(typing: Any, counters: Any, index: Any, amount: Any) -> Any:
    """Add to one of the counters as a step that no other thread can come between; what it was before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])  # type: ignore[no-untyped-call]
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(counters, types.intp, types.int64), generate


class Ground(NamedTuple):
    """What the children of a generation are bred from, and where they and their costs (n, m) are written.

    ``rank`` and ``crowding`` of the parents for SBX and mutation; or ``rows``, for iso-line steps between two of them.
    """

    parents: Floats
    rank: npt.NDArray[np.int32]
    crowding: Floats
    rows: Counters
    bounds: tuple[Floats, Floats]
    children: Floats
    cost: Floats
    turns: int
    """How long an evaluation is kept busy, in steps of its chain."""


@lean_kernel
def evaluate(genes: Floats, cost: Floats, turns: int) -> None:
    """ZDT1's costs or, of one objective, the sphere's, after ``turns`` additions and products that cannot overlap."""
    busy = 1.0
    for _ in range(turns):
        busy = busy * 0.999999 + 1e-9
    total, squares = 0.0, 0.0
    for gene in range(len(genes)):
        total += genes[gene]
        squares += (genes[gene] - 0.5) ** 2
    if len(cost) == 1:
        cost[0] = squares + 0.0 * busy
        return
    g = 1.0 + 9.0 * (total - genes[0]) / (len(genes) - 1)
    cost[0], cost[1] = genes[0], g * (1.0 - np.sqrt(genes[0] / g)) + 0.0 * busy


class Baton(NamedTuple):
    """How two threads agree: ``counters`` (generations, 2) of pairs taken and done; ``now`` (2,): which generation is
    bred, -1 before the first, and how many of the ground's ``rows`` breed."""

    counters: Counters
    now: Counters


def baton(generations: int) -> Baton:
    """Before the first generation."""
    return Baton(np.zeros((generations, 2), np.int64), np.array([-1, 0]))


@kernel
def _take_turns(ground: Ground, baton: Baton, number: int) -> None:
    """Breed and evaluate the next pair of a generation until none is left.

    Each child follows from its name, so it does not matter who bred it.
    """
    pairs, counters = len(ground.children) // 2, baton.counters[number]
    key, island = np.uint64(1), 0
    iso, breeders = np.full(GENES, 0.01), ground.rows[: baton.now[ROWS]]
    while True:
        pair: int = _add(counters, TAKEN, 1)  # type: ignore[call-arg]
        if pair >= pairs:
            return
        rows = slice(2 * pair, 2 * pair + 2)
        children, cost = ground.children[rows], ground.cost[rows]
        slots = (key, island, number, 2 * pair)
        if len(ground.rows) == 0:
            rank, crowding = ground.rank, ground.crowding
            fill_offspring(slots, ground.parents, rank, crowding, ground.bounds, VARIATION, children)
        else:
            emit_lines(slots, ground.parents, breeders, ground.bounds, iso, 0.2, children)
        for row in range(2):
            evaluate(children[row], cost[row], ground.turns)
        _add(counters, DONE, 1)


@kernel
def lead(ground: Ground, baton: Baton, rows: int) -> None:
    """Begin the next generation, with so many of the ground's rows, and return when all its children are evaluated."""
    baton.now[ROWS] = rows
    number: int = 1 + _add(baton.now, NUMBER, 1)  # type: ignore[call-arg]
    _take_turns(ground, baton, number)
    while _add(baton.counters[number], DONE, 0) < len(ground.children) // 2:
        pass


@kernel
def follow(ground: Ground, baton: Baton) -> None:
    """Help with every generation, wide awake in between: to wake a thread takes as long as five evaluations."""
    last = -1
    while True:
        number: int = _add(baton.now, NUMBER, 0)  # type: ignore[call-arg]
        if number >= _OVER:
            return
        if number > last:
            last = number
            _take_turns(ground, baton, number)


@kernel
def finish(baton: Baton) -> None:
    """Let who follows return."""
    _add(baton.now, NUMBER, _OVER)  # type: ignore[call-arg]


@kernel
def keep_busy(count: int, turns: int) -> float:
    """``count`` evaluations and nothing else."""
    genes, cost = np.full(GENES, 0.3), np.zeros(2)
    for _ in range(count):
        evaluate(genes, cost, turns)
    return float(cost[1])
