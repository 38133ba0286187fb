"""The gene table as arrays for the kernels, and the shares that new genomes are drawn with."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.genes import (
    ALLELE_GENES,
    ALLELE_SLOT,
    MASK_GENES,
    MASK_SLOT,
    REAL_GENES,
    REGIMES,
    SILENCEABLE,
    AlleleGene,
    MaskGene,
    RealGene,
)
from common.genome.layout import TREES, Population, default_population
from common.genome.slots import SLOTS, TRANSFORMS


class Genes(NamedTuple):
    """A population as one contiguous array per block.

    (n, alleles), (n, reals), (n, masks), (n, 4, TREE_TOKENS), (n, SLOTS, 2).
    """

    alleles: npt.NDArray[np.uint8]
    reals: npt.NDArray[np.float32]
    masks: npt.NDArray[np.uint32]
    trees: npt.NDArray[np.uint16]
    feature_sources: npt.NDArray[np.uint16]


ANY = -1


class Settings(NamedTuple):
    """What a run tells the operators. ``hours``: some instrument has bars within the day, so hours mean something.

    ``selection`` is a number of ``selection.METHODS``; ``step`` that of adaptive steps, as a share of a gene's range.
    ``only_...``: the allele, or the bit of regime.allowed, that every child of a specialised island has; ANY: as bred.
    """

    tournament: int = 3
    crossover_rate: float = 0.7
    mutation_rate: float = 0.9
    immigrant_rate: float = 0.02
    instruments: int = 1
    hours: bool = False
    selection: int = 0
    interbreeding: float = 1.0
    step: float = 0.1
    only_instrument: int = ANY
    only_direction: int = ANY
    only_venue: int = ANY
    only_regime: int = ANY


def unpack(population: Population) -> Genes:
    """Copy the live blocks of a population into arrays of their own; the reserved blocks are zero in every genome."""
    return Genes(*(np.array(population[name], order="C") for name in Genes._fields))


def pack(genes: Genes) -> Population:
    """The inverse of ``unpack``."""
    population = default_population(len(genes.alleles))
    for name, block in zip(Genes._fields, genes, strict=True):
        population[name] = block
    return population


ALLELE, REAL, MASK, TREE, SLOT = 0, 1, 2, 3, 4
"""Blocks of a genome, as ``LOCI`` numbers them; a slot is an engineered feature: its three alleles and its sources."""
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
    if gene.expressed and gene.chromosome != "features"
] + [(_CHROMOSOMES.index("features"), SLOT, slot) for slot in range(SLOTS)]
LOCI = np.array(
    [(TREE, slot) for slot in range(len(TREES))] + [(block, slot) for _, block, slot in sorted(_EXPRESSED)], np.int64
)
"""(block, slot) of all that is inherited as one, trees first, then chromosome by chromosome: neighbours belong
together."""
PLAIN_LOCI = LOCI[(LOCI[:, 0] != TREE) & (LOCI[:, 0] != SLOT)]
"""Those that are a single gene."""
REALS = LOCI[LOCI[:, 0] == REAL, 1]
MASKS = LOCI[LOCI[:, 0] == MASK, 1]
ALLELES = LOCI[LOCI[:, 0] == ALLELE, 1]

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

_OTHER_TRANSFORMS = len(TRANSFORMS) - 1
_TRANSFORM_SHARES = (0.98, *(0.02 / _OTHER_TRANSFORMS,) * _OTHER_TRANSFORMS)
_SHARES: dict[str, tuple[float, ...]] = {
    "entry.direction": (0.5, 0.2, 0.3),
    "exit.target_kind": (0.5, 0.15, 0.15, 0.2),
    "exit.trail_kind": (0.6, 0.2, 0.2),
    "exit.time_exit_bars": (0.3, 0.03, 0.07, 0.05, 0.1, 0.15, 0.1, 0.08, 0.06, 0.04, 0.02),
    "risk.sizing": (0.4, 0.2, 0.2, 0.2),
    "entry.confirm_bars": (0.7, 0.15, 0.1, 0.05),
    "entry.delay_bars": (0.7, 0.15, 0.1, 0.05),
    "entry.order_type": (0.7, 0.15, 0.15),
    "risk.recovery": (0.8, 0.1, 0.1),
    "risk.kelly": (0.8, 0.1, 0.1),
    "time.blackout": (0.85, 0.05, 0.05, 0.05),
    "time.hold_min_bars": (0.8, 0.05, 0.05, 0.05, 0.05),
    "portfolio.method": (1.0, 0.0, 0.0, 0.0),  # the paper desk cannot hold the others yet: they come as seeds only
    "execution.venue": (0.7, 0.15, 0.15),
    "execution.preference": (0.75, 0.25),
    "execution.schedule": (0.8, 0.1, 0.1),
    **{f"features.slot{k}_transform": _TRANSFORM_SHARES for k in range(SLOTS)},
    **{f"features.slot{k}_lag": (0.7, 0.1, 0.1, 0.1) for k in range(SLOTS)},
    **{f"expression.in_{regime}": (0.85, 0.1, 0.05) for regime in REGIMES},
}
"""How often a random genome gets each allele; a gene without a row draws all its alleles alike. Little keeps most
genomes from trading: a strategy that may seldom trade shows nothing."""
ALLELE_CUMULATIVE = np.ones((len(ALLELE_GENES), int(ALLELE_COUNT.max())))
for _slot, _gene in enumerate(ALLELE_GENES):
    _share = _SHARES.get(_gene.path, (1.0 / len(_gene.alleles),) * len(_gene.alleles))
    ALLELE_CUMULATIVE[_slot, : len(_share) - 1] = np.cumsum(_share)[:-1]
ALLELES_DRAWN = 1 + (ALLELE_CUMULATIVE < 1.0).sum(axis=1)
"""How many alleles of each gene, from the first on, a random genome may have."""

REAL_LOW = np.array([np.float32(gene.low) for gene in REAL_GENES], np.float64)
REAL_HIGH = np.array([np.float32(gene.high) for gene in REAL_GENES], np.float64)
REAL_IS_LOG = np.array(
    [
        gene.path.endswith("_distance") or gene.path in {"risk.risk_per_trade", "risk.leverage_max"}
        for gene in REAL_GENES
    ]
)
"""Scales: their ratios matter, not their differences."""

_AT_DEFAULT = {
    "risk.drawdown_brake": 0.7,
    "risk.budget": 0.7,
    **{f"portfolio.weight_{slot}": 0.5 for slot in range(8)},
    "portfolio.correlation_max": 0.7,
    "execution.iceberg_fraction": 0.85,
    "execution.latency_budget_ms": 0.85,
}
REAL_DEFAULT = np.array([np.float32(gene.default) for gene in REAL_GENES], np.float64)
REAL_DEFAULT_SHARE = np.array([_AT_DEFAULT.get(gene.path, 0.0) for gene in REAL_GENES])
"""How often a random genome has the default, which says nothing, and not a number of the range; an instrument whose
weight is 0 is no leg of a portfolio."""

SILENCED = MASK_SLOT["expression.silenced"]
_BITS_DRAWN = {"expression.silenced": SILENCEABLE.index("network")}  # what is not expressed has nothing to silence
MASK_BITS = np.array([_BITS_DRAWN.get(gene.path, len(gene.bits)) for gene in MASK_GENES])
"""How many of its bits a set is drawn from."""
MASK_MAY_BE_EMPTY = np.array([gene.may_be_empty for gene in MASK_GENES])
MASK_USUAL = np.array([gene.default for gene in MASK_GENES])
_USUAL = {
    "regime.allowed": 0.75,
    "time.hours": 0.8,
    "time.weekdays": 0.93,
    "time.months": 0.93,
    "expression.silenced": 0.85,
}
MASK_USUAL_SHARE = np.array([_USUAL.get(gene.path, 1.0) for gene in MASK_GENES])
"""How often a random genome has the default set, which restricts nothing."""
HOURS = MASK_SLOT["time.hours"]
