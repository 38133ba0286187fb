"""Hand-made markets: a few bars, and conditions given as lists of booleans instead of indicators."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from common.backtest.engine import MarketArrays
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_SLOT, REAL_SLOT
from common.genome.layout import TREES, default_population
from common.genome.tree import CONDITION_BASE


def bitmap(bits: Sequence[bool]) -> np.ndarray:
    padded = np.zeros(-(-len(bits) // 64) * 64, bool)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view(np.uint64)


@pytest.fixture
def market() -> Callable[..., MarketArrays]:
    """``market(open, high=, low=, close=, conditions=[...])``; what is left out repeats the open."""

    def make(open_: Sequence[float], conditions: Sequence[Sequence[bool]] = (), **given: Any) -> MarketArrays:
        bars = len(open_)
        prices = {name: np.array(given.pop(name, open_), float) for name in ("high", "low", "close")}
        floats = {
            name: np.full(bars, given.pop(name, value), float) for name, value in (("atr", 1.0), ("volatility", 0.2))
        }
        codes = {
            name: np.array(given.pop(name, np.zeros(bars)), np.uint8) for name in ("regime", "hour", "weekday", "month")
        }
        assert not given
        bank = np.array([bitmap(row) for row in conditions] or np.zeros((1, -(-bars // 64))), np.uint64)
        return MarketArrays(np.array(open_, float), **prices, **floats, **codes, bank=bank)

    return make


@pytest.fixture
def genome() -> Callable[..., np.void]:
    """``genome(long_entry=[0], **{"exit.stop_distance": 5.0})``: in a tree k is condition k."""

    def make(**genes: Any) -> np.void:
        made = default_population(1)[0]
        for path, value in genes.items():
            if path in TREES:
                tokens = [CONDITION_BASE + token if isinstance(token, int) else token[0] for token in value]
                made["trees"][TREES.index(path), : len(tokens)] = tokens
            elif path in ALLELE_SLOT:
                slot = ALLELE_SLOT[path]
                made["alleles"][slot] = ALLELE_GENES[slot].alleles.index(value)
            elif path in REAL_SLOT:
                made["reals"][REAL_SLOT[path]] = value
            else:
                made["masks"][MASK_SLOT[path]] = value
        return made

    return make
