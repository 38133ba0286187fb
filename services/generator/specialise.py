"""Specialised islands: the genes that all children of an island have alike, whatever their parents had."""

import numpy as np

from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_SLOT, REGIMES, SILENCEABLE
from common.genome.layout import Population
from common.kernel import kernel, lean_kernel
from common.random import Stream, new_stream, open_stream
from generator.initialise import repair
from generator.tables import DIRECTION, INSTRUMENT, SILENCED, Genes, Settings, pack, unpack

VENUE, ALLOWED = ALLELE_SLOT["execution.venue"], MASK_SLOT["regime.allowed"]
FIRST_SLOT = 1 << 40
"""Random streams of repairs begin here: offspring use the slots below."""
_NO_REGIME = 1 << SILENCEABLE.index("regime")


def specialty(kind: str, island: int, instruments: int) -> dict[str, int]:
    """Fields of ``Settings`` that hold an island to its part of ``kind`` (``Specialisation``), dealt in turn."""
    parts = {
        "market": ("only_instrument", instruments),
        "side": ("only_direction", len(ALLELE_GENES[DIRECTION].alleles)),
        "venue": ("only_venue", len(ALLELE_GENES[VENUE].alleles)),
        "regime": ("only_regime", len(REGIMES)),
    }
    if kind not in parts:
        return {}
    name, count = parts[kind]
    return {name: island % count}


@lean_kernel
def settle(stream: Stream, genes: Genes, row: int, settings: Settings) -> None:
    """Give a genome the genes that its island keeps to, then ``repair`` it; a valid genome of the island stays."""
    if settings.only_instrument >= 0:
        genes.alleles[row, INSTRUMENT] = settings.only_instrument
    if settings.only_direction >= 0:
        genes.alleles[row, DIRECTION] = settings.only_direction
    if settings.only_venue >= 0:
        genes.alleles[row, VENUE] = settings.only_venue
    if settings.only_regime >= 0:
        genes.masks[row, ALLOWED] = 1 << settings.only_regime
        genes.masks[row, SILENCED] = np.int64(genes.masks[row, SILENCED]) & ~_NO_REGIME
    repair(stream, genes, row)


@kernel
def _settle_all(genes: Genes, settings: Settings, key: np.uint64, island: int) -> None:
    stream = new_stream(key, island, 0, 0)
    for row in range(len(genes.alleles)):
        open_stream(stream, key, island, 0, FIRST_SLOT + row)
        settle(stream, genes, row, settings)


def settled(population: Population, settings: Settings, key: int, island: int) -> Population:
    """The genomes (n,) of an island's first generation with the genes that it keeps to."""
    genes = unpack(population)
    _settle_all(genes, settings, np.uint64(key), island)
    return pack(genes)
