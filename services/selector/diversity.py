"""Diversity of a population: how different two members are, on average."""

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES
from common.genome.layout import GENOME
from common.kernel import kernel
from selector.state import Members

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
