"""A run carried from event to event without a bus, on history without a vault, and what its elites are worth."""

import time
from collections import defaultdict, deque
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.events.cohorts import EVIDENCE, GenomeProposed
from common.events.event import Event
from common.events.public import ControlIssued
from common.events.spec import RunSpec, Windows
from common.market.bars import Bars
from common.run.stretches import cut_of
from common.service import Service
from selector.archive import cells
from selector.service import SERVICE as SELECTOR
from selector.state import Members, distinct, join

BARS_MAX = 8_000
Z = EVIDENCE.index("detrended_z")
INTERVAL = 0.95
_DRAWS = 2_000


def history(bars: Bars, windows: Windows | None = None) -> Bars:
    """The bars before the vault of a run with these windows, or the usual ones; the last ``BARS_MAX`` at most.

    What a user's champions are judged on shall decide no default and no setting.
    """
    stop = cut_of(len(bars), windows or Windows()).vault[0][0]
    return part(bars, max(0, stop - BARS_MAX), stop)


def part(bars: Bars, start: int, stop: int) -> Bars:
    """Bars ``start`` to ``stop``, the last one not included."""
    names = ("ts_us", "open", "high", "low", "close", "volume")
    return replace(bars, **{name: getattr(bars, name)[start:stop] for name in names})


class Course:
    """One run in this process: every event is carried to its readers, in the order in which they came.

    ``proposed`` counts its genomes, those of sealed reads too; ``cpu_s`` is by name of the service and counts the
    whole process, so it means something only while nothing else is at work there.
    """

    def __init__(self, run: RunSpec, services: list[Service[Any]]) -> None:
        self.run, self._services = run, services
        self.cpu_s: dict[str, float] = defaultdict(float)
        self.proposed = 0
        self._states: dict[tuple[str, str], Any] = {}
        self._waiting = deque([Event(ControlIssued(action="start"), "run", run, "start")])

    def onward(self, generation: int | None = None) -> None:
        """Until no event is left, or until every island waits to have this generation measured."""
        held: list[Event] = []
        while self._waiting:
            event = self._waiting.popleft()
            if generation is not None and _opens(event, generation):
                held.append(event)
                continue
            self.proposed += len(event.payload) if isinstance(event.payload, GenomeProposed) else 0
            for service in self._services:
                if isinstance(event.payload, service.consumes):
                    self._waiting.extend(self._step(service, event))
        self._waiting.extend(held)

    def _step(self, service: Service[Any], event: Event) -> list[Event]:
        key = (service.name, service.state_key(event))
        if key not in self._states:
            self._states[key] = service.initial_state() if service.initial_state else None
        start = time.process_time()
        self._states[key], answers = service.step(self._states[key], [event])
        self.cpu_s[service.name] += time.process_time() - start
        return list(answers)

    def feasible(self) -> Members:
        """The members of populations and archives that keep to all limits, each once."""
        islands = [state for (name, _), state in self._states.items() if name == SELECTOR.name]
        members = distinct(join(*(join(each.archive, each.population) for each in islands)))
        return members[members["violation"] <= 0]


def _opens(event: Event, generation: int) -> bool:
    """Whether this cohort belongs to the generation or to a later one; a sealed read belongs to none."""
    payload = event.payload
    return (
        isinstance(payload, GenomeProposed)
        and payload.header.purpose == "evolution"
        and payload.header.generation >= generation
    )


def best_of_cells(members: Members, window: int, count: int) -> Members:
    """The best ``count`` in a window of the evidence by the z of detrended returns, one of each cell of behaviour."""
    order = np.argsort(-members["evidence"][:, window, Z], kind="stable")
    places = cells(members["descriptor"])[order]
    return members[order[np.sort(np.unique(places, return_index=True)[1])][:count]]


def paired(values: npt.NDArray[np.float64], base: Floats) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval; drawn again by market, for runs on one market are alike.

    ``values`` and ``base`` (markets, seeds). With few markets the interval is coarse, and tells of these alone.
    """
    difference = values - base
    draws = np.random.Generator(np.random.Philox(9))
    count, seeds = difference.shape
    means = np.empty(_DRAWS)
    for draw in range(_DRAWS):
        chosen = draws.integers(0, count, count)
        again = draws.integers(0, seeds, (count, seeds))
        means[draw] = difference[chosen.reshape(-1, 1), again].mean()
    low, high = np.quantile(means, ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2))
    return float(difference.mean()), float(low), float(high)
