"""Who breeds: tournament, roulette, linear ranking, truncation, epsilon-lexicase; and mates of the same species.

Standing is (rank, crowding): a lower rank is better, in one rank a larger crowding distance, then the earlier row.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel
from common.random import Stream, below, uniform
from generator.tables import Genes, Settings

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NOBODY = -1
METHODS: tuple[str, ...] = ("tournament", "roulette", "rank", "truncation", "lexicase")
TOURNAMENT, ROULETTE, RANK, TRUNCATION, LEXICASE = range(5)


class Breeders(NamedTuple):
    """The breeding set of n genomes, and what the methods of selection look up.

    ``survivors`` and ``elites`` are rows; ``order`` holds the survivors, best first, ``cumulative`` their chances
    summed up, and the first ``leaders`` of them are of the first front. ``contenders`` are the survivors that lexicase
    compares by their ``cases`` (n, k), larger is better; within ``epsilon`` (k,) all are equal. ``kin`` holds the rows
    of a species side by side: those of row r's from ``kin_first[r]`` on, ``kin_size[r]`` many, 0 if it has none.
    ``pool``, ``turn``, ``family`` and ``bits`` are room to work in.
    """

    genes: Genes
    rank: npt.NDArray[np.int32]
    crowding: Floats
    survivors: Rows
    elites: Rows
    order: Rows
    leaders: int
    cumulative: Floats
    contenders: Rows
    cases: Floats
    epsilon: Floats
    kin: Rows
    kin_first: Rows
    kin_size: Rows
    pool: Rows
    turn: Rows
    family: Rows
    bits: tuple[Floats, npt.NDArray[np.uint32]]


@lean_kernel
def tournament(stream: Stream, breeders: Breeders, rows: Rows, size: int) -> int:
    """The best of ``size`` of the ``rows`` drawn with replacement; of equals the one drawn first."""
    rank, crowding = breeders.rank, breeders.crowding
    best = rows[below(stream, len(rows))]
    for _ in range(size - 1):
        other = rows[below(stream, len(rows))]
        if rank[other] < rank[best] or (rank[other] == rank[best] and crowding[other] > crowding[best]):
            best = other
    return best


@lean_kernel
def weighted(breeders: Breeders, pointer: float) -> int:
    """The survivor in whose share of ``cumulative`` the ``pointer`` in [0, 1) stands: roulette, ranking, truncation."""
    place = np.searchsorted(breeders.cumulative, pointer, side="right")
    return breeders.order[min(int(place), len(breeders.order) - 1)]


@lean_kernel
def lexicase(stream: Stream, breeders: Breeders) -> int:
    """Who is left when case after case, in random order, only those within epsilon of the best stay; of several, one.

    Semi-dynamic epsilon-lexicase: epsilon from all contenders, the best from those still there (W. La Cava,
    L. Spector, K. Danai, "Epsilon-lexicase selection for regression", GECCO 2016).
    """
    cases, pool, turn = breeders.cases, breeders.pool, breeders.turn
    size = len(breeders.contenders)
    for index in range(size):
        pool[index] = breeders.contenders[index]
    for case in range(len(turn)):
        turn[case] = case
    for left in range(len(turn), 0, -1):
        if size == 1:
            break
        drawn = below(stream, left)
        case = turn[drawn]
        turn[drawn] = turn[left - 1]
        best = cases[pool[0], case]
        for index in range(1, size):
            best = max(best, cases[pool[index], case])
        stay = 0
        for index in range(size):
            if cases[pool[index], case] >= best - breeders.epsilon[case]:
                pool[stay] = pool[index]
                stay += 1
        size = stay
    return pool[below(stream, size)]


@lean_kernel
def draw(stream: Stream, breeders: Breeders, settings: Settings, pointer: float) -> int:
    """A survivor by the method of the run; a ``pointer`` of 0 or more stands for a draw (``pointers``)."""
    if settings.selection == TOURNAMENT:
        return tournament(stream, breeders, breeders.survivors, settings.tournament)
    if settings.selection == LEXICASE:
        return lexicase(stream, breeders)
    return weighted(breeders, pointer if pointer >= 0.0 else uniform(stream))


@lean_kernel
def draw_parent(stream: Stream, breeders: Breeders, settings: Settings, pointer: float = -1.0) -> int:
    """An elite as often as its share of the set, each alike (as in MAP-Elites); else a survivor by selection."""
    elites = len(breeders.elites)
    drawn = below(stream, elites + len(breeders.survivors))
    return breeders.elites[drawn] if drawn < elites else draw(stream, breeders, settings, pointer)


@lean_kernel
def draw_mate(stream: Stream, breeders: Breeders, settings: Settings, first: int) -> int:
    """The other parent: of the first one's species, but for the share that breeds across species.

    Within a species by tournament, whatever the method of the run. NOBODY where the first is the last of its kind.
    """
    size = breeders.kin_size[first]
    if size == 0 or settings.interbreeding >= 1.0 or uniform(stream) < settings.interbreeding:
        return draw_parent(stream, breeders, settings)
    if size == 1:
        return NOBODY
    start = breeders.kin_first[first]
    return tournament(stream, breeders, breeders.kin[start : start + size], settings.tournament)


@kernel
def pointers(stream: Stream, size: int) -> Floats:
    """Places in [0, 1) for the ``size`` children of a generation, in random order: one in each ``1 / size``.

    Stochastic universal sampling: whoever has the share p of the chances is drawn floor or ceiling of p size times
    (J. E. Baker, "Reducing bias and inefficiency in the selection algorithm", ICGA 1987).
    """
    places = (np.arange(size) + uniform(stream)) / size
    for last in range(size - 1, 0, -1):
        other = below(stream, last + 1)
        places[last], places[other] = places[other], places[last]
    return places
