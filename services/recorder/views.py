"""Materialized views: tables that the store fills itself, ordered as the stock questions read them.

Delivery is at least once, with another time each time, and a view sees every insert, so nothing here may count a
repeated row twice: no view is ordered by what comes from that time. Each either keeps one row for each of its source,
that of the earliest time, or says nothing of the time at all: states that do not change by repetition (max, uniqExact)
and the latest generation of an island. Read the rows with ``FINAL``, the states with ``-Merge``.
"""

from dataclasses import dataclass

from common.events.spec import OBJECTIVES
from recorder.tables import EARLIEST, EARLINESS, ISLAND, create


@dataclass(frozen=True, slots=True)
class View:
    """``name`` is the table that is read; ``select`` fills it from each insert."""

    name: str
    columns: dict[str, str]
    order: tuple[str, ...]
    select: str
    engine: str = EARLIEST
    is_bulk: bool = False

    @property
    def ddl(self) -> tuple[str, str]:
        """The table, and what fills it."""
        return (
            create(self.name, self.columns, self.order, self.engine, is_bulk=self.is_bulk),
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {self.name}_filled TO {self.name} AS {self.select}",
        )


_RUN = {"run_id": "String"}
# Selected, not MATERIALIZED: the old engine makes no such column where a view fills a table.
_TIME = {"time": "DateTime", "time_us": "UInt64", "earliness": "UInt64"}
_TIMES = f"time, time_us, {EARLINESS} AS earliness"
# A founder has one edge, from nobody.
_EDGE = {"child_id": "String", "parent_id": "String", "operator": "String"} | ISLAND | _TIME
_EDGES = (
    f"SELECT run_id, genome_id AS child_id, parent_id, operator, island, generation, {_TIMES} "
    "FROM members ARRAY JOIN if(empty(parent_ids), [''], parent_ids) AS parent_id"
)
# One row of numbers for a birth, so that a whole genealogy is read at once: an id is its two halves, a parent the first
# half of its id (0: none), an operator its place in BIRTH_OPERATORS, counted from 1 (0: another).
BIRTH_OPERATORS: tuple[str, ...] = ("random", "expert", "published", "crossover", "mutation", "both", "migrant")
_KIN = dict.fromkeys(("child", "child_rest", "mother", "father"), "UInt64")
_BIRTH = _KIN | {"operator_code": "UInt8"} | ISLAND | _TIME


def _half(text: str, first: int = 1) -> str:
    """SQL: sixteen hex digits of a text, from the ``first`` on, as a number; 0 for an empty text."""
    return f"reinterpretAsUInt64(reverse(unhex(substring({text}, {first}, 16))))"


_BIRTHS = (
    f"SELECT run_id, {_half('genome_id')} AS child, {_half('genome_id', 17)} AS child_rest, "
    f"{_half('parent_ids[1]')} AS mother, {_half('parent_ids[2]')} AS father, "
    f"toUInt8(indexOf({list(BIRTH_OPERATORS)}, operator)) AS operator_code, island, generation, {_TIMES} FROM members"
)
_HEALTH = {"diversity": "Float64", "front_size": "UInt32", "archive_cells": "UInt32", "median_sharpe": "Float64"}
# NaN: nobody measured yet. It would win or lose against numbers as the engine's version pleases.
_BEST = ", ".join(f"maxState(if(isNaN(best_{name}), -1 / 0, best_{name})) AS {name}" for name in OBJECTIVES)

VIEWS: tuple[View, ...] = (
    View("genealogy", _RUN | _EDGE, ("run_id", "child_id", "parent_id", "island", "generation"), _EDGES, is_bulk=True),
    View("descent", _RUN | _EDGE, ("run_id", "parent_id", "child_id", "island", "generation"), _EDGES, is_bulk=True),
    View(
        "operator_trials",
        _RUN | ISLAND | {"operator": "String", "event_id": "String", "tried": "UInt64", "passed": "UInt64"} | _TIME,
        ("run_id", "operator", "island", "generation", "event_id"),
        f"SELECT run_id, island, generation, operator, event_id, tried, passed, {_TIMES} FROM cohorts "
        "ARRAY JOIN operators AS operator, operator_tried AS tried, operator_measured AS passed "
        "WHERE purpose = 'evolution'",
        is_bulk=True,
    ),
    View(
        "operator_admissions",
        _RUN
        | ISLAND
        | {"operator": "String", "admitted": "AggregateFunction(uniqExact, String)"}
        | {"sharpe_max": "AggregateFunction(max, Float64)"},
        ("run_id", "operator", "island", "generation"),
        "SELECT run_id, island, generation, operator, uniqExactState(genome_id) AS admitted, "
        "maxState(sharpe) AS sharpe_max FROM members GROUP BY run_id, island, generation, operator",
        "AggregatingMergeTree",
    ),
    View(
        "best_by_generation",
        _RUN | {"generation": "UInt32"} | dict.fromkeys(OBJECTIVES, "AggregateFunction(max, Float64)"),
        ("run_id", "generation"),
        f"SELECT run_id, generation, {_BEST} FROM generations GROUP BY run_id, generation",
        "AggregatingMergeTree",
    ),
    View(
        "health_by_generation",
        _RUN | ISLAND | _HEALTH | _TIME,
        ("run_id", "generation", "island"),
        f"SELECT run_id, island, generation, {', '.join(_HEALTH)}, {_TIMES} FROM generations",
    ),
    View(
        "islands",
        _RUN
        | ISLAND
        | {"final": "UInt8", "evaluated": "UInt64", "archive_size": "UInt32", "registered": "UInt32"}
        | {"champions": "UInt32", "refusal_gates": "Array(String)", "refusal_counts": "Array(UInt64)"},
        ("run_id", "island"),
        "SELECT run_id, island, generation, final, evaluated, archive_size, registered, champions, refusal_gates, "
        "refusal_counts FROM generations",
        "ReplacingMergeTree(generation)",
    ),
    View(
        "throughput_by_minute",
        _RUN
        | {"minute": "DateTime", "purpose": "String", "event_id": "String", "genomes": "UInt32", "measured": "UInt32"}
        | {"refused": "UInt32", "failed": "UInt32", "took_us": "Int64"}
        | _TIME,
        ("run_id", "event_id"),
        # By the microseconds: minutes do not depend on the server's time zone.
        "SELECT run_id, toDateTime(intDiv(time_us, 60000000) * 60) AS minute, purpose, event_id, genomes, measured, "
        f"refused, failed, toInt64(time_us) - toInt64(proposed_us) AS took_us, {_TIMES} FROM cohorts",
        is_bulk=True,
    ),
    View(
        "births",
        _RUN | _BIRTH,
        ("run_id", "child", "child_rest", "island", "generation", "mother", "father"),
        _BIRTHS,
        is_bulk=True,
    ),
)
VIEWS_AT_FIRST = 8
"""So many of them came with the second step of the schema."""
