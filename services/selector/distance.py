"""How far apart two genomes are: alleles, reals, masks and logic trees, each in [0, 1], weighted to one number.

Every part is a metric, so their weighted mean is one: a threshold on it draws a ball around a genome.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES, MASK_GENES, REAL_GENES
from common.genome.layout import GENOME, TREE_TOKENS, TREES
from common.kernel import kernel

TREE_WEIGHT, ALLELE_WEIGHT, REAL_WEIGHT, MASK_WEIGHT = 0.5, 0.25, 0.125, 0.125
"""The logic is most of a strategy; a real gene and a mask say how much, not what."""
_ALLELES = np.array([slot for slot, gene in enumerate(ALLELE_GENES) if gene.expressed])
_REALS = np.array([slot for slot, gene in enumerate(REAL_GENES) if gene.expressed])
_MASKS = np.array([slot for slot, gene in enumerate(MASK_GENES) if gene.expressed])
_LOW = np.array([REAL_GENES[slot].low for slot in _REALS], np.float64)
_EXTENT = np.array([REAL_GENES[slot].high - REAL_GENES[slot].low for slot in _REALS], np.float64)
_BITS = sum(len(MASK_GENES[slot].bits) for slot in _MASKS)

Matrix = npt.NDArray[np.float64]


class Genotypes(NamedTuple):
    """Genomes as what is compared: expressed genes only, reals as shares of their range, tokens of each tree sorted.

    (n, alleles), (n, reals), (n, masks), (n, 4, TREE_TOKENS).
    """

    alleles: npt.NDArray[np.uint8]
    reals: Matrix
    masks: npt.NDArray[np.uint32]
    trees: npt.NDArray[np.uint16]


def genotypes(genomes: npt.NDArray[np.void]) -> Genotypes:
    """Those of a genome column (n,), opaque or of dtype ``GENOME``."""
    population = np.ascontiguousarray(genomes).view(GENOME)
    return Genotypes(
        np.ascontiguousarray(population["alleles"][:, _ALLELES]),
        (population["reals"][:, _REALS] - _LOW) / _EXTENT,
        np.ascontiguousarray(population["masks"][:, _MASKS]),
        -np.sort(-population["trees"].astype(np.int32), axis=-1).astype(np.uint16, order="C"),
    )


@kernel
def _bits(word: np.uint32) -> int:
    count = 0
    left = np.uint64(word)
    while left:
        left &= left - np.uint64(1)
        count += 1
    return count


@kernel
def _tree_distance(one: npt.NDArray[np.uint16], other: npt.NDArray[np.uint16]) -> float:
    """Jaccard distance of two multisets of tokens, sorted downwards and padded with 0; 0 for two empty trees."""
    a, b, shared = 0, 0, 0
    while a < TREE_TOKENS and b < TREE_TOKENS and one[a] and other[b]:
        if one[a] == other[b]:
            shared += 1
            a += 1
            b += 1
        elif one[a] > other[b]:
            a += 1
        else:
            b += 1
    while a < TREE_TOKENS and one[a]:
        a += 1
    while b < TREE_TOKENS and other[b]:
        b += 1
    union = a + b - shared
    return 1.0 - shared / union if union else 0.0


@kernel
def structural_distance(one: Genotypes, a: int, other: Genotypes, b: int) -> float:
    """Mean distance of the four trees of two genomes."""
    total = 0.0
    for which in range(len(TREES)):
        total += _tree_distance(one.trees[a, which], other.trees[b, which])
    return total / len(TREES)


@kernel
def distance(one: Genotypes, a: int, other: Genotypes, b: int) -> float:
    """Of row ``a`` of one and row ``b`` of the other, in [0, 1]: the weighted mean of the four parts.

    Shares of alleles and mask bits that differ (Hamming), mean difference of reals (Manhattan), Jaccard of trees.
    """
    unlike = 0
    for gene in range(one.alleles.shape[1]):
        unlike += one.alleles[a, gene] != other.alleles[b, gene]
    apart = 0.0
    for gene in range(one.reals.shape[1]):
        apart += abs(one.reals[a, gene] - other.reals[b, gene])
    flipped = 0
    for gene in range(one.masks.shape[1]):
        flipped += _bits(one.masks[a, gene] ^ other.masks[b, gene])
    return (
        TREE_WEIGHT * structural_distance(one, a, other, b)
        + ALLELE_WEIGHT * unlike / one.alleles.shape[1]
        + REAL_WEIGHT * apart / one.reals.shape[1]
        + MASK_WEIGHT * flipped / _BITS
    )


@kernel
def distances(one: Genotypes, other: Genotypes) -> Matrix:
    """All of one against all of the other, (n, m)."""
    found = np.empty((len(one.alleles), len(other.alleles)))
    for a in range(len(found)):
        for b in range(found.shape[1]):
            found[a, b] = distance(one, a, other, b)
    return found


@kernel
def spread_out(found: Genotypes, first: int, wanted: int) -> npt.NDArray[np.int64]:
    """``wanted`` rows, ``first`` and then whoever is farthest from all before (T. F. Gonzalez 1985); ties by row."""
    n = len(found.alleles)
    count = min(n, wanted)
    rows = np.empty(count, np.int64)
    nearest = np.full(n, np.inf)
    chosen = first
    for position in range(count):
        rows[position] = chosen
        nearest[chosen] = -1.0
        farthest = -1
        for row in range(n):
            if nearest[row] >= 0.0:
                nearest[row] = min(nearest[row], distance(found, chosen, found, row))
                if farthest < 0 or nearest[row] > nearest[farthest]:
                    farthest = row
        chosen = farthest
    return rows
