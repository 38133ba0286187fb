"""The stage: the stress scenarios of an instrument, played one after the other behind its training bars."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from common.backtest.arena import Arena, Stage, prepare
from common.backtest.index import build_index
from common.backtest.signals import LOOK_BACK_BARS
from common.backtest.windows import Cut
from common.market.bars import Bars
from common.market.engineered import EngineeredBank
from common.market.shapes import continued, shapes_of
from common.market.stress import Scenario, scenarios

WORD_BARS = 64
LEAD_BARS = -(-LOOK_BACK_BARS // WORD_BARS) * WORD_BARS
"""Real bars kept before the first scenario, for logic that looks back; indicators have seen all that there are."""


def with_stage(arena: Arena, cut: Cut, threads: int = 1) -> Arena:
    """The arena with the stress scenarios that its bars before any validation give; later ones are not looked at."""
    training = arena.bars.until(cut.bred_stop)
    return replace(arena, stress=build_stage(training, arena.bars_per_year, threads))


def build_stage(bars: Bars, bars_per_year: float, threads: int = 1) -> Stage:
    """``stage_of`` the scenarios made of ``bars``. Raises DataError where there are too few to make any."""
    return stage_of(scenarios(bars), bars_per_year, threads)


def stage_of(
    found: Sequence[Scenario], bars_per_year: float, threads: int = 1, wanted: Sequence[int] | None = None
) -> Stage:
    """Scenarios of one history, each continuing where the one before ended, so that one bank serves them all.

    Every one is a fold that begins flat; what came before is what its indicators have seen. The bank has the ``wanted``
    conditions only, where given.
    """
    path, spans, spread = found[0].bars, [], [np.ones(found[0].first)]
    for scenario in found:
        if scenario is not found[0]:
            shapes = shapes_of(scenario.bars)
            path = continued(path, shapes.pick(np.arange(scenario.first - 1, len(shapes.gap))), scenario.name)
        length = len(scenario.bars) - scenario.first
        spans.append((len(path) - length, len(path)))
        spread.append(np.full(length, scenario.spread_factor))
    kept = max(found[0].first - LEAD_BARS, 0) // WORD_BARS * WORD_BARS
    market = prepare(path, wanted, threads, bars_per_year).arrays._replace(spread=np.concatenate(spread))
    rest: dict[str, Any] = {
        name: np.ascontiguousarray(column[..., kept // WORD_BARS if name == "bank" else kept :])
        for name, column in market._asdict().items()
        if isinstance(column, np.ndarray)
    }
    market = market._replace(**rest)
    names = tuple(scenario.name for scenario in found)
    return Stage(
        names, market, build_index(market), np.array(spans, np.int64) - kept, kept // WORD_BARS, EngineeredBank(path)
    )
