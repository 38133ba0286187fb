"""The recorder: events become rows of tables, for people and for reports; nothing of the search depends on it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import orjson
import pyarrow as pa

from common.events.cohorts import (
    OPERATOR_NAMES,
    STATUS,
    WINDOWS,
    GenomeEvaluated,
    MigrantSent,
    ParentsSelected,
)
from common.events.event import Event
from common.events.public import (
    AlertRaised,
    ChampionPromoted,
    ControlIssued,
    DeploymentChanged,
    PerformanceObserved,
    Public,
)
from common.events.spec import OBJECTIVES
from common.ports import Record
from recorder.figures import Columns, figures, fitness, hexes, pressure, searching
from recorder.tables import BY_NAME

_MEASURED = STATUS.index("measured")


class Source(NamedTuple):
    """Where in the log an event stands."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, record: Record) -> Self:
        """That of a record."""
        return cls(record.topic, record.partition, record.offset)


def _row(figures: dict[str, Any]) -> Columns:
    return {name: [value] for name, value in figures.items()}


def _repeat(count: int, **values: Any) -> Columns:
    return {name: [value] * count for name, value in values.items()}


def _started(event: Event) -> Iterator[tuple[str, Columns]]:
    payload = event.payload
    assert isinstance(payload, ControlIssued)
    yield "audit", _row(payload.model_dump())
    if payload.action == "start":
        run = event.run
        spec = {"seed": run.seed, "islands": run.islands, "generations": run.generations}
        yield "runs", _row({**spec, "spec": run.canonical.decode()})


def _evaluated(event: Event) -> Iterator[tuple[str, Columns]]:
    payload = event.payload
    assert isinstance(payload, GenomeEvaluated)
    header = payload.header
    status, operator = payload["status"], payload["operator"]
    counts = np.bincount(status, minlength=len(STATUS))
    tried = np.bincount(operator, minlength=len(OPERATOR_NAMES))
    measured = np.bincount(operator[status == _MEASURED], minlength=len(OPERATOR_NAMES))
    used = np.flatnonzero(tried)
    yield (
        "cohorts",
        _row(
            {
                **header.model_dump(),
                "genomes": len(payload),
                **{name: int(count) for name, count in zip(STATUS, counts, strict=True)},
                "operators": [OPERATOR_NAMES[code] for code in used],
                "operator_tried": tried[used].tolist(),
                "operator_measured": measured[used].tolist(),
            }
        ),
    )
    if header.purpose == "evolution":
        return
    whose = {"purpose": header.purpose, "island": header.island, "generation": header.generation}
    count = len(payload)
    candidates = figures(payload.data) | {"status": [STATUS[code] for code in status]}
    yield "candidates", candidates | _repeat(count, **whose, cohort=header.cohort)
    yield "genomes", {name: candidates[name] for name in ("genome_id", "genome")}
    yield (
        "fitness",
        fitness({name: array[status == _MEASURED] for name, array in payload.data.items()}, header.purpose),
    )


def _selected(event: Event) -> Iterator[tuple[str, Columns]]:
    payload = event.payload
    assert isinstance(payload, ParentsSelected)
    header, summary = payload.header, payload.header.summary
    where = {"island": header.island, "generation": header.generation}
    gates = sorted(summary.refusals)
    yield (
        "generations",
        _row(
            {
                **summary.model_dump(exclude={"best", "median", "refusals", "diversities"}),
                **where,
                "final": int(header.final),
                **{f"best_{name}": summary.best.get(name, np.nan) for name in OBJECTIVES},
                **{f"median_{name}": summary.median.get(name, np.nan) for name in OBJECTIVES},
                "refusal_gates": gates,
                "refusal_counts": [summary.refusals[gate] for gate in gates],
            }
        ),
    )
    yield "search", _row(where | searching(header))
    # The genealogy: each member once, in the generation that admitted it. Elites of the archive were members before.
    new = (payload["born_generation"] == header.generation) & (payload["from_archive"] == 0)
    yield "selection", _row({**where, **pressure(payload, new)})
    admitted = {name: array[new] for name, array in payload.data.items()}
    members = figures(admitted)
    yield "members", members | {"born_us": admitted["born_us"].tolist()} | _repeat(int(new.sum()), **where)
    yield "genomes", {name: members[name] for name in ("genome_id", "genome")}
    yield "fitness", fitness(admitted, "evolution")


def _migrated(event: Event) -> Iterator[tuple[str, Columns]]:
    payload = event.payload
    assert isinstance(payload, MigrantSent)
    row = payload.header.model_dump()
    yield "migrations", _row({**row, "members": len(payload), "genome_ids": hexes(payload["genome_id"])})


def _promoted(event: Event) -> Iterator[tuple[str, Columns]]:
    payload = event.payload
    assert isinstance(payload, ChampionPromoted)
    row = payload.model_dump()
    for window in WINDOWS:
        row.update({f"{window}_{figure}": value for figure, value in row.pop(window).items()})
    row["genome"] = orjson.dumps(row["genome"]).decode()
    row["verdicts"] = orjson.dumps(row["verdicts"]).decode()
    yield "champions", _row(row)


def _deployed(event: Event) -> Iterator[tuple[str, Columns]]:
    payload = event.payload
    assert isinstance(payload, DeploymentChanged)
    yield "deployments", _row({**payload.model_dump(), "bar_ts_us": payload.bar_ts_us or 0})


def _as_it_is(table: str) -> Callable[[Event], Iterator[tuple[str, Columns]]]:
    def rows_of(event: Event) -> Iterator[tuple[str, Columns]]:
        assert isinstance(event.payload, Public)
        yield table, _row(event.payload.model_dump())

    return rows_of


_ROWS: dict[type, Callable[[Event], Iterator[tuple[str, Columns]]]] = {
    ControlIssued: _started,
    GenomeEvaluated: _evaluated,
    ParentsSelected: _selected,
    MigrantSent: _migrated,
    ChampionPromoted: _promoted,
    DeploymentChanged: _deployed,
    PerformanceObserved: _as_it_is("performance"),
    AlertRaised: _as_it_is("alerts"),
}
NAME = "recorder"
CONSUMES: tuple[type, ...] = tuple(_ROWS)


def rows(found: Sequence[tuple[Event, Source]]) -> dict[str, pa.Table]:
    """The rows of these events by table, ready to insert; a table without rows is left out.

    A figure that an event has and the table has not is dropped: readers ignore what they do not know.
    """
    tables: dict[str, dict[str, list[Any]]] = {}
    for event, source in found:
        common = {
            "run_id": event.run.run_id,
            "event_id": event.id,
            "topic": source.topic,
            "topic_partition": source.partition,
            "topic_offset": source.offset,
            "time": event.time_us // 1_000_000,
            "time_us": event.time_us,
        }
        for name, own in _ROWS[type(event.payload)](event):
            columns = own | _repeat(len(next(iter(own.values()))), **common)
            table = tables.setdefault(name, {column: [] for column in BY_NAME[name].columns})
            for column, values in table.items():
                values.extend(columns[column])
    return {
        name: pa.table({field.name: pa.array(table[field.name], field.type) for field in BY_NAME[name].schema})
        for name, table in tables.items()
        if table["run_id"]
    }
