"""The recorder: events become rows of tables, for people and for reports; nothing of the search depends on it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from common.events.cohorts import OPERATOR_NAMES, STATUS, GenomeEvaluated, MigrantSent, ParentsSelected
from common.events.event import Event
from common.events.public import AlertRaised, ChampionPromoted, DeploymentChanged, PerformanceObserved
from common.events.spec import OBJECTIVES
from recorder.tables import BY_NAME

Row = dict[str, Any]


def _hex(ids: npt.NDArray[np.void]) -> list[str]:
    """Opaque values, shape (n,), as hex texts."""
    return [value.tobytes().hex() for value in ids]


def _evaluated(payload: GenomeEvaluated) -> Iterator[tuple[str, Row]]:
    header = payload.header
    counts = np.bincount(payload["status"], minlength=len(STATUS))
    yield (
        "cohorts",
        {
            "island": header.island,
            "generation": header.generation,
            "purpose": header.purpose,
            "cohort": header.cohort,
            "proposed_us": header.proposed_us,
            "genomes": len(payload),
            **{name: int(count) for name, count in zip(STATUS, counts, strict=True)},
        },
    )


def _selected(payload: ParentsSelected) -> Iterator[tuple[str, Row]]:
    header, summary = payload.header, payload.header.summary
    gates = sorted(summary.refusals)
    yield (
        "generations",
        {
            **summary.model_dump(exclude={"best", "median", "refusals"}),
            "island": header.island,
            "generation": header.generation,
            "final": int(header.final),
            **{f"best_{name}": summary.best.get(name, np.nan) for name in OBJECTIVES},
            **{f"median_{name}": summary.median.get(name, np.nan) for name in OBJECTIVES},
            "refusal_gates": gates,
            "refusal_counts": [summary.refusals[gate] for gate in gates],
        },
    )
    # The genealogy: each member once, in the generation that admitted it. Elites of the archive were members before.
    new = np.flatnonzero((payload["born_generation"] == header.generation) & (payload["from_archive"] == 0))
    for row in new:
        yield (
            "members",
            {
                "island": header.island,
                "generation": header.generation,
                "genome_id": payload["genome_id"][row].tobytes().hex(),
                "parent_ids": [parent for parent in _hex(payload["parent_ids"][row]) if parent.strip("0")],
                "operator": OPERATOR_NAMES[payload["operator"][row]],
                "born_us": int(payload["born_us"][row]),
                **dict(zip(OBJECTIVES, payload["objectives"][row].tolist(), strict=True)),
                "violation": float(payload["violation"][row]),
                "genome": payload["genome"][row].tobytes().hex(),
            },
        )


def _migrated(payload: MigrantSent) -> Iterator[tuple[str, Row]]:
    row = payload.header.model_dump()
    yield "migrations", {**row, "members": len(payload), "genome_ids": _hex(payload["genome_id"])}


def _promoted(payload: ChampionPromoted) -> Iterator[tuple[str, Row]]:
    row = payload.model_dump()
    for window in ("training", "validation", "vault"):
        row.update({f"{window}_{figure}": value for figure, value in row.pop(window).items()})
    row["genome"] = orjson.dumps(row["genome"]).decode()
    row["verdicts"] = orjson.dumps(row["verdicts"]).decode()
    yield "champions", row


def _deployed(payload: DeploymentChanged) -> Iterator[tuple[str, Row]]:
    yield "deployments", {**payload.model_dump(), "bar_ts_us": payload.bar_ts_us or 0}


def _performed(payload: PerformanceObserved) -> Iterator[tuple[str, Row]]:
    yield "performance", payload.model_dump()


def _alerted(payload: AlertRaised) -> Iterator[tuple[str, Row]]:
    yield "alerts", payload.model_dump()


_ROWS: dict[type, Callable[[Any], Iterator[tuple[str, Row]]]] = {
    GenomeEvaluated: _evaluated,
    ParentsSelected: _selected,
    MigrantSent: _migrated,
    ChampionPromoted: _promoted,
    DeploymentChanged: _deployed,
    PerformanceObserved: _performed,
    AlertRaised: _alerted,
}
NAME = "recorder"
CONSUMES: tuple[type, ...] = tuple(_ROWS)


def rows(events: Sequence[Event]) -> dict[str, pa.Table]:
    """The rows of these events by table, ready to insert; a table without rows is left out.

    A figure that an event has and the table has not is dropped: readers ignore what they do not know.
    """
    found: dict[str, list[Row]] = {}
    for event in events:
        common = {
            "run_id": event.run.run_id,
            "event_id": event.id,
            "time": event.time_us // 1_000_000,
            "time_us": event.time_us,
        }
        for table, row in _ROWS[type(event.payload)](event.payload):
            found.setdefault(table, []).append({**row, **common})
    return {
        name: pa.table(
            {field.name: pa.array([row[field.name] for row in lines], field.type) for field in BY_NAME[name].schema},
            schema=BY_NAME[name].schema,
        )
        for name, lines in found.items()
    }
