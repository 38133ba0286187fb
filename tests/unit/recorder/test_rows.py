"""Events as rows: what a person will ask for is there, each once."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.cohorts import EVIDENCE, WINDOWS, GenomeEvaluated, ParentsSelected, SelectedHeader
from common.events.event import Event
from common.events.public import ControlIssued
from common.events.spec import OBJECTIVES, RunSpec
from common.genome.codec import decode, to_json
from common.genome.layout import GENOME_VERSION
from recorder.migrations import MIGRATIONS
from recorder.retention import BULK
from recorder.service import CONSUMES, Source, rows
from recorder.tables import TABLES
from recorder.views import VIEWS
from tools.samples import RUN, TIME_US, sample_events

SOURCE = Source("evo.some.topic.v1", 3, 2**40)
EVENTS = {type(event.payload): event for event in sample_events() if type(event.payload) in CONSUMES}
EVALUATED, SELECTED = EVENTS[GenomeEvaluated], EVENTS[ParentsSelected]
_CANDIDATES = GenomeEvaluated(
    EVALUATED.payload.header.model_copy(update={"purpose": "promotion", "cohort": "p1"}), EVALUATED.payload.data
)
PROMOTION = replace(EVALUATED, payload=_CANDIDATES, id="ab" * 16)
ALL = [*EVENTS.values(), PROMOTION]


def rows_of(event: Event, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows([(event, SOURCE)])[table].to_pylist()
    return found


def test_every_table_gets_rows_with_run_event_time_and_source() -> None:
    found = rows([(event, SOURCE) for event in ALL])
    assert set(found) == {table.name for table in TABLES}
    ids = {event.id for event in ALL}
    for table in TABLES:
        assert found[table.name].schema == table.schema
        for row in found[table.name].to_pylist():
            assert row["run_id"] == RUN.run_id
            assert row["event_id"] in ids
            assert row["time_us"] == TIME_US
            assert (row["topic"], row["topic_partition"], row["topic_offset"]) == SOURCE
            assert row["time"].timestamp() == TIME_US // 1_000_000


def test_nothing_is_no_table() -> None:
    assert rows([]) == {}


def test_a_cohort_is_counted_by_status() -> None:
    payload = EVENTS[GenomeEvaluated].payload
    assert isinstance(payload, GenomeEvaluated)
    columns = {name: np.concatenate([array] * 5) for name, array in payload.data.items()}
    columns["status"] = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2, 2], np.uint8)
    event = replace(EVENTS[GenomeEvaluated], payload=GenomeEvaluated.build(payload.header, **columns))
    (row,) = rows_of(event, "cohorts")
    assert (row["measured"], row["refused"], row["failed"], row["genomes"]) == (5, 2, 3, 10)
    assert (row["island"], row["generation"], row["purpose"]) == (1, 5, "evolution")


def test_a_generation_carries_the_summary() -> None:
    (row,) = rows_of(EVENTS[ParentsSelected], "generations")
    assert (row["evaluated"], row["front_size"], row["archive_cells"], row["champions"]) == (12_288, 40, 125, 1)
    assert row["best_sharpe"] == 1.5
    assert np.isnan(row["best_drawdown"])
    assert (row["refusal_gates"], row["refusal_counts"]) == (["vault"], [1])


def test_the_genealogy_has_each_member_once_at_its_admission() -> None:
    payload = EVENTS[ParentsSelected].payload
    assert isinstance(payload, ParentsSelected)
    assert isinstance(payload.header, SelectedHeader)
    columns = {name: np.concatenate([array] * 2) for name, array in payload.data.items()}
    # Rows: a survivor of before, a new one, an elite of before, and the new one again as an elite.
    columns["from_archive"] = np.array([0, 0, 1, 1], np.uint8)
    columns["born_generation"] = np.array([4, 5, 4, 5], np.uint32)
    columns["parent_ids"] = np.frombuffer(
        b"\x01" * 16 + bytes(16) + b"\x01" * 16 + bytes(16) + b"\x02" * 64, "V16"
    ).reshape(4, 2)
    event = replace(EVENTS[ParentsSelected], payload=ParentsSelected.build(payload.header, **columns))
    (row,) = rows_of(event, "members")
    assert row["genome_id"] == columns["genome_id"][1].tobytes().hex()
    assert row["parent_ids"] == ["01" * 16]
    assert row["operator"] == "mutation"
    assert [row[name] for name in OBJECTIVES] == columns["objectives"][1].tolist()
    (content,) = rows_of(event, "genomes")
    assert content["genome_id"] == row["genome_id"]
    assert to_json(decode(bytes.fromhex(content["genome"]))[0])["version"] == GENOME_VERSION
    (pressure,) = rows_of(event, "selection")
    # Both of the new one's parents are the same genome: one parent.
    assert {name: pressure[name] for name in ("members", "admitted", "elites", "parents", "oldest_age")} == {
        "members": 2,
        "admitted": 1,
        "elites": 2,
        "parents": 1,
        "oldest_age": 1,
    }
    assert (pressure["mean_age"], pressure["effective_parents"]) == (0.5, 1.0)


@given(st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), max_size=30))
def test_the_effective_number_of_parents_is_one_over_the_sum_of_squared_shares(pairs: list[list[int]]) -> None:
    size = len(pairs)
    data = {
        name: np.resize(array, (size, *array.shape[1:])) if name != "parent_ids" else array
        for name, array in SELECTED.payload.data.items()
    }
    data["born_generation"] = np.full(size, SELECTED.payload.header.generation, np.uint32)
    data["from_archive"] = np.zeros(size, np.uint8)
    data["parent_ids"] = np.array([bytes([one]) * 16 for pair in pairs for one in pair], "V16").reshape(size, 2)
    event = replace(SELECTED, payload=ParentsSelected(SELECTED.payload.header, data))
    (row,) = rows_of(event, "selection")
    seen = Counter(one for pair in pairs for one in pair if one)
    assert row["parents"] == len(seen)
    shares = [count / seen.total() for count in seen.values()]
    assert row["effective_parents"] == pytest.approx(1 / sum(share**2 for share in shares) if shares else 0)


def test_a_cohort_counts_offspring_by_operator_and_what_was_measured_of_them() -> None:
    columns = {name: np.concatenate([array] * 3) for name, array in EVALUATED.payload.data.items()}
    columns["status"] = np.array([0, 1, 0, 2, 0, 0], np.uint8)[: len(columns["genome_id"])]
    columns["operator"] = np.array([4, 4, 4, 5, 5, 0], np.uint8)[: len(columns["genome_id"])]
    payload = GenomeEvaluated.build(EVALUATED.payload.header, **columns)
    (row,) = rows_of(replace(EVALUATED, payload=payload), "cohorts")
    assert row["operators"] == ["random", "mutation", "both"]
    assert (row["operator_tried"], row["operator_measured"]) == ([1, 3, 2], [1, 2, 1])


def test_of_evolution_only_counts_are_kept_and_of_a_promotion_every_genome() -> None:
    assert set(rows([(EVALUATED, SOURCE)])) == {"cohorts"}
    found = rows([(PROMOTION, SOURCE)])
    assert set(found) == {"cohorts", "candidates", "genomes", "fitness"}
    assert found["candidates"].num_rows == len(_CANDIDATES)
    measured = {row["genome_id"] for row in found["candidates"].to_pylist() if row["status"] == "measured"}
    assert {row["genome_id"] for row in found["fitness"].to_pylist()} == measured
    for row in found["fitness"].to_pylist():
        assert row["purpose"] == "promotion"
        place = WINDOWS.index(row["window_name"])
        assert [row[name] for name in EVIDENCE] in _CANDIDATES["evidence"][:, place].tolist()


def test_the_start_of_a_run_is_told_with_its_specification() -> None:
    (row,) = rows_of(EVENTS[ControlIssued], "runs")
    assert RunSpec.model_validate_json(row["spec"]) == RUN
    assert row["seed"] == RUN.seed
    (order,) = rows_of(EVENTS[ControlIssued], "audit")
    assert (order["action"], order["issuer"]) == ("start", "cli")


def test_the_ddl_stays_within_what_the_old_engine_runs() -> None:
    newer = ("DateTime64", "CODEC", "TTL", "LowCardinality", "Map(", "Bool", "INDEX", "FixedString(573)")
    for step in MIGRATIONS:
        for statement in step.statements:
            assert not [word for word in newer if word in statement]
    for table in (*TABLES, *VIEWS):
        assert set(table.order) <= set(table.columns)


def test_what_grows_with_every_generation_can_be_dropped_by_month() -> None:
    for table in (*TABLES, *VIEWS):
        assert table.is_bulk == ("PARTITION BY toYYYYMM(time, 'UTC')" in str(table.ddl))
    assert {"cohorts", "members", "genomes", "fitness"} <= set(BULK)
