"""Both engines on hourly bars, beside vectorbt: cached bits, genomes of the whole schema, and what a trade costs."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.bars import YEAR_BARS, bars_in, folds_of, hourly_bars
from benchmarks.clock import interleaved, peer_version, scaled
from benchmarks.crosses import COSTS, as_population, crosses, vectorbt_work
from benchmarks.evolution import GENERATIONS, OFFSPRING, generations_of
from benchmarks.growth import LENGTHS_YEARS, cost_split, growth_rows, with_room
from common.backtest.arena import Arena, prepare
from common.backtest.costs import cost_table
from common.backtest.measure import Engine, measure
from common.backtest.stage import with_stage
from common.backtest.windows import Cut
from common.events.spec import Costs
from common.genome.layout import Population

STRATEGIES = 4000
PEER_STRATEGIES = 400
THREADS = 2
ENGINES: tuple[Engine, ...] = ("skipping", "truth")
_COSTS = Costs()
FULL_COSTS = cost_table(_COSTS.account, _COSTS.venues())


def bench_evaluator(repeats: int, scale: float) -> dict[str, Any]:
    """Ratios to vectorbt per CPU-second, strategies an hour by the wall, growth over years, cost of a trade and a bar.

    ``ratio_full_schema`` and ``strategies_per_hour_full_schema`` are those of the slower of two populations: the first
    and the twentieth generation that the generator proposes on these bars; so is ``strategies_per_hour_with_stress``,
    which alone plays the stress scenarios too. Ratios are null where there is no vectorbt.
    """
    bars = hourly_bars(YEAR_BARS)
    arena = prepare(bars)
    proposed = generations_of(arena, scaled(OFFSPRING, scale, 8), GENERATIONS)
    populations = {"first_generation": proposed[0], "twentieth_generation": proposed[-1]}
    beside = _beside_peer(arena, populations, repeats, scale)
    by_wall = _by_wall(arena, populations, repeats)
    arenas = [with_room(prepare(hourly_bars(years * YEAR_BARS))) for years in LENGTHS_YEARS]
    return {
        "data": bars.name,
        "bars": YEAR_BARS,
        "bars_in_folds": bars_in(folds_of(YEAR_BARS)),
        "threads": THREADS,
        "cpus": os.cpu_count(),
        "repeats": repeats,
        "scale": scale,
        **beside,
        "strategies_per_hour_full_schema": min(by_wall[name, "plain"] for name in populations),
        "strategies_per_hour_with_stress": min(by_wall[name, "stress"] for name in populations),
        **{f"strategies_per_hour_{name}": by_wall[name, "plain"] for name in populations},
        "by_years": growth_rows(populations, arenas, FULL_COSTS, repeats),
        "cost_split": cost_split(proposed[-1], arenas, FULL_COSTS, repeats, scale),
    }


def _beside_peer(arena: Arena, populations: dict[str, Population], repeats: int, scale: float) -> dict[str, Any]:
    chosen = crosses(scaled(STRATEGIES, scale, 20))
    simple, folds = as_population(chosen), folds_of(YEAR_BARS)
    whole = Cut(((0, YEAR_BARS),), (), (), (YEAR_BARS, YEAR_BARS))
    subjects = {"cached_bits": (simple, whole, COSTS)}
    subjects |= {name: (population, folds, FULL_COSTS) for name, population in populations.items()}
    works: dict[tuple[str, str], Callable[[], object]] = {
        (name, engine): partial(measure, population, [arena], [cut], costs, 1, False, 1, engine)
        for name, (population, cut, costs) in subjects.items()
        for engine in ENGINES
    }
    version, absent = peer_version("vectorbt")
    peers = chosen[: scaled(PEER_STRATEGIES, scale, 20)]
    if version:
        works["peer", "vectorbt"] = vectorbt_work(arena.bars, peers)
    seconds = interleaved(works, repeats)
    peer = len(peers) * YEAR_BARS / seconds["peer", "vectorbt"] if version else None
    rows: list[dict[str, Any]] = []
    fast: dict[str, float] = {}
    for name, (population, cut, _) in subjects.items():
        speed = {engine: len(population) * bars_in(cut) / seconds[name, engine] for engine in ENGINES}
        fast[name] = speed["skipping"]
        row = {"work": name, "strategies": len(population)}
        row |= {f"{engine}_strategy_bars_per_cpu_s": value for engine, value in speed.items()}
        rows.append(row | {f"{engine}_ratio": peer and value / peer for engine, value in speed.items()})
    return {
        "peer": "vectorbt",
        "peer_version": version,
        "peer_absent": absent,
        "peer_strategy_bars_per_cpu_s": peer,
        "ratio_cached_bits": peer and fast["cached_bits"] / peer,
        "ratio_full_schema": peer and min(fast[name] for name in populations) / peer,
        "engines": rows,
    }


def _by_wall(arena: Arena, populations: dict[str, Population], repeats: int) -> dict[tuple[str, str], float]:
    folds = folds_of(YEAR_BARS)
    arenas = {"plain": arena, "stress": with_stage(arena, folds)}
    works = {
        (name, kind): partial(measure, population, [each], [folds], FULL_COSTS, 1, False, THREADS)
        for name, population in populations.items()
        for kind, each in arenas.items()
    }
    seconds = interleaved(works, repeats, time.perf_counter)
    return {key: len(populations[key[0]]) / taken * 3600 for key, taken in seconds.items()}
