"""The loop of generator, evaluator and selector on default data, step by step, without a bus: where the time goes."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.clock import interleaved, peer_version, scaled
from common.backtest.arena import Arena, prepare
from common.events.cohorts import GenomeProposed
from common.events.event import Event
from common.events.spec import OBJECTIVES, DataSpec, Evolution, RunSpec
from common.genome.layout import Population
from common.market.defaults import default_bars
from common.service import Service
from evaluator.service import service as evaluator
from generator.service import SERVICE as GENERATOR
from selector.service import SERVICE as SELECTOR
from selector.survival import survivors
from standalone.laboratory import Course

GENERATIONS = 20
OFFSPRING = 2048


def survival_beside_pymoo(repeats: int) -> dict[str, Any]:
    """NSGA-II survival of 2,560 members with all objectives, 512 wanted: ours and pymoo's, CPU milliseconds."""
    points = np.random.Generator(np.random.Philox(3)).normal(size=(2560, len(OBJECTIVES)))
    violation = np.zeros(len(points))
    works: dict[str, Callable[[], object]] = {"ours": lambda: survivors(points, violation, 512)}
    version, absent = peer_version("pymoo")
    if version:
        from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

        def peer() -> list[Any]:
            fronts = NonDominatedSorting().do(-points, n_stop_if_ranked=512)
            return [calc_crowding_distance(-points[front]) for front in fronts]

        works["pymoo"] = peer
    seconds = interleaved(works, repeats)
    peer_s = seconds.get("pymoo")
    return {
        "survival_ms": seconds["ours"] * 1e3,
        "pymoo_survival_ms": peer_s and peer_s * 1e3,
        "pymoo_version": version,
        "pymoo_absent": absent,
        "ratio_survival_to_pymoo": peer_s and peer_s / seconds["ours"],
    }


def generations_of(arena: Arena, offspring: int, count: int) -> list[Population]:
    """The genomes that the generator proposes on this instrument, generation by generation, all islands together."""
    bars = arena.bars
    data = (DataSpec(name=bars.name, digest=bars.digest, bars=len(bars), bars_per_year=bars.bars_per_year),)
    found: dict[int, list[Population]] = defaultdict(list)

    def keep(state: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
        for event in events:
            cohort = event.payload
            assert isinstance(cohort, GenomeProposed)
            if cohort.header.purpose == "evolution":
                found[cohort.header.generation].append(cohort.population)
        return None, []

    listener: Service[None] = Service("listener", (GenomeProposed,), (), keep)
    sizes = Evolution(offspring=offspring, population=max(offspring // 4, 8))
    services: list[Service[Any]] = [GENERATOR, evaluator([arena]), SELECTOR, listener]
    Course(RunSpec(data=data, generations=count, evolution=sizes), services).onward()
    return [np.concatenate(found[generation]) for generation in sorted(found)][:count]


def bench_evolution(repeats: int, scale: float) -> dict[str, Any]:
    """CPU microseconds a strategy in each service, over the generator's own first 20 generations."""
    bars = default_bars()
    data = tuple(DataSpec(name=b.name, digest=b.digest, bars=len(b), bars_per_year=b.bars_per_year) for b in bars)
    services: list[Service[Any]] = [GENERATOR, evaluator([prepare(b) for b in bars]), SELECTOR]
    Course(RunSpec(data=data, generations=2, evolution=Evolution(offspring=256, population=64)), services).onward()
    sizes = Evolution(offspring=scaled(OFFSPRING, scale, 8), population=scaled(OFFSPRING // 4, scale, 8))
    course = Course(RunSpec(data=data, generations=GENERATIONS, evolution=sizes), services)
    course.onward()
    count, cpu_s = course.proposed, course.cpu_s
    return {
        "strategies": count,
        **{f"{name}_us_per_strategy": seconds / count * 1e6 for name, seconds in cpu_s.items()},
        "strategies_per_hour_per_core": count / sum(cpu_s.values()) * 3600,
        **survival_beside_pymoo(repeats),
    }
