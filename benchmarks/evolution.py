"""The loop of generator, evaluator and selector on default data, step by step, without a bus: where the time goes."""

import time
from collections import defaultdict, deque
from typing import Any

from benchmarks.clock import interleaved
from common.backtest.arena import prepare
from common.events.cohorts import GenomeProposed
from common.events.event import Event
from common.events.public import ControlIssued
from common.events.spec import OBJECTIVES, DataSpec, Evolution, RunSpec
from common.market.defaults import default_bars
from common.service import Service
from evaluator.service import service as evaluator
from generator.service import SERVICE as GENERATOR
from selector.service import SERVICE as SELECTOR

GENERATIONS = 20


def tour(run: RunSpec, services: list[Service[Any]], cpu_s: dict[str, float]) -> int:
    """Carry every event to its readers until none is left; returns how many genomes were proposed."""
    waiting = deque([Event(ControlIssued(action="start"), "run", run, "start")])
    states: dict[tuple[str, str], Any] = {}
    proposed = 0
    while waiting:
        event = waiting.popleft()
        proposed += len(event.payload) if isinstance(event.payload, GenomeProposed) else 0
        for service in services:
            if isinstance(event.payload, service.consumes):
                key = (service.name, service.state_key(event))
                if key not in states:
                    states[key] = service.initial_state() if service.initial_state else None
                start = time.process_time()
                states[key], answers = service.step(states[key], [event])
                cpu_s[service.name] += time.process_time() - start
                waiting.extend(answers)
    return proposed


def survival_beside_pymoo(repeats: int) -> dict[str, Any]:
    """NSGA-II survival of 2,560 members with seven objectives, 512 wanted: ours and pymoo's, CPU milliseconds."""
    from importlib.metadata import version

    import numpy as np
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    from selector.survival import survivors

    points = np.random.Generator(np.random.Philox(3)).normal(size=(2560, len(OBJECTIVES)))
    violation = np.zeros(len(points))

    def peer() -> list[Any]:
        fronts = NonDominatedSorting().do(-points, n_stop_if_ranked=512)
        return [calc_crowding_distance(-points[front]) for front in fronts]

    seconds = interleaved({"ours": lambda: survivors(points, violation, 512), "pymoo": peer}, repeats)
    return {
        "survival_ms": seconds["ours"] * 1e3,
        "pymoo_survival_ms": seconds["pymoo"] * 1e3,
        "pymoo_version": version("pymoo"),
        "ratio_survival_to_pymoo": seconds["pymoo"] / seconds["ours"],
    }


def bench_evolution(repeats: int) -> dict[str, Any]:
    """CPU microseconds a strategy in each service, over the generator's own first 20 generations."""
    bars = default_bars()
    data = tuple(DataSpec(name=b.name, digest=b.digest, bars=len(b), bars_per_year=b.bars_per_year) for b in bars)
    services: list[Service[Any]] = [GENERATOR, evaluator([prepare(b) for b in bars]), SELECTOR]
    tour(
        RunSpec(data=data, generations=2, evolution=Evolution(offspring=256, population=64)),
        services,
        defaultdict(float),
    )
    cpu_s: dict[str, float] = defaultdict(float)
    count = tour(RunSpec(data=data, generations=GENERATIONS), services, cpu_s)
    return {
        "strategies": count,
        **{f"{name}_us_per_strategy": seconds / count * 1e6 for name, seconds in cpu_s.items()},
        "strategies_per_hour_per_core": count / sum(cpu_s.values()) * 3600,
        **survival_beside_pymoo(repeats),
    }
