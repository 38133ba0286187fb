"""The next generation of a real-coded population in one kernel: binary tournaments, SBX, polynomial mutation."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel
from common.random import STREAM_WORDS, Stream, below, next_u64, open_stream, uniform
from generator.real import ALIKE, LANES, log, polynomial, powers

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
_COINS = 64
_DOUBLE_SHIFT, _DOUBLE_STEP = np.uint64(11), 2.0**-53
_COIN = np.uint64(1)
_NEVER = 1e-12


class Variation(NamedTuple):
    """How children differ from their parents.

    ``crossover_rate``: of pairs, of which each gene is crossed with probability 1/2; ``mutation_rate``: of genes, 0
    below 1e-12; the indices as in ``real.sbx`` and ``real.polynomial``.
    """

    crossover_rate: float
    crossover_eta: float
    mutation_rate: float
    mutation_eta: float


class Scratch(NamedTuple):
    """What one crossing needs: locus and word (g,) of each crossed gene, spreads (2 g, to a multiple of ``LANES``)."""

    locus: npt.NDArray[np.int64]
    word: npt.NDArray[np.uint64]
    spread: Floats


@lean_kernel
def tournament(stream: Stream, rank: Ranks, crowding: Floats) -> int:
    """The better of two random rows: of lower rank, or else less crowded; of equals the first drawn."""
    one, two = below(stream, len(rank)), below(stream, len(rank))
    if rank[one] != rank[two]:
        return one if rank[one] < rank[two] else two
    return two if crowding[two] > crowding[one] else one


@lean_kernel
def cross(stream: Stream, pair: Floats, low: Floats, high: Floats, eta: float, scratch: Scratch) -> None:
    """``real.sbx`` on each gene of ``pair`` (2, g) with probability 1/2: the same numbers, powers for all at once."""
    locus, word, spread = scratch
    crossed, coins = 0, np.uint64(0)
    for gene in range(pair.shape[1]):
        if gene % _COINS == 0:
            coins = next_u64(stream)
        apart = abs(pair[0, gene] - pair[1, gene]) > ALIKE and low[gene] < high[gene]
        # Written always and counted sometimes: a branch on a coin would be guessed wrong every other time.
        locus[crossed] = gene
        crossed += int(coins & _COIN) & int(apart)
        coins >>= _COIN
    for index in range(crossed):
        word[index] = next_u64(stream)
        gene = locus[index]
        first, second = min(pair[0, gene], pair[1, gene]), max(pair[0, gene], pair[1, gene])
        spread[index] = 1.0 + 2.0 * (first - low[gene]) / (second - first)
        spread[crossed + index] = 1.0 + 2.0 * (high[gene] - second) / (second - first)
    powers(spread, 2 * crossed, -(eta + 1.0))
    for index in range(crossed):
        u = float(word[index] >> _DOUBLE_SHIFT) * _DOUBLE_STEP
        lower, upper = u * (2.0 - spread[index]), u * (2.0 - spread[crossed + index])
        spread[index] = lower if lower <= 1.0 else 1.0 / (2.0 - lower)
        spread[crossed + index] = upper if upper <= 1.0 else 1.0 / (2.0 - upper)
    powers(spread, 2 * crossed, 1.0 / (eta + 1.0))
    for index in range(crossed):
        gene = locus[index]
        first, second = min(pair[0, gene], pair[1, gene]), max(pair[0, gene], pair[1, gene])
        difference, middle = second - first, first + second
        lower = min(max(0.5 * (middle - spread[index] * difference), low[gene]), high[gene])
        upper = min(max(0.5 * (middle + spread[crossed + index] * difference), low[gene]), high[gene])
        nearer = np.int64(word[index] & _COIN)
        pair[1 - nearer, gene] = lower
        pair[nearer, gene] = upper


@lean_kernel
def mutate(stream: Stream, child: Floats, low: Floats, high: Floats, rate: float, eta: float) -> None:
    """``real.polynomial`` on each gene of ``child`` (g,) with probability ``rate``.

    The distance from one mutated gene to the next is drawn (it is geometric), not a number for each gene.
    """
    if rate < _NEVER:
        return
    per_gene = 1.0 / log(1.0 - rate) if rate < 1.0 else 0.0
    gene = int(log(1.0 - uniform(stream)) * per_gene)
    while gene < len(child):
        child[gene] = polynomial(stream, child[gene], low[gene], high[gene], eta)
        gene += 1 + int(log(1.0 - uniform(stream)) * per_gene)


@kernel
def fill_offspring(
    name: tuple[np.uint64, int, int, int],
    parents: Floats,
    rank: Ranks,
    crowding: Floats,
    bounds: tuple[Floats, Floats],
    variation: Variation,
    children: Floats,
) -> None:
    """Fill ``children`` (k, g), k even, as ``offspring`` would its rows from the first slot on.

    ``name``: key, island, generation, first slot, which is even. So several threads make one generation.
    """
    low, high = bounds
    genes = parents.shape[1]
    stream = np.empty(STREAM_WORDS, np.uint64)
    spreads = np.ones(-(-2 * genes // LANES) * LANES)
    scratch = Scratch(np.empty(genes, np.int64), np.empty(genes, np.uint64), spreads)
    for row in range(0, len(children), 2):
        open_stream(stream, name[0], name[1], name[2], name[3] + row)
        pair = children[row : row + 2]
        first, second = tournament(stream, rank, crowding), tournament(stream, rank, crowding)
        for gene in range(genes):
            pair[0, gene], pair[1, gene] = parents[first, gene], parents[second, gene]
        if uniform(stream) < variation.crossover_rate:
            cross(stream, pair, low, high, variation.crossover_eta, scratch)
        for child in range(2):
            mutate(stream, pair[child], low, high, variation.mutation_rate, variation.mutation_eta)


@kernel
def offspring(
    name: tuple[np.uint64, int, int],
    parents: Floats,
    rank: Ranks,
    crowding: Floats,
    low: Floats,
    high: Floats,
    variation: Variation,
    count: int,
) -> Floats:
    """``count`` children (count, g) of ``parents`` (n, g) with bounds ``low`` and ``high`` (g,).

    Two parents are chosen by binary tournament on ``rank`` (n,) and ``crowding`` (n,) (K. Deb and others, NSGA-II,
    2002), and have two children. ``name``: key, island, generation; each pair of children draws from the stream whose
    slot is the row of the first.
    """
    children = np.empty((count + count % 2, parents.shape[1]))
    key, island, generation = name
    fill_offspring((key, island, generation, 0), parents, rank, crowding, (low, high), variation, children)
    return children[:count]
