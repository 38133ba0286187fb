"""Small markets for single genes: both engines trade them, and each test says which genes it pins."""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pytest

from common.backtest.arena import Arena
from common.backtest.costs import Floats, cost_table, flat_costs
from common.backtest.replay import Trade, replay
from common.backtest.windows import Cut
from common.events.cohorts import EVIDENCE
from common.genome.genes import ALLELE_SLOT, MASK_SLOT, REAL_SLOT
from tests.unit.backtest.agreement import check_agreement

Test = TypeVar("Test", bound=Callable[..., None])
ACCOUNT = 1e6
LONG = MappingProxyType({"entry.direction": "long", "long_entry": [0], "long_exit": [1]})
SHORT = MappingProxyType({"entry.direction": "short", "short_entry": [0], "short_exit": [1]})
SIDES = ((1, LONG), (-1, SHORT))


def pins(*paths: str) -> Callable[[Test], Test]:
    """Says that a test would fail if these genes did not change trades as documented."""
    known = {*ALLELE_SLOT, *REAL_SLOT, *MASK_SLOT}
    assert known.issuperset(paths), f"no such gene: {set(paths) - known}"

    def name(test: Test) -> Test:
        test.pinned = paths  # type: ignore[attr-defined]
        return test

    return name


def on(bars: int, *true: int) -> list[bool]:
    return [bar in true for bar in range(bars)]


def about(value: float | Sequence[float]) -> Any:
    """Equal, but for real genes and market facts in single precision."""
    return pytest.approx(value, rel=2e-6, abs=1e-9)


def play(arena: Arena, genome: np.void, costs: Floats | None = None) -> list[Trade]:
    """Trades of a replay by the truth engine; both engines, measuring, agree with each other and with it."""
    costs, bars = flat_costs() if costs is None else costs, len(arena.arrays.close)
    found, cut = replay(genome, arena, 0, bars, costs), Cut(((0, bars),), (), (), (bars, bars))
    population = np.array([genome])
    evidence = check_agreement(population, [arena], [cut], costs, False).evidence[0, 0]
    assert evidence[EVIDENCE.index("trades")] == len(found.trades)
    assert evidence[EVIDENCE.index("total_return")] == pytest.approx(found.equity[-1] - 1.0, rel=1e-12, abs=1e-12)
    return found.trades


def venues(*rows: dict[str, float]) -> Floats:
    """Cost table of an account of a million; one row stands for all three venues."""
    return cost_table(ACCOUNT, list(rows) * (3 if len(rows) == 1 else 1))


def rounds(market: Callable[..., Any], gains: Sequence[float], **given: Any) -> Any:
    """A market with a signal (condition 0) on every second bar, and these returns from the entry to the open after.

    With a time exit of one bar trade k enters at 100 on bar 2k + 1, signalled on bar 2k.
    """
    before = [0.0, *gains[:-1]]
    open_ = [price for gain in before for price in (100.0 * (1.0 + gain), 100.0)] + [100.0 * (1.0 + gains[-1]), 100.0]
    return market(open_, conditions=[on(len(open_), *range(0, 2 * len(gains), 2))], **given)


ROUND = MappingProxyType({"long_entry": [0], "exit.time_exit_bars": 1, "exit.stop_distance": 20.0})
"""Genes that trade ``rounds``."""


def shares(trades: Sequence[Trade], gains: Sequence[float]) -> list[float]:
    """Position value over equity at each entry of ``rounds``, from what it earned."""
    assert len(trades) == len(gains)
    return [trade.profit / gain for trade, gain in zip(trades, gains, strict=True)]
