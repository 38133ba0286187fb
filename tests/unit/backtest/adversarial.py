"""Markets made to catch an engine out, the genomes to trade them, and a cost table in which everything costs."""

from collections.abc import Callable
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.random import Generator, Philox

from common.backtest.arena import Arena, Stage
from common.backtest.costs import cost_table
from common.backtest.index import build_index
from common.backtest.market import MarketArrays, single
from common.backtest.windows import Cut
from common.genome.genes import REAL_SLOT
from common.genome.layout import Population
from common.genome.tree import CONDITION_BASE
from common.market.bars import DAY_US, Bars
from common.market.engineered import EngineeredBank
from generator.initialise import random_population
from generator.tables import Settings

CONDITIONS = 12
BARS_PER_YEAR = 365.25
ALL_COSTS = cost_table(
    1e6,
    [
        {
            "maker_fee_bps": 2 * factor,
            "taker_fee_bps": 5 * factor,
            "spread_bps": 3 * factor,
            "slippage_bps": factor,
            "slippage_volatility": 0.05 * factor,
            "impact": 0.5 * factor,
            "latency_ms": 400 * factor,
            "participation_max": 0.1 / factor,
            "funding_long_bps_day": 3 * factor,
            "funding_short_bps_day": -2 * factor,
        }
        for factor in (1.0, 0.2, 4.0)
    ],
)
"""Fees, spread, slippage, impact, latency, participation and funding at once."""
_TIDY = np.array([5.0, 5.0, 10.0, 20.0], np.float32)
Walk = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _around(open_: np.ndarray, close: np.ndarray, up: np.ndarray | float, down: np.ndarray | float) -> Walk:
    """Bars that reach so far, as shares, beyond open and close."""
    return open_, np.maximum(open_, close) * (1.0 + up), np.minimum(open_, close) / (1.0 + down), close


def _moves(draws: Generator, bars: int, overnight: float, intraday: float, reach: float) -> Walk:
    gap, move = overnight * draws.standard_normal(bars), intraday * draws.standard_normal(bars)
    close = 100.0 * np.exp(np.cumsum(gap + move))
    beyond = reach * np.abs(draws.standard_normal((2, bars)))
    return _around(close * np.exp(-move), close, beyond[0], beyond[1])


def _gaps(draws: Generator, bars: int) -> Walk:
    return _moves(draws, bars, 0.12, 0.01, 0.01)


def _calm(draws: Generator, bars: int) -> Walk:
    """No calmer: equity is near 1, which holds a return of 1e-7 to nine digits."""
    return _moves(draws, bars, 1e-5, 1e-4, 1e-5)


def _equal(draws: Generator, bars: int) -> Walk:
    """Prices on a grid of whole percents, so that levels are met exactly."""
    price = draws.choice([80.0, 90.0, 95.0, 100.0, 100.0, 100.0, 105.0, 110.0, 120.0], (2, bars))
    reach = draws.choice([0.0, 0.0, 0.0, 0.05], (2, bars))
    return _around(price[0], price[1], reach[0], reach[1])


def _points(draws: Generator, bars: int) -> Walk:
    """High equals low; often nothing moves at all."""
    price = 100.0 * np.cumprod(np.where(draws.random(bars) < 0.5, 1.0, 1.0 + 0.03 * draws.standard_normal(bars)))
    return price, price, price, price


def _still(draws: Generator, bars: int) -> Walk:
    price = np.full(bars, 7.0)
    return price, price, price, price


def _million(draws: Generator, bars: int) -> Walk:
    """Falls a million times from one end to the other, a third of it in one bar."""
    steps = np.full(bars, -np.log(1e6) * 2 / 3 / max(bars - 1, 1)) + 0.02 * draws.standard_normal(bars)
    steps[draws.integers(bars)] -= np.log(1e6) / 3
    close = 1e5 * np.exp(np.cumsum(steps))
    return _around(close * np.exp(-0.3 * steps), close, 0.01, 0.01)


def _spikes(draws: Generator, bars: int) -> Walk:
    """One bar in twenty reaches fifty times the price, or a fiftieth of it; some close there."""
    open_, high, low, close = _moves(draws, bars, 0.005, 0.01, 0.005)
    close = np.where(draws.random(bars) < 0.02, close * 50.0, close)
    high = np.where(draws.random(bars) < 0.05, high * 50.0, np.maximum(high, close))
    low = np.where(draws.random(bars) < 0.05, low / 50.0, low)
    return open_, high, low, close


def _trend(draws: Generator, bars: int) -> Walk:
    """Long runs without anything: positions that live for hundreds of bars."""
    close = 100.0 * np.exp(0.002 * np.sin(np.arange(bars) / 40.0).cumsum() + 1e-4 * draws.standard_normal(bars))
    return _around(np.concatenate((close[:1], close[:-1])), close, 1e-4, 1e-4)


STYLES: MappingProxyType[str, Callable[[Generator, int], Walk]] = MappingProxyType(
    {
        "gaps": _gaps,
        "calm": _calm,
        "equal": _equal,
        "points": _points,
        "still": _still,
        "million": _million,
        "spikes": _spikes,
        "trend": _trend,
    }
)


def drawn_market(style: str, bars: int, seed: int) -> MarketArrays:
    """ATR and volatility are unknown at first, volume is 0 in stretches, every label is drawn."""
    draws = Generator(Philox(seed))
    open_, high, low, close = STYLES[style](draws, bars)
    unknown = np.arange(bars) < draws.integers(0, 15)
    spread = np.where(draws.random(bars) < 0.2, 5.0, 1.0)
    move = np.where(unknown, 0.0, 0.02 * draws.random(bars))
    volume = np.where(draws.random(bars) < 0.2, 0.0, 10.0 ** draws.uniform(5, 9, bars))
    padded = np.zeros((CONDITIONS, -(-bars // 64) * 64), bool)
    padded[:, :bars] = draws.random((CONDITIONS, bars)) < draws.choice([0.02, 0.2, 0.6], (CONDITIONS, 1))
    return MarketArrays(
        open_,
        high,
        low,
        close,
        single(np.where(unknown, np.nan, close * 0.03 * draws.random(bars))),
        single(np.where(unknown, np.nan, 0.5 * draws.random(bars))),
        single(move),
        single(volume),
        spread,
        single(draws.exponential(1.0, bars)),
        *(draws.integers(0, count, bars).astype(np.uint8) for count in (2, 5, 24, 7, 12, 8)),
        np.packbits(padded, axis=1, bitorder="little").view(np.uint64),
        bar_ms=86_400_000.0,
        days=1.0,
    )


def drawn_cut(bars: int, seed: int) -> Cut:
    """Folds of one bar and more over all bars; the last one is the vault, where there are three."""
    draws = Generator(Philox(key=seed, counter=1))
    count = min(int(draws.integers(1, 8)), bars)
    edges = np.sort(np.concatenate(([0, bars], draws.choice(np.arange(1, bars), count - 1, replace=False))))
    folds = [(int(a), int(b)) for a, b in pairwise(edges)]
    if count < 3:
        return Cut(tuple(folds), (), (), (bars, bars))
    return Cut(tuple(folds[: count // 2]), tuple(folds[count // 2 : -1]), (folds[-1],), (bars, bars))


def drawn_arena(style: str, bars: int, seed: int) -> Arena:
    """The market with another one of the same style as its stress scenarios."""
    arrays, stressed = drawn_market(style, bars, seed), drawn_market(style, bars, seed + 1)
    times = DAY_US * np.arange(bars)
    made = Bars(style, times, arrays.open, arrays.high, arrays.low, arrays.close, np.zeros(bars), DAY_US)
    bank = EngineeredBank(made)
    spans = np.array([(0, bars), (bars // 2, bars)], np.int64)
    stage = Stage(("whole", "half"), stressed, build_index(stressed), spans, 0, bank)
    return Arena(made, arrays, build_index(arrays), BARS_PER_YEAR, bank, stage)


def drawn_population(size: int, seed: int) -> Population:
    """Genomes of the whole schema, their logic on the hand-made conditions.

    The distances of half of them are whole percents, and their limits lie at the close before, not hidden.
    """
    population = random_population(size, Settings(hours=True), seed, 0, 0)
    trees = population["trees"]
    population["trees"] = np.where(trees >= CONDITION_BASE, CONDITION_BASE + trees % CONDITIONS, trees)
    draws = Generator(Philox(key=seed, counter=2))
    tidy = draws.random(size) < 0.5
    for gene in ("exit.stop_distance", "exit.target_distance", "exit.trail_distance"):
        population["reals"][tidy, REAL_SLOT[gene]] = draws.choice(_TIDY, int(tidy.sum()))
    for gene in ("execution.limit_offset_bps", "execution.iceberg_fraction"):
        population["reals"][tidy, REAL_SLOT[gene]] = 0.0
    return population
