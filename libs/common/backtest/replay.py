"""One strategy replayed with everything written down: equity, exposure and trades, for people and for the deployer."""

from dataclasses import dataclass

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import CostRates
from common.backtest.engine import EXIT_REASONS, TRADE_FIELDS, Floats, simulate
from common.backtest.phenotype import express
from common.backtest.signals import STACK_DEPTH, decide


@dataclass(frozen=True, slots=True)
class Trade:
    """One round trip. ``profit`` is net of costs, as a share of the equity at entry; prices are before costs."""

    side: int
    entry_bar: int
    exit_bar: int
    entry_price: float
    exit_price: float
    units: float
    profit: float
    reason: str


@dataclass(frozen=True, slots=True)
class Replay:
    """``equity`` (n,) at each close, 1.0 before the first bar; ``exposure`` (n,) signed multiple of equity at work."""

    equity: Floats
    exposure: Floats
    trades: list[Trade]


def replay(genome: np.void, arena: Arena, start: int, stop: int, costs: CostRates) -> Replay:
    """Trade bars ``[start, stop)`` with the truth engine, flat at both ends."""
    bank = arena.arrays.bank
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    stack, bitmaps = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64), np.empty((4, bank.shape[1]), np.uint64)
    logic = decide(genome["trees"], phenotype.direction, bank, stack, bitmaps)
    bars = stop - start
    equity, worked, rows = np.ones(bars), np.zeros(bars), np.zeros((bars, len(TRADE_FIELDS)))
    _, count, _ = simulate(arena.arrays, logic, phenotype, costs, start, stop, 1.0, equity, worked, rows)
    for exit_bar in rows[:count, 2].astype(int):  # flat from here on, until a later trade's bars say otherwise
        after = exit_bar - start + 1
        equity[after:] = np.where(worked[after:] == 0.0, equity[after - 1], equity[after:])
    trades = [
        Trade(
            int(r[0]), int(r[1]), int(r[2]), float(r[3]), float(r[4]), float(r[5]), float(r[6]), EXIT_REASONS[int(r[7])]
        )
        for r in rows[:count]
    ]
    before = np.concatenate(([1.0], equity[:-1]))
    exposure = np.divide(worked, before, out=np.zeros(bars), where=before > 0)
    return Replay(equity, exposure, trades)
