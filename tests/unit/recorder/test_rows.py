"""Events as rows: what a person will ask for is there, each once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from common.errors import ContractError
from common.events.cohorts import GenomeEvaluated, ParentsSelected, SelectedHeader
from common.events.event import Event
from common.events.spec import OBJECTIVES
from common.genome.codec import decode, to_json
from common.genome.layout import GENOME_VERSION
from common.ports import Store
from common.run.open import open_store
from recorder.record import create_tables
from recorder.service import CONSUMES, rows
from recorder.tables import TABLES
from tools.samples import RUN, TIME_US, sample_events

EVENTS = {type(event.payload): event for event in sample_events() if type(event.payload) in CONSUMES}


def rows_of(event: Event, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows([event])[table].to_pylist()
    return found


def test_every_table_gets_rows_with_run_event_and_time() -> None:
    found = rows(list(EVENTS.values()))
    assert set(found) == {table.name for table in TABLES}
    ids = {event.id for event in EVENTS.values()}
    for table in TABLES:
        assert found[table.name].schema == table.schema
        for row in found[table.name].to_pylist():
            assert row["run_id"] == RUN.run_id
            assert row["event_id"] in ids
            assert row["time_us"] == TIME_US
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
    assert to_json(decode(bytes.fromhex(row["genome"]))[0])["version"] == GENOME_VERSION


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"chdb://{tmp_path}/db")
    create_tables(opened)
    yield opened
    opened.close()


def test_the_store_takes_every_table_and_gives_it_back(store: Store) -> None:
    found = rows(list(EVENTS.values()))
    for name, table in found.items():
        for _ in range(2):
            store.insert(name, table)
        back = store.query(f"SELECT * FROM {name} FINAL").to_pylist()
        wanted = [{**row, "time": int(row["time"].timestamp())} for row in table.to_pylist()]
        assert orjson.loads(orjson.dumps(back)) == orjson.loads(orjson.dumps(wanted))


def test_tables_may_be_made_again(store: Store) -> None:
    create_tables(store)
    for table in TABLES:
        assert store.query(f"SELECT * FROM {table.name}").num_rows == 0


def test_the_ddl_stays_within_what_the_old_engine_runs() -> None:
    newer = ("DateTime64", "CODEC", "TTL", "LowCardinality", "Map(", "Bool", "INDEX", "FixedString(573)")
    for table in TABLES:
        assert not [word for word in newer if word in table.ddl]
        assert set(table.order) <= set(table.columns)


def test_a_column_of_an_unknown_type_cannot_be_declared(store: Store) -> None:
    broken = replace(TABLES[0], name="broken", columns={**TABLES[0].columns, "x": "Nonsense"})
    with pytest.raises(KeyError):
        _ = broken.schema
    with pytest.raises(ContractError):
        store.execute(broken.ddl)
