"""One strategy replayed with everything written down: equity, exposure and trades, for people and for the deployer."""

from dataclasses import dataclass

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.engine import make_path, simulate
from common.backtest.orders import EXIT_REASONS
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
    """``equity`` (n,) at each close, 1.0 before the first bar; ``exposure`` (n,) signed multiple of equity at work.

    ``returns`` and ``excess`` (n,) as in ``engine.Path``.
    """

    equity: Floats
    exposure: Floats
    returns: Floats
    excess: Floats
    trades: list[Trade]


def replay(
    genome: np.void,
    arena: Arena,
    start: int,
    stop: int,
    costs: Floats,
    overnight: float = 0.0,
    intraday: float = 0.0,
) -> Replay:
    """Trade bars ``[start, stop)`` with the truth engine, flat at both ends; ``excess`` is free of the drift given."""
    bank = arena.arrays.bank
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    stack, bitmaps = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64), np.empty((4, bank.shape[1]), np.uint64)
    extra, trees = arena.engineered.rows(genome.reshape(1))
    logic = decide(trees[0], phenotype, bank, extra, stack, bitmaps)
    bars = stop - start
    path = make_path(bars)
    _, count, _ = simulate(arena.arrays, logic, phenotype, costs, start, stop, overnight, intraday, path)
    trades = [
        Trade(
            int(r[0]), int(r[1]), int(r[2]), float(r[3]), float(r[4]), float(r[5]), float(r[6]), EXIT_REASONS[int(r[7])]
        )
        for r in path.trades[:count]
    ]
    return Replay(path.equity, path.exposure, path.returns, path.excess, trades)
