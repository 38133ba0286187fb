"""Live figures: rates, leaderboard and health of the islands, from the events of the last hour.

Data in, data out: no clock, no input or output. Nothing here is the truth: it starts empty with the process, the store
has the rest. An event counts once, however often it is delivered or published; of an island the latest generation
counts. Memory is bounded: an hour of event ids, ``BEST`` strategies an objective and island, ``ISLANDS_MAX`` islands.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from common.events.cohorts import OPERATOR_NAMES, GenomeEvaluated, ParentsSelected
from common.events.event import Event
from common.events.public import ChampionPromoted, DeploymentChanged
from common.events.spec import OBJECTIVES
from recorder.windows import Windows

HOPPING_S = (10, 60, 600, 3600)
MINUTES = 60
BEST = 10
CHAMPIONS = 20
ISLANDS_MAX = 1024
COUNTS = ("genomes", "cohorts", "generations", "champions", "deployments")


class _Island(NamedTuple):
    """What the latest generation said of it."""

    generation: int
    time_us: int
    health: dict[str, Any]
    best: dict[str, list[dict[str, Any]]]


class Live:
    """What the events seen so far say; times are microseconds since 1970, ``now_us`` never goes back."""

    def __init__(self) -> None:
        self._windows = Windows(HOPPING_S[-1])
        self._islands: dict[tuple[str, int], _Island] = {}
        self._champions: dict[str, dict[str, Any]] = {}

    def observe(self, events: Iterable[Event], now_us: int) -> None:
        """Take events in, in any order."""
        for event in events:
            payload = event.payload
            if isinstance(payload, GenomeEvaluated):
                self._windows.add(event.id, event.time_us, now_us, cohorts=1, genomes=len(payload))
            elif isinstance(payload, ParentsSelected):
                self._windows.add(event.id, event.time_us, now_us, generations=1)
                self._selected(event, payload)
            elif isinstance(payload, ChampionPromoted):
                self._windows.add(event.id, event.time_us, now_us, champions=1)
                self._promoted(event, payload)
            elif isinstance(payload, DeploymentChanged):
                self._windows.add(event.id, event.time_us, now_us, deployments=1)

    def _selected(self, event: Event, payload: ParentsSelected) -> None:
        key, header = (event.run.run_id, payload.header.island), payload.header
        before = self._islands.pop(key, None)
        if before is not None and before.generation > header.generation:
            self._islands[key] = before
            return
        summary = header.summary
        health = {
            **summary.model_dump(include={"front_size", "archive_size", "archive_cells", "diversity", "evaluated"}),
            **summary.model_dump(include={"refused", "failed", "registered", "champions", "refusals"}),
            "population": int((payload["from_archive"] == 0).sum()),
            "final": header.final,
        }
        self._islands[key] = _Island(header.generation, event.time_us, health, _best(payload))
        while len(self._islands) > ISLANDS_MAX:
            del self._islands[next(iter(self._islands))]

    def _promoted(self, event: Event, payload: ChampionPromoted) -> None:
        self._champions[event.id] = {
            "run_id": event.run.run_id,
            "promoted_us": event.time_us,
            **payload.model_dump(include={"genome_id", "niche", "island", "generation", "operator", "trials"}),
            "vault_sharpe_annual": payload.vault.sharpe_annual,
            "vault_total_return": payload.vault.total_return,
        }
        if len(self._champions) > CHAMPIONS:
            del self._champions[min(self._champions, key=lambda each: self._champions[each]["promoted_us"])]

    def rates(self, now_us: int) -> dict[str, Any]:
        """Per hopping window the counts and their rates; and the counts of the last hour's minutes, oldest first."""
        hopping = []
        for length_s in HOPPING_S:
            sums = self._windows.hopping(length_s, now_us)
            counts = {name: sums.get(name, 0) for name in COUNTS}
            rates = {f"{name}_per_s": counts[name] / length_s for name in ("genomes", "cohorts")}
            hopping.append({"window_s": length_s, **counts, **rates})
        minutes = [
            {"begin_s": begin, **{name: sums.get(name, 0) for name in COUNTS}}
            for begin, sums in self._windows.tumbling(60, MINUTES, now_us)
        ]
        return {"now_us": now_us, "hopping": hopping, "minutes": minutes}

    def leaderboard(self, now_us: int) -> dict[str, Any]:
        """Of islands heard of within the hour the best strategies per objective, and the latest champions first."""
        oldest_us = now_us - HOPPING_S[-1] * 1_000_000
        recent = [island for island in self._islands.values() if island.time_us >= oldest_us]
        best = {}
        for objective in OBJECTIVES:
            rows = {row["genome_id"]: row for island in recent for row in island.best[objective]}
            best[objective] = sorted(rows.values(), key=lambda row: (-row["value"], row["genome_id"]))[:BEST]
        champions = sorted(self._champions.values(), key=lambda each: -each["promoted_us"])
        return {"now_us": now_us, "best": best, "champions": champions}

    def islands(self, now_us: int) -> dict[str, Any]:
        """The health of each island at its latest generation, and for how many seconds nothing has come from it."""
        found = [
            {
                "run_id": run_id,
                "island": number,
                "generation": island.generation,
                "stale_s": max(0.0, (now_us - island.time_us) / 1e6),
                **island.health,
            }
            for (run_id, number), island in sorted(self._islands.items())
        ]
        return {"now_us": now_us, "islands": found}


def _best(payload: ParentsSelected) -> dict[str, list[dict[str, Any]]]:
    """The best feasible strategies per objective, ``BEST`` at most."""
    feasible = np.flatnonzero((payload["status"] == 0) & (payload["violation"] <= 0))
    found: dict[str, list[dict[str, Any]]] = {}
    for column, objective in enumerate(OBJECTIVES):
        values = payload["objectives"][feasible, column]
        finite = np.flatnonzero(np.isfinite(values))
        order = finite[np.argsort(-values[finite], kind="stable")][: 2 * BEST]
        rows: dict[str, dict[str, Any]] = {}
        for place in order.tolist():
            row = int(feasible[place])
            genome_id = payload["genome_id"][row].tobytes().hex()
            if len(rows) < BEST and genome_id not in rows:
                rows[genome_id] = {
                    "genome_id": genome_id,
                    "value": float(values[place]),
                    "island": payload.header.island,
                    "generation": payload.header.generation,
                    "born_generation": int(payload["born_generation"][row]),
                    "operator": OPERATOR_NAMES[payload["operator"][row]],
                }
        found[objective] = list(rows.values())
    return found
