"""How a position ends in the event-skipping engine: from one bar at which something may happen to the next."""

from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats
from common.backtest.index import CLOSED, DOWN, HIGHEST, LOWEST, OPENED, STEPS, UP, Bytes, step_of
from common.backtest.market import Words
from common.backtest.orders import (
    ENDED,
    NO_EXIT,
    RUINED,
    SIGNALLED,
    TIMED,
    Holding,
    exit_inside,
    latest_exit,
    trail_level,
)
from common.backtest.phenotype import Integer, Phenotype
from common.backtest.signals import next_true
from common.kernel import inlined_kernel, lean_kernel

_ONE, _SIDES, _FOUR = np.uint64(1), np.uint64(2), np.uint64(4)


class Course(NamedTuple):
    """Where and how a position ended; price 0 where the exit was scheduled."""

    bar: Integer
    price: float
    reason: int


@lean_kernel
def _next_touch(
    reach: Bytes, trails: Bytes, holding: Holding, t: np.uint64, close: float, floor: float, ripe: np.uint64
) -> np.uint64:
    """The first bar after ``t`` that may end the position by its prices, or from which one has to look again."""
    side, share, rows = holding.side, 1.0 / close, t * _SIDES
    down, up = (rows + DOWN) * STEPS, (rows + UP) * STEPS
    against, along = (down, up) if side > 0 else (up, down)
    touch = t + np.uint64(reach[against + step_of((side * close - floor) * share)])
    if holding.target > 0.0:
        gained = t + np.uint64(reach[along + step_of(side * (holding.target - close) * share)])
        touch = min(touch, max(gained, ripe))
    if holding.trail_share > 0.0:
        touch = min(touch, t + np.uint64(trails[against + step_of(holding.trail_share)]))
    elif holding.trail_distance > 0.0:
        # As a share of the price a fixed distance shrinks while the price rises: by a fifth before the last step.
        touch = min(touch, t + np.uint64(trails[against + step_of(0.8 * holding.trail_distance * share)]))
        touch = min(touch, t + np.uint64(reach[up + STEPS - _ONE]))
    return touch


@inlined_kernel
def hold(
    reach: Bytes,
    trails: Bytes,
    prices: Floats,
    leave: Words,
    phenotype: Phenotype,
    holding: Holding,
    stop: Integer,
) -> Course:
    """Carry a position until something closes it.

    From the close of a bar to the next bar at which something may happen, where the truth engine looks at every one.
    """
    side, cash = holding.side, holding.cash
    signed, floor = side * holding.units, side * holding.stop
    if cash + signed * holding.stop < 1e-9 * holding.base:  # the cash is eaten before the stop
        ruin = -cash / holding.units
        floor = max(floor, ruin + 1e-9 * abs(ruin))
    trailing = (holding.trail_share > 0.0) | (holding.trail_distance > 0.0)
    latest = latest_exit(phenotype, holding.bar, stop)
    final, t = np.uint64(stop - 1), np.uint64(holding.bar)
    edge, ripe = np.uint64(min(latest, stop - 1)), t + np.uint64(max(phenotype.hold_min_bars, 1))
    best, p = holding.price, t * _FOUR
    close = prices[p + CLOSED]
    while True:
        if cash + signed * close <= 0.0:
            return Course(np.int64(t), close, RUINED)
        if t == final:
            return Course(np.int64(t), close, ENDED)
        level = floor
        if trailing:
            best = max(best, prices[p + HIGHEST]) if side > 0 else min(best, prices[p + LOWEST])
            level = max(level, side * trail_level(holding, best))
        touch = min(_next_touch(reach, trails, holding, t, close, level, ripe), edge)
        if phenotype.leaves:
            heard = np.int64(max(t, ripe - _ONE))
            if heard < np.int64(touch):
                signalled = next_true(leave, leave, heard, np.int64(touch))
                if signalled < np.int64(touch):
                    return Course(signalled + 1, 0.0, SIGNALLED)
        if touch >= edge and latest < stop:
            return Course(np.int64(latest), 0.0, TIMED)
        if trailing:
            for i in range(t + _ONE, touch):
                high, low = prices[i * _FOUR + HIGHEST], prices[i * _FOUR + LOWEST]
                best = max(best, high) if side > 0 else min(best, low)
        t, p = touch, touch * _FOUR
        close = prices[p + CLOSED]
        target = holding.target if t >= ripe else 0.0
        price, reason = exit_inside(
            side,
            prices[p + OPENED],
            prices[p + HIGHEST],
            prices[p + LOWEST],
            holding.stop,
            trail_level(holding, best),
            target,
        )
        if reason != NO_EXIT:
            return Course(np.int64(t), price, reason)
