"""How the cost of a strategy grows with its trades and with the bars, over one to eight years of hours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.bars import YEAR_BARS, bars_in, folds_of
from benchmarks.clock import interleaved, scaled
from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.measure import TRAINING, VALIDATION, measure
from common.backtest.windows import Cut
from common.events.cohorts import EVIDENCE
from common.genome.layout import Population
from common.market.engineered import EngineeredBank

LENGTHS_YEARS = (1, 2, 4, 8)
GROUPS = 16
GROUP_ROWS = 2048
ENGINEERED_BYTES = 1 << 30


def with_room(arena: Arena) -> Arena:
    """The arena with room for all engineered bitmaps of both populations on the longest history.

    With the usual room they are computed anew in every take from four years on, and that hides what a trade costs.
    """
    return replace(arena, engineered=EngineeredBank(arena.bars, ENGINEERED_BYTES))


def trades_of(population: Population, arena: Arena, folds: Cut, costs: Floats) -> Floats:
    """Trades of each genome in training and validation."""
    evidence = measure(population, [arena], [folds], costs, 1, False).evidence
    trades = evidence[:, :, EVIDENCE.index("trades")]
    return trades[:, TRAINING] + trades[:, VALIDATION]


def growth_rows(
    populations: Mapping[str, Population], arenas: Sequence[Arena], costs: Floats, repeats: int
) -> list[dict[str, Any]]:
    """For each population and length: trades and microseconds a strategy, nanoseconds a trade and a bar."""
    works = {
        (name, len(arena.bars)): partial(measure, population, [arena], [folds_of(len(arena.bars))], costs, 1, False, 1)
        for name, population in populations.items()
        for arena in arenas
    }
    seconds = interleaved(works, repeats)
    rows = []
    for name, population in populations.items():
        for arena in arenas:
            bars, folds = len(arena.bars), folds_of(len(arena.bars))
            trades = float(trades_of(population, arena, folds, costs).mean())
            each_ns = seconds[name, bars] / len(population) * 1e9
            rows.append(
                {
                    "work": name,
                    "data": arena.bars.name,
                    "years": bars / YEAR_BARS,
                    "bars_in_folds": bars_in(folds),
                    "trades_per_strategy": trades,
                    "us_per_strategy": each_ns / 1e3,
                    "ns_per_trade": each_ns / trades if trades else None,
                    "ns_per_bar": each_ns / bars_in(folds),
                }
            )
    return rows


def cost_split(
    population: Population, arenas: Sequence[Arena], costs: Floats, repeats: int, scale: float
) -> dict[str, Any]:
    """What a strategy costs in itself, per trade and per bar: least squares of relative errors over groups of genomes.

    Genomes are sorted by their trades and cut into groups of ``GROUP_ROWS`` rows each, on every length of history.
    """
    works: dict[tuple[int, int], Callable[[], object]] = {}
    causes = {}
    wanted = scaled(GROUP_ROWS, scale, 32)
    for arena in arenas:
        bars, folds = len(arena.bars), folds_of(len(arena.bars))
        trades = trades_of(population, arena, folds, costs)
        for group, rows in enumerate(np.array_split(np.argsort(trades, kind="stable"), GROUPS)):
            chosen = np.resize(rows, wanted)
            works[bars, group] = partial(measure, population[chosen], [arena], [folds], costs, 1, False, 1)
            causes[bars, group] = (1.0, float(trades[chosen].mean()), float(bars_in(folds)))
    seconds = interleaved(works, repeats)
    each_ns = np.array([seconds[key] for key in works]) / wanted * 1e9
    table = np.array([causes[key] for key in works])
    found = np.linalg.lstsq(table / each_ns[:, None], np.ones(len(works)), rcond=None)[0]
    errors = table @ found / each_ns - 1.0
    return {
        "groups": len(works),
        "us_per_strategy": float(found[0]) / 1e3,
        "ns_per_trade": float(found[1]),
        "ns_per_bar": float(found[2]),
        "relative_error_rms": float(np.sqrt(np.mean(errors**2))),
    }
