"""The tables of the analytical store: one definition gives the DDL and the Arrow schema of what is inserted.

The DDL stays within what a ClickHouse of 2018 and today's engine both run: no DateTime64, no codecs, no TTL. Rows of a
repeated event are equal in the columns they are ordered by, so ``FINAL`` counts each event once. Who publishes an event
again stamps it anew: the row of the earliest time is kept, in whatever order they come. Ids are hex texts.

What is kept of a genome depends on what it came to, for a hundred million are bred in an hour:

* bred and not admitted: a count, by island, generation, operator and status (``cohorts``);
* admitted to an island: one row each in ``members``, ``genomes`` and, per window, ``fitness``;
* read for promotion, or published by a person: one row in ``candidates`` too, whatever became of it.

Nearly all offspring die within a generation, and nobody asks about one of them; the log keeps them as long as its
retention says.
"""

from dataclasses import dataclass

import pyarrow as pa

from common.events.cohorts import DESCRIPTOR, EVIDENCE
from common.events.spec import OBJECTIVES

_ARROW: dict[str, pa.DataType] = {
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Int64": pa.int64(),
    "Float64": pa.float64(),
    "String": pa.string(),
    "DateTime": pa.timestamp("s", "UTC"),
    "Array(String)": pa.list_(pa.string()),
    "Array(UInt64)": pa.list_(pa.uint64()),
    "Array(Float64)": pa.list_(pa.float64()),
}
# Every row says which run and event it is of, when that was published, and where in the log it stands.
_COMMON = {
    "run_id": "String",
    "event_id": "String",
    "topic": "String",
    "topic_partition": "UInt32",
    "topic_offset": "UInt64",
    "time": "DateTime",
    "time_us": "UInt64",
}
EARLINESS = "bitNot(time_us)"
EARLIEST = "ReplacingMergeTree(earliness)"
"""Of rows that are ordered alike the one with the greatest ``earliness`` is kept: that of the earliest time."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name with their ClickHouse types; ``order`` identifies a row."""

    name: str
    columns: dict[str, str]
    order: tuple[str, ...]
    is_bulk: bool = False
    """Grows with every generation: split by month, so that old months can be dropped; the others stay for ever."""

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of inserted rows."""
        return pa.schema([pa.field(name, _ARROW[kind]) for name, kind in self.columns.items()])

    @property
    def ddl(self) -> str:
        """CREATE TABLE; of repeated rows the earliest is kept."""
        stored = self.columns | {"earliness": f"UInt64 MATERIALIZED {EARLINESS}"}
        return create(self.name, stored, self.order, EARLIEST, is_bulk=self.is_bulk)


def create(name: str, columns: dict[str, str], order: tuple[str, ...], engine: str, *, is_bulk: bool) -> str:
    """The statement that makes a table unless it is there."""
    lines = ",\n".join(f"    {column} {kind}" for column, kind in columns.items())
    months = "PARTITION BY toYYYYMM(time, 'UTC') " if is_bulk else ""
    return f"CREATE TABLE IF NOT EXISTS {name} (\n{lines}\n) ENGINE = {engine} {months}ORDER BY ({', '.join(order)})"


def _table(name: str, order: tuple[str, ...], columns: dict[str, str], *, is_bulk: bool = False) -> Table:
    return Table(name, _COMMON | columns, ("run_id", *order), is_bulk)


ISLAND = {"island": "UInt16", "generation": "UInt32"}
_SCORES = {f"{kind}_{objective}": "Float64" for kind in ("best", "median") for objective in OBJECTIVES}
_EVIDENCE = {
    f"{window}_{figure}": kind
    for window in ("training", "validation", "vault")
    for figure, kind in {"sharpe_annual": "Float64", "total_return": "Float64", "trades": "UInt32"}.items()
}
DIVERSITIES = ("genetic", "structural", "phenotypic", "behavioural", "fitness", "vendi")
"""Measures of a population as its summary names them."""
_MEASURED = dict.fromkeys(OBJECTIVES, "Float64") | {"violation": "Float64"}

FIRST_TABLES: tuple[Table, ...] = (
    _table("runs", ("event_id",), {"seed": "UInt64", "islands": "UInt16", "generations": "UInt64", "spec": "String"}),
    _table("audit", ("event_id",), {"action": "String", "scope": "String", "issuer": "String"}),
    _table(
        "cohorts",
        ("island", "generation", "event_id"),
        ISLAND
        | {"purpose": "String", "cohort": "String", "proposed_us": "UInt64", "genomes": "UInt32"}
        | {"measured": "UInt32", "refused": "UInt32", "failed": "UInt32"}
        | {"operators": "Array(String)", "operator_tried": "Array(UInt64)", "operator_measured": "Array(UInt64)"},
        is_bulk=True,
    ),
    _table(
        "generations",
        ("island", "generation", "event_id"),
        ISLAND
        | {"final": "UInt8", "evaluated": "UInt64", "refused": "UInt64", "failed": "UInt64", "front_size": "UInt32"}
        | {"archive_size": "UInt32", "archive_cells": "UInt32", "diversity": "Float64"}
        | {"registered": "UInt32", "champions": "UInt32"}
        | _SCORES
        | {"refusal_gates": "Array(String)", "refusal_counts": "Array(UInt64)"},
    ),
    _table(
        "selection",
        ("island", "generation", "event_id"),
        ISLAND
        | {"members": "UInt32", "admitted": "UInt32", "elites": "UInt32", "front_share": "Float64"}
        | {"mean_age": "Float64", "oldest_age": "UInt32", "parents": "UInt32", "effective_parents": "Float64"},
    ),
    _table(
        "members",
        ("island", "generation", "genome_id"),
        ISLAND
        | {"genome_id": "String", "parent_ids": "Array(String)", "operator": "String", "born_us": "UInt64"}
        | _MEASURED
        | dict.fromkeys(DESCRIPTOR, "Float64"),
        is_bulk=True,
    ),
    _table("genomes", ("genome_id",), {"genome_id": "String", "genome": "String"}, is_bulk=True),
    _table(
        "fitness",
        ("genome_id", "purpose", "window_name"),
        {"genome_id": "String", "purpose": "String", "window_name": "String"} | dict.fromkeys(EVIDENCE, "Float64"),
        is_bulk=True,
    ),
    _table(
        "candidates",
        ("purpose", "genome_id", "event_id"),
        {"purpose": "String", "cohort": "String"}
        | ISLAND
        | {"genome_id": "String", "operator": "String", "status": "String"}
        | _MEASURED,
    ),
    _table(
        "migrations",
        ("source", "island", "generation", "event_id"),
        {"source": "UInt16"} | ISLAND | {"members": "UInt32", "genome_ids": "Array(String)"},
    ),
    _table(
        "champions",
        ("genome_id", "event_id"),
        {"genome_id": "String", "niche": "String"}
        | ISLAND
        | {"born_generation": "UInt32", "born_us": "UInt64", "parent_ids": "Array(String)", "operator": "String"}
        | {"trials": "UInt64"}
        | _EVIDENCE
        | {"genome": "String", "verdicts": "String"},
    ),
    _table(
        "deployments",
        ("deployment", "event_id"),
        {"deployment": "String", "genome_id": "String", "state": "String", "previous": "String", "reason": "String"}
        | {"instrument": "String", "born_us": "UInt64", "bar_ts_us": "Int64"},
    ),
    _table(
        "performance",
        ("deployment", "bar_ts_us", "event_id"),
        {"deployment": "String", "genome_id": "String", "bar_ts_us": "Int64", "bars": "UInt32", "trades": "UInt32"}
        | {"position": "Float64", "equity": "Float64", "drawdown_max": "Float64"},
    ),
    _table("alerts", ("kind", "event_id"), {"kind": "String", "severity": "String", "message": "String"}),
)
SEARCH_TABLES: tuple[Table, ...] = (
    _table(
        "search",
        ("island", "generation", "event_id"),
        ISLAND
        | {"verdict": "Array(String)"}
        | dict.fromkeys(("species", "restarts", "extinctions", "innovations", "breakthroughs"), "UInt32")
        | {f"{name}_diversity": "Float64" for name in DIVERSITIES}
        | dict.fromkeys(("crossover_rate", "mutation_rate", "immigrant_rate", "step"), "Float64")
        | {"tournament": "UInt32", "operators": "Array(String)", "operator_shares": "Array(Float64)"},
    ),
)
"""How an island searches: its diversity, its verdict, and what it asks of its next generation."""
TABLES: tuple[Table, ...] = (*FIRST_TABLES, *SEARCH_TABLES)
BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
