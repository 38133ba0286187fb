"""A small world for the selector: the real generator, measures drawn from the genome id, and a bus to misuse."""

import random
from collections import deque
from dataclasses import replace

import numpy as np

from common.events.cohorts import (
    EVIDENCE,
    GENOME_COLUMNS,
    EvaluatedHeader,
    GenomeEvaluated,
    GenomeProposed,
    MigrantSent,
    ParentsSelected,
)
from common.events.event import Event, event_id
from common.events.public import ChampionPromoted, ControlIssued
from common.events.spec import OBJECTIVES, DataSpec, Evolution, Promotion, RunSpec
from common.events.trace import traceparent
from generator.generation import settings_of
from generator.initialise import random_population
from generator.service import SERVICE as GENERATOR
from selector.service import SERVICE
from selector.state import IslandState

DATA = tuple(DataSpec(name=name, digest=name * 32, bars=5000, bars_per_year=252) for name in "ab")
SMALL = RunSpec(
    islands=3,
    generations=9,
    data=DATA,
    evolution=Evolution(population=12, offspring=16, migration_interval=2, migrants=2, archive_parents=4),
    promotion=Promotion(vault_reads_max=6),
)
DELIVERIES_MAX = 2000
"""A run of ``SMALL`` needs about a hundred; repeats and crashes a few hundred."""


def variant(run: RunSpec = SMALL, **changes: object) -> RunSpec:
    """Another run; a copied model would keep the cached id of the first."""
    return RunSpec.model_validate(run.model_dump() | changes)


def first_genome() -> np.void:
    """A valid genome: the first random one of the run."""
    return random_population(1, settings_of(SMALL), SMALL.stream_key, 0, 0, first_slot=0)[0]


def measured(proposed: Event, answered_us: int = 0) -> Event:
    """The evaluator's answer, invented: every figure is drawn from the genome id; one genome in five has skill."""
    cohort = proposed.payload
    size = len(cohort)
    objectives, violation, status = np.zeros((size, len(OBJECTIVES))), np.zeros(size), np.zeros(size, np.uint8)
    descriptor, evidence = np.zeros((size, 3), np.float32), np.zeros((size, 3, len(EVIDENCE)))
    for row in range(size):
        rng = np.random.default_rng(int.from_bytes(cohort["genome_id"][row].tobytes(), "big"))
        status[row] = rng.choice(3, p=[0.9, 0.05, 0.05])
        if status[row]:
            continue
        objectives[row] = rng.normal(size=len(OBJECTIVES)).round(1)
        violation[row] = max(0.0, rng.normal() - 0.5)
        descriptor[row] = rng.uniform(1, 300), rng.random(), rng.random()
        evidence[row] = figures(sharpe=0.3 if rng.random() < 0.2 else 0.0)
    if cohort.header.purpose != "promotion":
        evidence[:, 2] = 0
    header = EvaluatedHeader(**cohort.header.model_dump(), proposed_us=answered_us)
    payload = GenomeEvaluated.build(
        header,
        **{name: cohort[name] for name in GENOME_COLUMNS},
        status=status,
        objectives=objectives,
        violation=violation,
        descriptor=descriptor,
        evidence=evidence,
    )
    return proposed.answer(payload, str(header.island))


def figures(sharpe: float, bars: int = 1000, trades: int = 50, total_return: float | None = None) -> list[float]:
    """One window's evidence: normal returns of this Sharpe ratio per bar."""
    profit = 0.5 * np.sign(sharpe) if total_return is None else total_return
    return [bars, trades, profit, 0.01 * sharpe, 0.01, 0.0, 3.0, 0.1, sharpe * np.sqrt(bars)]


class World:
    """Islands, the generator and the evaluator on queues that keep the order of a key within a topic, and no other."""

    def __init__(self, run: RunSpec = SMALL) -> None:
        self.run = run
        self.states = {island: IslandState() for island in range(run.islands)}
        self.queues: dict[tuple[int, str], deque[Event]] = {}
        self.delivered: list[tuple[int, Event]] = []
        self.champions: dict[str, ChampionPromoted] = {}
        self.published: list[Event] = []
        self.clock_us = 0

    def start(self) -> None:
        order = ControlIssued(action="start")
        self.publish(Event(order, "run", self.run, event_id(self.run, order, ())))

    def publish(self, event: Event) -> None:
        self.clock_us += 1
        if event.root:
            event = replace(event, trace=traceparent(self.clock_us, 1))
        self.published.append(event)
        match event.payload:
            case GenomeProposed():
                self.publish(measured(event, self.clock_us))
            case GenomeEvaluated():
                self._queue(event, event.payload.header.purpose)
            case MigrantSent():
                self._queue(event, "migrant")
            case ChampionPromoted():
                self.champions[event.id] = event.payload
            case ParentsSelected() | ControlIssued():
                for born in GENERATOR.step(None, [event])[1]:
                    self.publish(born)

    def _queue(self, event: Event, lane: str) -> None:
        self.queues.setdefault((int(event.key), lane), deque()).append(event)

    def step(self, island: int, events: list[Event]) -> None:
        self.states[island], out = SERVICE.step(self.states[island], events)
        self.delivered += [(island, event) for event in events]
        for event in out:
            self.publish(event)

    def crash(self) -> None:
        """Kill -9: the bus is empty, the states are read back, what they imply is published again."""
        self.queues.clear()
        self.states = {island: SERVICE.load(SERVICE.dump(state)) for island, state in self.states.items()}
        if any(state.generation < 0 for state in self.states.values()):
            self.start()
        for state in self.states.values():
            for event in SERVICE.recover(state):
                self.publish(event)

    def settle(self, chance: random.Random | None = None, repeats: float = 0.0, crashes: float = 0.0) -> "World":
        """Deliver until nothing is left: in order of publication, or by chance with repeats and crashes on the way."""
        while waiting := sorted(key for key, queue in self.queues.items() if queue):
            assert len(self.delivered) < DELIVERIES_MAX, "the run does not come to an end"
            if chance is None:
                island, lane = waiting[0]
                self.step(island, [self.queues[island, lane].popleft()])
                continue
            island, lane = chance.choice(waiting)
            queue = self.queues[island, lane]
            batch = [queue.popleft() for _ in range(chance.randint(1, len(queue)))]
            if chance.random() < repeats and self.delivered:
                old = [event for where, event in self.delivered if where == island]
                batch += chance.sample(old, min(len(old), 3))
            self.step(island, batch)
            if chance.random() < crashes:
                self.crash()
        return self
