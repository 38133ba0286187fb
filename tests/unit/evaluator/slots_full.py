"""Genomes that ask for as many engineered bitmaps as genomes can."""

import numpy as np

from common.genome.codec import valid
from common.genome.layout import Population
from common.genome.slots import (
    NO_TRANSFORM,
    OPERANDS,
    PREDICATES,
    SLOT_BASE,
    SLOTS,
    SOURCES,
    TRANSFORM_GENES,
    TRANSFORMS,
)
from common.genome.tree import AND
from common.market.engineered import LEAVES_MAX
from generator.initialise import random_population
from generator.tables import Settings

LEAVES = LEAVES_MAX // 4


def slots_full(size: int, seed: int, instruments: int = 1) -> Population:
    """Every slot has a transform, and every leaf of every tree asks one of them something."""
    population = random_population(size, Settings(instruments=instruments), seed, 0, 0)
    draws = np.random.Generator(np.random.Philox(seed))
    for slot in range(SLOTS):
        transform = draws.integers(NO_TRANSFORM + 1, len(TRANSFORMS), size)
        read = np.arange(2) < OPERANDS[transform][:, None]
        population["alleles"][:, TRANSFORM_GENES[slot]] = transform
        population["feature_sources"][:, slot] = draws.integers(0, SOURCES, (size, 2)) * read
    population["trees"] = 0
    population["trees"][..., :LEAVES] = SLOT_BASE + draws.integers(0, SLOTS * PREDICATES, (size, 4, LEAVES))
    population["trees"][..., LEAVES : 2 * LEAVES - 1] = AND
    assert valid(population).all()
    return population
