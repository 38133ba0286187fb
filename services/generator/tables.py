"""The gene table as arrays for the kernels, and the shares that new genomes are drawn with."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.genes import (
    ALLELE_GENES,
    ALLELE_SLOT,
    MASK_GENES,
    REAL_GENES,
    REAL_SLOT,
    AlleleGene,
    MaskGene,
    RealGene,
)
from common.genome.layout import TREES, Population, default_population


class Genes(NamedTuple):
    """A population as one contiguous array per encoding: (n, alleles), (n, reals), (n, masks), (n, 4, TREE_TOKENS)."""

    alleles: npt.NDArray[np.uint8]
    reals: npt.NDArray[np.float32]
    masks: npt.NDArray[np.uint32]
    trees: npt.NDArray[np.uint16]


class Settings(NamedTuple):
    """What a run tells the operators. ``hours``: some instrument has bars within the day, so hours mean something."""

    tournament: int = 3
    crossover_rate: float = 0.7
    mutation_rate: float = 0.9
    immigrant_rate: float = 0.02
    instruments: int = 1
    hours: bool = False


def unpack(population: Population) -> Genes:
    """Copy the live blocks of a population into arrays of their own; the reserved blocks are zero in every genome."""
    return Genes(*(np.array(population[name], order="C") for name in Genes._fields))


def pack(genes: Genes) -> Population:
    """The inverse of ``unpack``."""
    population = default_population(len(genes.alleles))
    for name, block in zip(Genes._fields, genes, strict=True):
        population[name] = block
    return population


ALLELE, REAL, MASK, TREE = 0, 1, 2, 3
"""Blocks of a genome, as ``LOCI`` numbers them."""
_CHROMOSOMES = ("entry", "exit", "risk", "regime", "time", "portfolio", "execution", "features", "expression")
_BLOCKS: tuple[tuple[int, tuple[AlleleGene | RealGene | MaskGene, ...]], ...] = (
    (ALLELE, ALLELE_GENES),
    (REAL, REAL_GENES),
    (MASK, MASK_GENES),
)
_EXPRESSED = [
    (_CHROMOSOMES.index(gene.chromosome), block, slot)
    for block, genes in _BLOCKS
    for slot, gene in enumerate(genes)
    if gene.expressed
]
LOCI = np.array(
    [(TREE, slot) for slot in range(len(TREES))] + [(block, slot) for _, block, slot in sorted(_EXPRESSED)], np.int64
)
"""(block, slot) of every expressed gene, trees first, then chromosome by chromosome: neighbours belong together."""
REALS = LOCI[LOCI[:, 0] == REAL, 1]
MASKS = LOCI[LOCI[:, 0] == MASK, 1]

DIRECTION, INSTRUMENT = ALLELE_SLOT["entry.direction"], ALLELE_SLOT["portfolio.instrument"]
ORDERED = np.array(
    [
        slot
        for block, slot in LOCI
        if block == ALLELE and slot != INSTRUMENT and not isinstance(ALLELE_GENES[slot].alleles[0], str)
    ]
)
"""Allele genes whose tables are in order, so that a step of one is a small change."""
ALLELE_COUNT = np.array([len(gene.alleles) for gene in ALLELE_GENES])

_SHARES: dict[str, tuple[float, ...]] = {
    "entry.direction": (0.5, 0.2, 0.3),
    "exit.target_kind": (0.5, 0.15, 0.15, 0.2),
    "exit.trail_kind": (0.6, 0.2, 0.2),
    "exit.time_exit_bars": (0.3, 0.03, 0.07, 0.05, 0.1, 0.15, 0.1, 0.08, 0.06, 0.04, 0.02),
    "risk.sizing": (0.4, 0.2, 0.2, 0.2),
}
"""How often a random genome gets each allele; a gene without a row draws all its alleles alike."""
ALLELE_CUMULATIVE = np.ones((len(ALLELE_GENES), int(ALLELE_COUNT.max())))
for _slot, _gene in enumerate(ALLELE_GENES):
    _share = _SHARES.get(_gene.path, (1.0 / len(_gene.alleles),) * len(_gene.alleles))
    ALLELE_CUMULATIVE[_slot, : len(_share) - 1] = np.cumsum(_share)[:-1]

REAL_LOW = np.array([np.float32(gene.low) for gene in REAL_GENES], np.float64)
REAL_HIGH = np.array([np.float32(gene.high) for gene in REAL_GENES], np.float64)
REAL_IS_LOG = np.array(
    [
        gene.path.endswith("_distance") or gene.path in {"risk.risk_per_trade", "risk.leverage_max"}
        for gene in REAL_GENES
    ]
)
"""Scales: their ratios matter, not their differences."""

_SPEAKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "exit.target_distance": ("exit.target_kind", ("percent", "atr", "stop_multiple")),
    "exit.trail_distance": ("exit.trail_kind", ("percent", "atr")),
    "risk.fraction": ("risk.sizing", ("fixed_fraction", "fixed_units")),
    "risk.risk_per_trade": ("risk.sizing", ("fixed_risk",)),
    "risk.volatility_target": ("risk.sizing", ("volatility_target",)),
}
"""Real genes that are silent unless an allele calls them; to mutate a silent gene is to measure a strategy twice."""
REAL_GATE = np.full(len(REAL_GENES), -1)
REAL_GATE_OPEN = np.zeros((len(REAL_GENES), int(ALLELE_COUNT.max())), np.bool_)
for _path, (_gate, _names) in _SPEAKS.items():
    _slot, _gate_slot = REAL_SLOT[_path], ALLELE_SLOT[_gate]
    REAL_GATE[_slot] = _gate_slot
    for _name in _names:
        REAL_GATE_OPEN[_slot, ALLELE_GENES[_gate_slot].alleles.index(_name)] = True

MASK_BITS = np.array([len(gene.bits) for gene in MASK_GENES])
_FULL = {"regime.allowed": 0.75, "time.hours": 0.8, "time.weekdays": 0.93, "time.months": 0.93}
MASK_FULL_SHARE = np.array([_FULL.get(gene.path, 1.0) for gene in MASK_GENES])
"""How often a random genome has no restriction here: a strategy that may seldom trade shows nothing."""
HOURS = next(slot for slot, gene in enumerate(MASK_GENES) if gene.path == "time.hours")
