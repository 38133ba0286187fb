"""Which genes speak: to change one that nothing hears is to measure the same strategy twice."""

import numpy as np

from common.genome.genes import (
    ALLELE_GENES,
    ALLELE_SLOT,
    MASK_GENES,
    REAL_GENES,
    SILENCEABLE,
    AlleleGene,
    MaskGene,
    RealGene,
)
from common.kernel import lean_kernel
from generator.tables import ALLELE_COUNT, HOURS, MASK, SILENCED, Genes, Settings

_GATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "exit.target_distance": ("exit.target_kind", ("percent", "atr", "stop_multiple")),
    "exit.trail_distance": ("exit.trail_kind", ("percent", "atr")),
    "risk.fraction": ("risk.sizing", ("fixed_fraction", "fixed_units")),
    "risk.risk_per_trade": ("risk.sizing", ("fixed_risk",)),
    "risk.volatility_target": ("risk.sizing", ("volatility_target",)),
    "portfolio.rebalance_bars": ("portfolio.method", ("weights", "risk_parity", "hrp")),
    "portfolio.correlation_max": ("portfolio.method", ("weights", "risk_parity", "hrp")),
    **{f"portfolio.weight_{slot}": ("portfolio.method", ("weights", "risk_parity", "hrp")) for slot in range(8)},
    "execution.preference": ("entry.order_type", ("market", "limit")),
    "execution.slices": ("execution.schedule", ("twap", "vwap")),
    "execution.limit_offset_bps": ("entry.order_type", ("limit", "stop")),
}
"""A gene, and the alleles of another one that let it speak."""
_SILENCERS: dict[str, str] = {
    "exit.target_kind": "target",
    "exit.target_distance": "target",
    "exit.trail_kind": "trail",
    "exit.trail_distance": "trail",
    "exit.time_exit_bars": "time_exit",
    "regime.allowed": "regime",
    "time.blackout": "time",
    "time.hold_min_bars": "time",
    "time.hours": "time",
    "time.weekdays": "time",
    "time.months": "time",
}
"""A gene, and the member of expression.silenced that silences it."""
_INSTRUMENTS: dict[str, int] = {
    "portfolio.instrument": 2,
    "portfolio.method": 2,
    "portfolio.rebalance_bars": 2,
    "portfolio.correlation_max": 2,
    **{f"portfolio.weight_{slot}": 2 for slot in range(8)},
}
"""A gene, and how many instruments a run needs for it to mean something."""

# In the order of the numbers ALLELE, REAL and MASK.
_TABLES: tuple[tuple[AlleleGene | RealGene | MaskGene, ...], ...] = (
    ALLELE_GENES,
    REAL_GENES,
    MASK_GENES,
)
_WIDTH = max(len(table) for table in _TABLES)
GATE = np.full((len(_TABLES), _WIDTH), -1)
GATE_OPEN = np.zeros((len(_TABLES), _WIDTH, int(ALLELE_COUNT.max())), np.bool_)
SILENCER = np.zeros((len(_TABLES), _WIDTH), np.int64)
INSTRUMENTS_NEEDED = np.ones((len(_TABLES), _WIDTH), np.int64)
for _block, _table in enumerate(_TABLES):
    for _slot, _gene in enumerate(_table):
        if _gene.path in _GATES:
            _gate, _names = _GATES[_gene.path]
            GATE[_block, _slot] = ALLELE_SLOT[_gate]
            for _index, _allele in enumerate(ALLELE_GENES[ALLELE_SLOT[_gate]].alleles):
                GATE_OPEN[_block, _slot, _index] = _allele in _names
        if _gene.path in _SILENCERS:
            SILENCER[_block, _slot] = 1 << SILENCEABLE.index(_SILENCERS[_gene.path])
        INSTRUMENTS_NEEDED[_block, _slot] = _INSTRUMENTS.get(_gene.path, 1)


@lean_kernel
def means_something(block: int, slot: int, settings: Settings) -> bool:
    """May this gene (an allele, a number or a set) do anything in this run?"""
    if block == MASK and slot == HOURS and not settings.hours:
        return False
    return settings.instruments >= INSTRUMENTS_NEEDED[block, slot]


@lean_kernel
def speaks(genes: Genes, row: int, block: int, slot: int, settings: Settings) -> bool:
    """May a change of this gene change what the strategy does? A target distance says nothing without a target."""
    if not means_something(block, slot, settings):
        return False
    if np.int64(genes.masks[row, SILENCED]) & SILENCER[block, slot] != 0:
        return False
    gate = GATE[block, slot]
    return gate < 0 or GATE_OPEN[block, slot, genes.alleles[row, gate]]
