"""The tables of the analytical store: one definition gives the DDL and the Arrow schema of what is inserted.

The DDL stays within what a ClickHouse of 2018 and today's engine both run: no DateTime64, no codecs, no TTL. Rows of a
repeated event are equal in the columns they are ordered by, so ``FINAL`` counts each event once. Ids are hex texts.
"""

from dataclasses import dataclass

import pyarrow as pa

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
}
# Every row says which run and event it is of, and when that was published.
_COMMON = {"run_id": "String", "event_id": "String", "time": "DateTime", "time_us": "UInt64"}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name with their ClickHouse types; ``order`` identifies a row."""

    name: str
    columns: dict[str, str]
    order: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of inserted rows."""
        return pa.schema([pa.field(name, _ARROW[kind]) for name, kind in self.columns.items()])

    @property
    def ddl(self) -> str:
        """CREATE TABLE; a repeated row replaces the earlier one."""
        columns = ",\n".join(f"    {name} {kind}" for name, kind in self.columns.items())
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} (\n{columns}\n) "
            f"ENGINE = ReplacingMergeTree(time_us) ORDER BY ({', '.join(self.order)})"
        )


def _table(name: str, order: tuple[str, ...], columns: dict[str, str]) -> Table:
    return Table(name, _COMMON | columns, ("run_id", *order))


_ISLAND = {"island": "UInt16", "generation": "UInt32"}
_SCORES = {f"{kind}_{objective}": "Float64" for kind in ("best", "median") for objective in OBJECTIVES}
_EVIDENCE = {
    f"{window}_{figure}": kind
    for window in ("training", "validation", "vault")
    for figure, kind in {"sharpe_annual": "Float64", "total_return": "Float64", "trades": "UInt32"}.items()
}

TABLES: tuple[Table, ...] = (
    _table(
        "cohorts",
        ("island", "generation", "event_id"),
        _ISLAND
        | {"purpose": "String", "cohort": "String", "proposed_us": "UInt64", "genomes": "UInt32"}
        | {"measured": "UInt32", "refused": "UInt32", "failed": "UInt32"},
    ),
    _table(
        "generations",
        ("island", "generation", "event_id"),
        _ISLAND
        | {"final": "UInt8", "evaluated": "UInt64", "refused": "UInt64", "failed": "UInt64", "front_size": "UInt32"}
        | {"archive_size": "UInt32", "archive_cells": "UInt32", "diversity": "Float64"}
        | {"registered": "UInt32", "champions": "UInt32"}
        | _SCORES
        | {"refusal_gates": "Array(String)", "refusal_counts": "Array(UInt64)"},
    ),
    _table(
        "members",
        ("island", "generation", "genome_id"),
        _ISLAND
        | {"genome_id": "String", "parent_ids": "Array(String)", "operator": "String", "born_us": "UInt64"}
        | dict.fromkeys(OBJECTIVES, "Float64")
        | {"violation": "Float64", "genome": "String"},
    ),
    _table(
        "migrations",
        ("source", "island", "generation", "event_id"),
        {"source": "UInt16"} | _ISLAND | {"members": "UInt32", "genome_ids": "Array(String)"},
    ),
    _table(
        "champions",
        ("genome_id", "event_id"),
        {"genome_id": "String", "niche": "String"}
        | _ISLAND
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
    _table(
        "alerts",
        ("kind", "event_id"),
        {"kind": "String", "severity": "String", "message": "String"},
    ),
)
BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
