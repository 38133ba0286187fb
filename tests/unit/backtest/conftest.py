"""Hand-made markets: a few bars, and conditions given as lists of booleans instead of indicators."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from common.backtest.arena import Arena
from common.backtest.costs import Floats, flat_costs
from common.backtest.index import build_index
from common.backtest.market import MarketArrays, single
from common.backtest.replay import Replay, replay
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, MASK_SLOT, REAL_SLOT
from common.genome.layout import TREES, default_population
from common.genome.tree import CONDITION_BASE
from common.market.bars import DAY_US, Bars
from common.market.engineered import EngineeredBank

KNOWN = {"atr": 1.0, "volatility": 0.2, "move": 0.01, "volume": 0.0, "spread": 1.0, "late": 1.0}
"""What a hand-made bar says where a test does not: volume 0 is unknown, so no order moves the market."""
LABELS = ("stale", "regime", "hour", "weekday", "month", "blackout")


def bitmap(bits: Sequence[bool]) -> np.ndarray:
    padded = np.zeros(-(-len(bits) // 64) * 64, bool)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view(np.uint64)


@pytest.fixture
def market() -> Callable[..., MarketArrays]:
    """``market(open, high=, low=, close=, conditions=[...], **{any field: number or list})``.

    What is left out: close repeats the open, high and low are those of open and close, the rest is as in ``KNOWN``,
    labels are 0, and a bar is a day.
    """

    def make(open_: Sequence[float], conditions: Sequence[Sequence[bool]] = (), **given: Any) -> MarketArrays:
        bars = len(open_)
        first = np.array(open_, float)
        close = np.array(given.pop("close", open_), float)
        high = np.array(given.pop("high", np.maximum(first, close)), float)
        low = np.array(given.pop("low", np.minimum(first, close)), float)
        known = {name: single(np.full(bars, given.pop(name, value), float)) for name, value in KNOWN.items()}
        labels = {name: np.array(given.pop(name, np.zeros(bars)), np.uint8) for name in LABELS}
        bar_ms, days = given.pop("bar_ms", 86_400_000.0), given.pop("days", 1.0)
        assert not given
        bank = np.array([bitmap(row) for row in conditions] or np.zeros((1, -(-bars // 64))), np.uint64)
        return MarketArrays(first, high, low, close, **known, **labels, bank=bank, bar_ms=bar_ms, days=days)

    return make


@pytest.fixture
def genome() -> Callable[..., np.void]:
    """``genome(long_entry=[0], **{"exit.stop_distance": 5.0})``.

    In a tree k is condition k, ``(token,)`` any other. A mask is given as its bits, or by the names of them.
    """

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
                slot = MASK_SLOT[path]
                bits = value if isinstance(value, int) else sum(1 << MASK_GENES[slot].bits.index(bit) for bit in value)
                made["masks"][slot] = bits
        return made

    return make


@pytest.fixture
def arena_of() -> Callable[..., Arena]:
    """``arena_of(market(...), bars_per_year=252.0)``: days from 1970 on, indexed for both engines."""

    def make(arrays: MarketArrays, bars_per_year: float = 252.0) -> Arena:
        times = DAY_US * np.arange(len(arrays.close))
        volume = np.zeros(len(times))
        bars = Bars("hand-made", times, arrays.open, arrays.high, arrays.low, arrays.close, volume, DAY_US)
        return Arena(bars, arrays, build_index(arrays), bars_per_year, EngineeredBank(bars))

    return make


@pytest.fixture
def replayed(arena_of: Callable[..., Arena]) -> Callable[..., Replay]:
    """``replayed(market(...), genome(...), costs)``: the truth engine over every bar; costs None: none."""

    def run(arrays: MarketArrays, genome: np.void, costs: Floats | None = None) -> Replay:
        return replay(genome, arena_of(arrays), 0, len(arrays.close), flat_costs() if costs is None else costs)

    return run
