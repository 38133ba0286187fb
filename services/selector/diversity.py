"""Diversity of a population: how different two members are, on average, by what is looked at."""

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES
from common.genome.layout import GENOME
from common.kernel import kernel
from common.random import exponential, logarithm
from selector.archive import CELLS, HOLDING_EDGES, cells
from selector.covariance import eigen
from selector.distance import Genotypes, distances, genotypes, structural_distance
from selector.state import Members

SAMPLE = 64
"""Members that are compared pair by pair: evenly spread over the population, which stands in order, best first."""
MEASURES: tuple[str, ...] = ("genetic", "structural", "phenotypic", "behavioural", "fitness", "vendi")
_EXPRESSED = [slot for slot, gene in enumerate(ALLELE_GENES) if gene.expressed]


def genetic_diversity(members: Members) -> float:
    """``allele_diversity`` of the expressed genes of ``members`` (n,)."""
    genomes = np.ascontiguousarray(members["genome"]).view(GENOME)
    return allele_diversity(np.ascontiguousarray(genomes["alleles"][:, _EXPRESSED]))


@kernel
def allele_diversity(alleles: npt.NDArray[np.uint8]) -> float:
    """Mean share of genes in which two different members of ``alleles`` (n, genes) differ, over all pairs; in [0, 1].

    Exact without looking at pairs: two draws with replacement differ in a gene with probability 1 - sum p² (the gene
    diversity of Nei 1973), and n / (n - 1) takes out the pairs of a member with itself. 0 for fewer than two members.
    """
    n, genes = alleles.shape
    if n < 2 or genes == 0:
        return 0.0
    total = 0.0
    counts = np.empty(256, np.int64)
    for gene in range(genes):
        counts[:] = 0
        for row in range(n):
            counts[alleles[row, gene]] += 1
        same = 0.0
        for count in counts:
            same += (count / n) ** 2
        total += 1.0 - same
    return total / genes * n / (n - 1)


def diversities(members: Members, objectives: npt.NDArray[np.float64]) -> dict[str, float]:
    """All ``MEASURES`` of a population (n,) with its ``objectives`` (n, m); all but ``vendi`` in [0, 1].

    genetic: alleles that differ (``genetic_diversity``); structural: distance of logic trees; phenotypic: mean
    difference of behaviour descriptors; behavioural: entropy of the occupied cells over that of as many as could be;
    fitness: mean difference of objectives over their range; vendi: effective number of different members in a sample.
    """
    n = len(members)
    if n == 0:
        return dict.fromkeys(MEASURES, 0.0)
    found = genotypes(members["genome"][np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64)])
    descriptor = members["descriptor"].astype(np.float64)
    # As the archive sees it: two bars against four differ as much as a hundred against two hundred.
    descriptor[:, 0] = _octaves(descriptor[:, 0], float(HOLDING_EDGES[-1]))
    low, high = objectives.min(axis=0), objectives.max(axis=0)
    varies = high > low
    spread = mean_difference((objectives - low)[:, varies] / (high - low)[varies])
    return {
        "genetic": genetic_diversity(members),
        "structural": _structural(found),
        "phenotypic": mean_difference(np.clip(descriptor, 0.0, 1.0)),
        "behavioural": cell_entropy(cells(members["descriptor"])),
        "fitness": spread * float(varies.mean()),
        "vendi": vendi_score(1.0 - distances(found, found)),
    }


@kernel
def mean_difference(values: npt.NDArray[np.float64]) -> float:
    """Mean absolute difference of two different rows of ``values`` (n, m), over all pairs and columns (Gini 1912).

    From the sorted columns: the k-th of n stands above k others and below n - 1 - k. 0 for fewer than two rows.
    """
    n, columns = values.shape
    if n < 2 or columns == 0:
        return 0.0
    total = 0.0
    for column in range(columns):
        ascending = np.sort(values[:, column])
        for row in range(n):
            total += (2.0 * row - (n - 1)) * ascending[row]
    return max(total / columns * 2.0 / (n * (n - 1)), 0.0)


def cell_entropy(occupied: npt.NDArray[np.int64]) -> float:
    """Entropy of the cells (n,) that members occupy over the greatest possible: 1 if no two share one that need not."""
    possible = min(len(occupied), CELLS)
    return entropy(np.bincount(occupied) / len(occupied)) / logarithm(float(possible)) if possible > 1 else 0.0


def vendi_score(similarity: npt.NDArray[np.float64]) -> float:
    """Effective number of different items: the exponential of the entropy of the eigenvalues of ``similarity / n``.

    ``similarity`` (n, n) is positive semidefinite with ones on the diagonal (D. Friedman and A. B. Dieng, "The Vendi
    score", 2023). One less the genome distance is: shares of equal genes, of equal bits and of shared tokens are, and
    so is one less the distance of two numbers in [0, 1].
    """
    return exponential(entropy(eigen(similarity / len(similarity))[0]))


@kernel
def entropy(shares: npt.NDArray[np.float64]) -> float:
    """Of ``shares`` (n,) in nats; one of 0, or less by a rounding, adds nothing. The same bits on every machine."""
    total = 0.0
    for share in shares:
        if 0.0 < share < 1.0:
            total -= share * logarithm(share)
    return total


@kernel
def _octaves(bars: npt.NDArray[np.float64], most: float) -> npt.NDArray[np.float64]:
    """Logarithm of ``bars`` (n,) over that of the ``most``, in [0, 1]."""
    shares = np.empty(len(bars))
    for row in range(len(bars)):
        shares[row] = logarithm(min(max(bars[row], 1.0), most)) / logarithm(most)
    return shares


@kernel
def _structural(found: Genotypes) -> float:
    n = len(found.alleles)
    total = 0.0
    for a in range(n):
        for b in range(a):
            total += structural_distance(found, a, found, b)
    return total * 2.0 / (n * (n - 1)) if n > 1 else 0.0
