"""How many offspring were measured before, and whether a lookup costs less than measuring them again."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.clock import interleaved, scaled
from benchmarks.evolution import OFFSPRING
from common.adapters.memory_cache import MemoryCache
from common.backtest.arena import prepare
from common.backtest.measure import WINDOWS, Measures
from common.backtest.metrics import DESCRIPTOR_COUNT, EVIDENCE_COUNT, OBJECTIVE_COUNT
from common.backtest.stage import with_stage
from common.events.cohorts import GenomeProposed
from common.events.event import Event
from common.events.spec import DataSpec, Evolution, RunSpec
from common.genome.layout import Population
from common.market.defaults import default_bars
from common.service import Service
from evaluator.cache_policy import PROBE_COHORTS, CachePolicy
from evaluator.fitness_cache import FitnessCache
from evaluator.resources import Resources
from evaluator.service import cuts_of
from evaluator.service import service as evaluator
from generator.initialise import random_population
from generator.service import SERVICE as GENERATOR
from generator.tables import Settings
from selector.service import SERVICE as SELECTOR
from standalone.laboratory import Course

GENERATIONS = 40
ASKING = CachePolicy(turn=PROBE_COHORTS)


class Seen:
    """Counts genomes that came before: in their own cohort, on their own island, on any island."""

    def __init__(self) -> None:
        self.total, self.in_cohort, self.on_island, self.anywhere = 0, 0, 0, 0
        self._islands: dict[int, set[bytes]] = defaultdict(set)
        self._all: set[bytes] = set()

    def step(self, state: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
        """Listen; say nothing."""
        for event in events:
            cohort = event.payload
            assert isinstance(cohort, GenomeProposed)
            names, island = set(cohort["genome_id"].tolist()), self._islands[cohort.header.island]
            self.total += len(cohort)
            self.in_cohort += len(cohort) - len(names)
            self.on_island += len(names & island)
            self.anywhere += len(names & self._all)
            island |= names
            self._all |= names
        return None, []


def bench_fitness_cache(repeats: int, scale: float) -> dict[str, Any]:
    """Shares of repeats in the generator's own 40 generations on default data; what lookups and evaluations cost.

    Microseconds are of CPU time, which here the policy goes by too.
    """
    bars = default_bars()
    data = tuple(DataSpec(name=b.name, digest=b.digest, bars=len(b), bars_per_year=b.bars_per_year) for b in bars)
    offspring = scaled(OFFSPRING, scale, 64)
    sizes = Evolution(offspring=offspring, population=max(offspring // 4, 8))
    run = RunSpec(data=data, generations=GENERATIONS, evolution=sizes)
    cuts = cuts_of(run)
    arenas = [with_stage(prepare(b), cut) for b, cut in zip(bars, cuts, strict=True)]
    cache, seen = FitnessCache(MemoryCache(), arenas, time.process_time), Seen()
    listener: Service[None] = Service("listener", (GenomeProposed,), (), seen.step)
    Course(run, [GENERATOR, evaluator(arenas, Resources(cache=cache)), SELECTOR, listener]).onward()
    lookup_us = _lookup_us(offspring, repeats)
    policy = cache.policy
    evaluation_us = policy.evaluation_us or 0.0
    return {
        "genomes": seen.total,
        "share_repeated_in_cohort": seen.in_cohort / seen.total,
        "share_seen_on_own_island": seen.on_island / seen.total,
        "share_seen_on_any_island": seen.anywhere / seen.total,
        "lookup_hit_us": lookup_us["hit"],
        "lookup_miss_us": lookup_us["miss"],
        "evaluation_us": evaluation_us,
        "hit_rate_needed": lookup_us["miss"] / evaluation_us if evaluation_us else None,
        "policy_lookup_us": policy.lookup_us,
        "policy_hit_rate": policy.hit_rate,
        "policy_asks": policy.pays,
    }


def _lookup_us(size: int, repeats: int) -> dict[str, float]:
    """What a genome costs when the cache knows all of a cohort, and when it knows none; evaluation costs nothing."""
    population = random_population(size, Settings(), 17, 0, 0)
    known, empty = (FitnessCache(MemoryCache(), (), time.perf_counter, ASKING) for _ in range(2))
    shapes = ((OBJECTIVE_COUNT,), (), (DESCRIPTOR_COUNT,), (WINDOWS, EVIDENCE_COUNT))

    def evaluate(rows: Population) -> Measures:
        return Measures(*(np.zeros((len(rows), *shape)) for shape in shapes))

    def ask(cache: FitnessCache) -> None:
        cache.policy = ASKING
        cache.measure(population, bytes(16), evaluate)

    def miss() -> None:
        empty.close()
        ask(empty)

    seconds = interleaved({"hit": lambda: ask(known), "miss": miss}, repeats)
    return {name: taken / size * 1e6 for name, taken in seconds.items()}
