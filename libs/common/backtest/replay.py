"""One strategy replayed with everything written down: equity, exposure and trades, for people and for the deployer."""

from dataclasses import dataclass

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import CostRates
from common.backtest.engine import EXIT_REASONS, TRADE_FIELDS, Floats, Logic, simulate
from common.backtest.phenotype import express
from common.backtest.signals import STACK_DEPTH, evaluate_tree


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
    stack = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64)
    bitmaps = []
    for tree in genome["trees"]:
        evaluate_tree(tree, bank, stack)
        bitmaps.append(stack[0].copy())
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    bars = stop - start
    equity, exposure, rows = np.empty(bars), np.zeros(bars), np.zeros((bars + 1, len(TRADE_FIELDS)))
    _, count, _ = simulate(
        arena.arrays, Logic(*bitmaps), phenotype, costs, start, stop, 1.0, equity, exposure, rows
    )
    trades = [
        Trade(int(r[0]), int(r[1]), int(r[2]), float(r[3]), float(r[4]), float(r[5]), float(r[6]), EXIT_REASONS[int(r[7])])
        for r in rows[:count]
    ]
    return Replay(equity, exposure, trades)
