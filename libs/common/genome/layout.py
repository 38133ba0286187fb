"""The record: how the genes of one genome lie in memory, and how a population of them is one NumPy array."""

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES, MASK_GENES, REAL_GENES

GENOME_VERSION = 2
TREES: tuple[str, ...] = ("long_entry", "long_exit", "short_entry", "short_exit")
TREE_TOKENS = 16
"""Tokens of one logic tree, postfix, padded with END."""
GRAPH_NODES = 16
GRAPH_EDGES = 24

GENOME = np.dtype(
    [
        ("version", "u1"),
        ("alleles", "u1", (len(ALLELE_GENES),)),
        ("reals", "<f4", (len(REAL_GENES),)),
        ("masks", "<u4", (len(MASK_GENES),)),
        ("trees", "<u2", (len(TREES), TREE_TOKENS)),
        ("feature_sources", "<u2", (4, 2)),
        ("node_activation", "u1", (GRAPH_NODES,)),
        ("edge_from", "u1", (GRAPH_EDGES,)),
        ("edge_to", "u1", (GRAPH_EDGES,)),
        ("edge_innovation", "<u4", (GRAPH_EDGES,)),
        ("edge_weight", "<f4", (GRAPH_EDGES,)),
    ]
)
"""Packed, little endian. Encodings: ``masks`` binary, ``reals`` real, ``trees`` tree, ``node_*`` and ``edge_*`` graph
(reserved: zero in version 2), ``alleles`` finite tables; all of them together are the mixed encoding."""
GENOME_BYTES = GENOME.itemsize
RESERVED_BLOCKS: tuple[str, ...] = (
    "node_activation",
    "edge_from",
    "edge_to",
    "edge_innovation",
    "edge_weight",
)

Population = npt.NDArray[np.void]
"""A structured array of dtype ``GENOME``, shape (n,)."""


def default_population(size: int) -> Population:
    """``size`` genomes with every gene at its default and empty trees (which no valid genome has)."""
    population = np.zeros(size, GENOME)
    population["version"] = GENOME_VERSION
    population["alleles"] = [gene.default for gene in ALLELE_GENES]
    population["reals"] = [gene.default for gene in REAL_GENES]
    population["masks"] = [gene.default for gene in MASK_GENES]
    return population
