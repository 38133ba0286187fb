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

Columns = dict[str, list[Any]]


def _hex(ids: npt.NDArray[Any]) -> list[str]:
    """Opaque values, row by row, as hex texts."""
    text, width = ids.tobytes().hex(), 2 * ids.itemsize
    return [text[start : start + width] for start in range(0, len(text), width)]


def _row(figures: dict[str, Any]) -> Columns:
    return {name: [value] for name, value in figures.items()}


def _evaluated(payload: GenomeEvaluated) -> Iterator[tuple[str, Columns]]:
    header = payload.header
    counts = np.bincount(payload["status"], minlength=len(STATUS))
    yield (
        "cohorts",
        _row(
            {
                "island": header.island,
                "generation": header.generation,
                "purpose": header.purpose,
                "cohort": header.cohort,
                "proposed_us": header.proposed_us,
                "genomes": len(payload),
                **{name: int(count) for name, count in zip(STATUS, counts, strict=True)},
            }
        ),
    )


def _selected(payload: ParentsSelected) -> Iterator[tuple[str, Columns]]:
    header, summary = payload.header, payload.header.summary
    gates = sorted(summary.refusals)
    yield (
        "generations",
        _row(
            {
                **summary.model_dump(exclude={"best", "median", "refusals"}),
                "island": header.island,
                "generation": header.generation,
                "final": int(header.final),
                **{f"best_{name}": summary.best.get(name, np.nan) for name in OBJECTIVES},
                **{f"median_{name}": summary.median.get(name, np.nan) for name in OBJECTIVES},
                "refusal_gates": gates,
                "refusal_counts": [summary.refusals[gate] for gate in gates],
            }
        ),
    )
    # The genealogy: each member once, in the generation that admitted it. Elites of the archive were members before.
    new = (payload["born_generation"] == header.generation) & (payload["from_archive"] == 0)
    count = int(new.sum())
    members = _members({name: array[new] for name, array in payload.data.items()})
    yield "members", {**members, "island": [header.island] * count, "generation": [header.generation] * count}


def _members(data: dict[str, npt.NDArray[Any]]) -> Columns:
    parents = iter(_hex(data["parent_ids"]))
    return {
        "genome_id": _hex(data["genome_id"]),
        "parent_ids": [[one for one in pair if one.strip("0")] for pair in zip(parents, parents, strict=True)],
        "operator": [OPERATOR_NAMES[code] for code in data["operator"]],
        "born_us": data["born_us"].tolist(),
        **dict(zip(OBJECTIVES, data["objectives"].T.tolist(), strict=True)),
        "violation": data["violation"].tolist(),
        "genome": _hex(data["genome"]),
    }


def _migrated(payload: MigrantSent) -> Iterator[tuple[str, Columns]]:
    row = payload.header.model_dump()
    yield "migrations", _row({**row, "members": len(payload), "genome_ids": _hex(payload["genome_id"])})


def _promoted(payload: ChampionPromoted) -> Iterator[tuple[str, Columns]]:
    row = payload.model_dump()
    for window in ("training", "validation", "vault"):
        row.update({f"{window}_{figure}": value for figure, value in row.pop(window).items()})
    row["genome"] = orjson.dumps(row["genome"]).decode()
    row["verdicts"] = orjson.dumps(row["verdicts"]).decode()
    yield "champions", _row(row)


def _deployed(payload: DeploymentChanged) -> Iterator[tuple[str, Columns]]:
    yield "deployments", _row({**payload.model_dump(), "bar_ts_us": payload.bar_ts_us or 0})


def _performed(payload: PerformanceObserved) -> Iterator[tuple[str, Columns]]:
    yield "performance", _row(payload.model_dump())


def _alerted(payload: AlertRaised) -> Iterator[tuple[str, Columns]]:
    yield "alerts", _row(payload.model_dump())


_ROWS: dict[type, Callable[[Any], Iterator[tuple[str, Columns]]]] = {
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
    found: dict[str, dict[str, list[Any]]] = {}
    for event in events:
        common = {
            "run_id": event.run.run_id,
            "event_id": event.id,
            "time": event.time_us // 1_000_000,
            "time_us": event.time_us,
        }
        for name, columns in _ROWS[type(event.payload)](event.payload):
            count = len(next(iter(columns.values())))
            columns |= {column: [value] * count for column, value in common.items()}
            table = found.setdefault(name, {column: [] for column in BY_NAME[name].columns})
            for column, values in table.items():
                values.extend(columns[column])
    return {
        name: pa.table({field.name: pa.array(table[field.name], field.type) for field in BY_NAME[name].schema})
        for name, table in found.items()
        if table["run_id"]
    }
