"""Walk-forward: the steps of a cut, and what a strategy kept of its training in the validation of each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.metrics import RATIO_LIMIT, sharpe
from common.backtest.replay import Replay, replay
from common.backtest.windows import Cut, Span


class Step(NamedTuple):
    """``train`` and then ``test``, which lies behind all of it."""

    train: tuple[Span, ...]
    test: Span


class Block(NamedTuple):
    """What the returns of one or more spans sum up to; spans start flat and their equity is chained.

    ``s1`` and ``s2`` are the sums of the returns per bar and of their squares. ``capital``, ``peak`` and ``low`` are of
    the equity that starts at 1.0: at the end, the highest (1.0 at least), and the lowest.
    """

    bars: int
    trades: int
    s1: float
    s2: float
    capital: float
    peak: float
    low: float
    drawdown: float


EMPTY = Block(0, 0, 0.0, 0.0, 1.0, 1.0, math.inf, 0.0)


class Figures(NamedTuple):
    """Of one side of a step; ``sharpe_annual`` is 0 for a constant."""

    bars: int
    trades: int
    total_return: float
    sharpe_annual: float
    drawdown_max: float


@dataclass(frozen=True, slots=True)
class StepFigures:
    """In sample and out of sample, and which share of the Sharpe ratio was kept."""

    step: Step
    train: Figures
    test: Figures
    efficiency: float


def walk_forward(cut: Cut) -> tuple[Step, ...]:
    """The steps of a cut, one per validation span, in time order.

    ``rolling``: the training block before it. ``anchored``: all training blocks up to there; validation blocks among
    them stay out, for breeding never sees them. ``blocks``: all of training, for each validation fold.

    >>> walk_forward(Cut(((0, 50), (90, 140)), ((60, 80), (150, 170)), (), (170, 170), "anchored"))[1]
    Step(train=((0, 50), (90, 140)), test=(150, 170))
    """
    known = 1 if cut.scheme == "rolling" else len(cut.training)
    return tuple(
        Step(tuple(span for span in cut.training if span[1] <= test[0])[-known:], test) for test in cut.validation
    )


def block_of(found: Replay) -> Block:
    """The sums of one replayed span."""
    peaks = np.maximum(np.maximum.accumulate(found.equity), 1.0)
    return Block(
        len(found.equity),
        len(found.trades),
        float(found.returns.sum()),
        float(found.returns @ found.returns),
        float(found.equity[-1]),
        float(peaks[-1]),
        float(found.equity.min()),
        float((1.0 - found.equity / peaks).max()),
    )


def merge(first: Block, second: Block) -> Block:
    """Both as one, ``second`` with the capital that ``first`` ended with; associative, with ``EMPTY`` as its one.

    The deepest fall is that of either, or from the peak of the first to the low of the second.
    """
    return Block(
        first.bars + second.bars,
        first.trades + second.trades,
        first.s1 + second.s1,
        first.s2 + second.s2,
        first.capital * second.capital,
        max(first.peak, first.capital * second.peak),
        min(first.low, first.capital * second.low),
        max(first.drawdown, second.drawdown, 1.0 - first.capital * second.low / first.peak),
    )


def figures(block: Block, bars_per_year: float) -> Figures:
    """What people read of a block."""
    annual = float(sharpe(float(block.bars), block.s1, block.s2, math.sqrt(bars_per_year)))
    return Figures(block.bars, block.trades, block.capital - 1.0, annual, block.drawdown)


def efficiency(inside: float, outside: float) -> float:
    """Sharpe ratio out of sample over that in sample, ``RATIO_LIMIT`` at most; 0 where either is not above 0.

    After Pardo, The Evaluation and Optimization of Trading Strategies (2008), ch. 11, who divides annual profits: the
    Sharpe ratio leaves out how much was put at risk.

    >>> efficiency(2.0, 1.0), efficiency(2.0, -1.0), efficiency(-2.0, -1.0)
    (0.5, 0.0, 0.0)
    """
    return outside / max(inside, outside / RATIO_LIMIT) if inside > 0.0 and outside > 0.0 else 0.0


def step_figures(steps: Sequence[Step], blocks: Mapping[Span, Block], bars_per_year: float) -> tuple[StepFigures, ...]:
    """Figures of each step, from the ``blocks`` of its spans."""
    told = []
    for step in steps:
        train = figures(reduce(merge, (blocks[span] for span in step.train), EMPTY), bars_per_year)
        test = figures(blocks[step.test], bars_per_year)
        told.append(StepFigures(step, train, test, efficiency(train.sharpe_annual, test.sharpe_annual)))
    return tuple(told)


def walked(genome: np.void, arena: Arena, cut: Cut, costs: Floats) -> tuple[StepFigures, ...]:
    """Replay every training and validation span of ``cut`` once, and put the steps together; the vault is not read."""
    blocks = {span: block_of(replay(genome, arena, *span, costs)) for span in (*cut.training, *cut.validation)}
    return step_figures(walk_forward(cut), blocks, arena.bars_per_year)
