"""The figures of a run at one moment, summed over its islands: for the live view and the progress line."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from common.events.spec import RunSpec
from standalone.chronicle import Chronicle, Row


@dataclass(frozen=True, slots=True)
class Overview:
    """``generation``: generations that every island has closed; ``best`` and ``median`` by objective, all maximised."""

    phase: str
    elapsed_s: float
    generation: int
    generations: int
    islands: int
    evaluated: int
    refused: int
    failed: int
    strategies_per_hour: float
    best: dict[str, float]
    median: dict[str, float]
    front_size: int
    archive_size: int
    archive_cells: int
    diversity: float
    registered: int
    refusals: dict[str, int]
    champions: int
    deployments: int
    seeds: int
    dead_letters: int

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def overview(chronicle: Chronicle, spec: RunSpec, phase: str, elapsed_s: float, evolution_s: float) -> Overview:
    """Sum up; ``elapsed_s`` is shown, ``evolution_s`` is the time strategies were bred in."""
    rows = chronicle.progress.latest()
    evaluated = chronicle.progress.evaluated()
    refusals: Counter[str] = Counter()
    for row in rows:
        refusals.update(row["refusals"])
    names = spec.evolution.objectives
    return Overview(
        phase=phase,
        elapsed_s=elapsed_s,
        generation=min((row["generation"] for row in rows), default=-1) + 1 if len(rows) == spec.islands else 0,
        generations=spec.generations,
        islands=spec.islands,
        evaluated=evaluated,
        refused=sum(row["refused"] for row in rows),
        failed=sum(row["failed"] for row in rows),
        strategies_per_hour=evaluated / evolution_s * 3600 if evolution_s > 0 else 0.0,
        best={name: max(values) for name, values in _by_objective(rows, "best", names).items()},
        median={name: sum(values) / len(values) for name, values in _by_objective(rows, "median", names).items()},
        front_size=sum(row["front_size"] for row in rows),
        archive_size=sum(row["archive_size"] for row in rows),
        archive_cells=sum(row["archive_cells"] for row in rows),
        diversity=sum(row["diversity"] for row in rows) / len(rows) if rows else 0.0,
        registered=sum(row["registered"] for row in rows),
        refusals=dict(sorted(refusals.items())),
        champions=len(chronicle.of("champion")),
        deployments=sum({"paper": 1, "retired": -1}.get(row["state"], 0) for row in chronicle.of("deployment")),
        seeds=len(chronicle.of("seed")),
        dead_letters=len(chronicle.of("dead")),
    )


def _by_objective(rows: Sequence[Row], figure: str, names: Sequence[str]) -> dict[str, list[float]]:
    """The islands' figures; an island without a feasible strategy has none, an objective without any is left out."""
    found = {name: [float(row[figure][name]) for row in rows if name in row[figure]] for name in names}
    return {name: values for name, values in found.items() if values}
