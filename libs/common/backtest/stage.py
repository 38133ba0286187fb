"""The stage: every stress scenario of an instrument behind one another, as one market whose folds are the scenarios."""

from dataclasses import replace
from typing import Any

import numpy as np

from common.backtest.arena import Arena, Stage, prepare
from common.backtest.index import build_index
from common.backtest.market import MarketArrays
from common.backtest.windows import Cut
from common.market.bars import Bars
from common.market.stress import Scenario, scenarios

WORD_BARS = 64
LEAD_BARS = 4 * WORD_BARS
"""Real bars kept before a scenario, for logic that looks back."""


def with_stage(arena: Arena, cut: Cut, threads: int = 1) -> Arena:
    """The arena with the stress scenarios that its training bars give; what comes after them is not looked at."""
    training = arena.bars.until(cut.training[-1][1])
    return replace(arena, stress=build_stage(training, arena.bars_per_year, threads))


def build_stage(bars: Bars, bars_per_year: float, threads: int = 1) -> Stage:
    """The scenarios made of ``bars``. Raises DataError where there are too few bars to make any."""
    found = scenarios(bars)
    parts = [_part(scenario, bars_per_year, threads) for scenario in found]
    ends = np.cumsum([len(part.close) for part in parts])
    starts = ends - [len(part.close) for part in parts]
    spans = []
    for scenario, start in zip(found, starts, strict=True):
        first = int(start) + scenario.first - _kept_from(scenario)
        spans.append((first, first + len(scenario.bars) - scenario.first))
    market = _behind_one_another(parts)
    return Stage(tuple(s.name for s in found), market, build_index(market), np.array(spans, np.int64))


def _kept_from(scenario: Scenario) -> int:
    """First bar that is kept; words of the bank are cut whole."""
    return max(scenario.first - LEAD_BARS, 0) // WORD_BARS * WORD_BARS


def _part(scenario: Scenario, bars_per_year: float, threads: int) -> MarketArrays:
    """The end of a scenario as a market of whole words; what pads it repeats the last bar and is in no span."""
    kept = _kept_from(scenario)
    market = prepare(scenario.bars, None, threads, bars_per_year).arrays
    bars = len(scenario.bars) - kept
    padding = -bars % WORD_BARS

    series: dict[str, Any] = {
        name: np.pad(column[kept:], (0, padding), mode="edge")
        for name, column in market._asdict().items()
        if isinstance(column, np.ndarray) and name != "bank"
    }
    series["spread"] = np.full(bars + padding, scenario.spread_factor)
    series["bank"] = np.ascontiguousarray(market.bank[:, kept // WORD_BARS :])
    return market._replace(**series)


def _behind_one_another(parts: list[MarketArrays]) -> MarketArrays:
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name, column in parts[0]._asdict().items()
        if isinstance(column, np.ndarray)
    }
    return parts[0]._replace(**joined)
