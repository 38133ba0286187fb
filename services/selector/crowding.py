"""Crowding distance in every front at once, and who makes way in a front that is too large.

Deb, Pratap, Agarwal, Meyarivan 2002. Members make way one at a time, and distances are counted anew after each:
S. Kukkonen and K. Deb, "Improved pruning of non-dominated solutions based on crowding distance", CEC 2006.
"""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel
from selector.ranking import UNRANKED

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Orders = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NOBODY = -1
ENDLESS, GONE = 1e300, np.inf


@kernel
def crowding(columns: Floats, ascending: Orders, rank: Ranks, repeated: Flags) -> Floats:
    """Crowding distance (n,) within each front, divided by m; infinite at either end of an objective.

    ``columns`` (m, n), and their rows as they ascend, (m, n), ties by position. Of equal rows of a front all but the
    first (``repeated``) get 0, so that copies make way for what differs. A constant objective counts 0, and so does a
    row that is ``UNRANKED``.
    """
    m, n = columns.shape
    found = np.zeros(n)
    fronts = 0
    for row in range(n):
        if rank[row] != UNRANKED:
            fronts = max(fronts, int(rank[row]) + 1)
    size = np.zeros(fronts, np.int64)
    lowest, highest, before = np.empty(fronts), np.empty(fronts), np.empty(fronts)
    latest = np.empty(fronts, np.int64)
    for row in range(n):
        if rank[row] != UNRANKED:
            size[rank[row]] += 1
    for objective in range(m):
        lowest[:], highest[:] = np.inf, -np.inf
        for row in range(n):
            if rank[row] != UNRANKED:
                lowest[rank[row]] = min(lowest[rank[row]], columns[objective, row])
                highest[rank[row]] = max(highest[rank[row]], columns[objective, row])
        _widths(columns[objective], ascending[objective], rank, repeated, (highest - lowest, before, latest), found, m)
    for row in range(n):
        if rank[row] != UNRANKED and size[rank[row]] <= 2:
            found[row] = np.inf
    return found


@lean_kernel
def _widths(
    values: Floats,
    ascending: Rows,
    rank: Ranks,
    repeated: Flags,
    fronts: tuple[Floats, Floats, Rows],
    found: Floats,
    m: int,
) -> None:
    """Add what one objective says to ``found``: in a walk up its values, each front remembers whom it saw last."""
    extent, before, latest = fronts
    latest[:] = NOBODY
    for row in ascending:
        front = rank[row]
        if front == UNRANKED or repeated[row] or extent[front] <= 0.0:
            continue
        neighbour = latest[front]
        if neighbour == NOBODY:
            found[row] = np.inf
            before[front] = values[row]
        else:
            found[neighbour] += (values[row] - before[front]) / extent[front] / m
            before[front] = values[neighbour]
        latest[front] = row
    for neighbour in latest:
        if neighbour != NOBODY:
            found[neighbour] = np.inf


@kernel
def pruned(columns: Floats, ascending: Orders, front: Flags, repeated: Flags, wanted: int) -> Rows:
    """The ``wanted`` rows of one ``front`` (n,) that are left, ascending, when the most crowded goes again and again.

    Of equally crowded rows the last goes; copies (``repeated``) go before all others.
    """
    left = np.flatnonzero(front & ~repeated)
    if len(left) <= wanted:
        copies = np.flatnonzero(front & repeated)
        return np.sort(np.concatenate((left, copies[: wanted - len(left)])))
    chain = _chain(columns, ascending, left)
    leaves = 1
    while leaves < len(left):
        leaves *= 2
    least = np.full(2 * leaves, GONE)
    for index in range(len(left)):
        least[leaves + index] = _room(chain, index)
    for node in range(leaves - 1, 0, -1):
        least[node] = min(least[2 * node], least[2 * node + 1])
    _prune(chain, least, len(left) - wanted)
    return left[least[leaves : leaves + len(left)] < GONE]


@kernel
def _chain(columns: Floats, ascending: Orders, left: Rows) -> tuple[Floats, Orders, Orders]:
    """Values (m, k) of the rows ``left`` over the extent, and who stands below and above each, (m, k)."""
    m, n = columns.shape
    place = np.full(n, NOBODY, np.int64)
    place[left] = np.arange(len(left))
    below, above = np.full((m, len(left)), NOBODY, np.int64), np.full((m, len(left)), NOBODY, np.int64)
    values = np.empty((m, len(left)))
    for objective in range(m):
        latest = NOBODY
        low = columns[objective, left].min()
        extent = columns[objective, left].max() - low
        for row in ascending[objective]:
            index = place[row]
            if index == NOBODY:
                continue
            values[objective, index] = (columns[objective, row] - low) / extent if extent > 0.0 else 0.0
            if extent > 0.0:
                below[objective, index] = latest
                if latest != NOBODY:
                    above[objective, latest] = index
                latest = index
            else:
                below[objective, index] = above[objective, index] = index
    return values, below, above


@lean_kernel
def _room(chain: tuple[Floats, Orders, Orders], index: int) -> float:
    """Crowding distance of one member, not divided by m: ``ENDLESS`` for the last of a side."""
    values, below, above = chain
    total = 0.0
    for objective in range(len(values)):
        low, high = below[objective, index], above[objective, index]
        if min(low, high) == NOBODY:
            return ENDLESS
        total += values[objective, high] - values[objective, low]
    return total


@lean_kernel
def _set(least: Floats, node: int, value: float) -> None:
    least[node] = value
    while node > 1:
        node >>= 1
        least[node] = min(least[2 * node], least[2 * node + 1])


@lean_kernel
def _prune(chain: tuple[Floats, Orders, Orders], least: Floats, excess: int) -> None:
    """Take out ``excess`` members; ``least`` (2 l,) is a tree of minima whose leaves are their distances."""
    _, below, above = chain
    leaves = len(least) // 2
    for _ in range(excess):
        node = 1
        while node < leaves:
            node = 2 * node + 1 if least[2 * node + 1] <= least[2 * node] else 2 * node
        index = node - leaves
        _set(least, node, GONE)
        for objective in range(len(below)):
            low, high = below[objective, index], above[objective, index]
            if low == index:
                continue
            if low != NOBODY:
                above[objective, low] = high
            if high != NOBODY:
                below[objective, high] = low
        for objective in range(len(below)):
            for neighbour in (below[objective, index], above[objective, index]):
                if neighbour not in (NOBODY, index):
                    _set(least, leaves + neighbour, _room(chain, neighbour))
