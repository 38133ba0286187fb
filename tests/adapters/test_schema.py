"""The store's schema on both engines: made in steps, once, and everything that is recorded fits in and comes back."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from common.errors import ConfigurationError, ContractError
from common.events.cohorts import GenomeEvaluated, ParentsSelected
from common.events.event import Event
from common.events.spec import RunSpec
from common.ports import Store
from recorder.migrations import MIGRATIONS, Migration, applied, migrate, pending, require
from recorder.retention import BULK, TTL_SINCE, engine_major, retain
from recorder.service import CONSUMES, Source, rows
from recorder.tables import TABLES, Table
from recorder.views import VIEWS, View
from tests.adapters.stores import ENGINES, opener_of
from tools.samples import sample_events

EVENTS = [event for event in sample_events() if type(event.payload) in CONSUMES]
_EVALUATED = next(event.payload for event in EVENTS if isinstance(event.payload, GenomeEvaluated))
_READ = _EVALUATED.header.model_copy(update={"purpose": "promotion", "cohort": "p1"})
ALL = [*EVENTS, replace(EVENTS[0], payload=GenomeEvaluated(_READ, _EVALUATED.data), id="ab" * 16)]
EVERY: tuple[Table | View, ...] = (*TABLES, *VIEWS)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opener_of(request.param, request, tmp_path) as opening:
        opened = opening()
        yield opened
        opened.close()


@pytest.fixture
def migrated(store: Store) -> Store:
    migrate(store)
    return store


def _count(store: Store, table: str) -> int:
    return int(store.query(f"SELECT count() AS n FROM {table} FINAL")["n"][0].as_py())


def _record(store: Store, events: list[Event], offset: int = 0) -> None:
    """As recorders do, and each of them twice: delivery is at least once."""
    found = rows([(event, Source("evo.some.topic.v1", 1, offset + row)) for row, event in enumerate(events)])
    for _ in range(2):
        for name, table in found.items():
            store.insert(name, table)


def test_each_step_is_applied_once_and_told(store: Store) -> None:
    assert migrate(store) == list(MIGRATIONS)
    assert migrate(store) == []
    assert applied(store) == {step.version: step.digest for step in MIGRATIONS}
    require(store)


def test_a_step_that_was_cut_off_is_applied_again(store: Store) -> None:
    broken = replace(MIGRATIONS[0], statements=(*MIGRATIONS[0].statements[:3], "SELEKT"))
    with pytest.raises(ConfigurationError, match=r"does not take schema 1 \(tables\)"):
        migrate(store, (broken,))
    with pytest.raises(ConfigurationError, match="galapagos store migrate"):
        require(store)
    assert migrate(store) == list(MIGRATIONS)


def test_a_newer_store_and_one_of_other_steps_are_refused(store: Store) -> None:
    later = Migration(len(MIGRATIONS) + 1, "later", ("CREATE TABLE later (a String) ENGINE = Memory",))
    migrate(store, (*MIGRATIONS, later))
    with pytest.raises(ConfigurationError, match="update the program"):
        migrate(store)
    with pytest.raises(ConfigurationError, match="another one than this program"):
        pending(store, (replace(MIGRATIONS[0], statements=("SELECT 1",)), *MIGRATIONS[1:], later))


def test_a_store_of_before_the_schema_had_versions_is_refused(store: Store) -> None:
    store.execute(TABLES[-1].ddl)
    with pytest.raises(ConfigurationError, match="before its schema had versions"):
        migrate(store)


def test_the_tables_are_as_they_are_declared(store: Store) -> None:
    migrate(store)
    for table in EVERY:
        where = f"database = currentDatabase() AND table = '{table.name}'"
        found = store.query(f"SELECT name, type FROM system.columns WHERE {where} AND default_kind = ''").to_pylist()
        assert {row["name"]: row["type"] for row in found} == table.columns


def test_every_table_takes_its_rows_and_gives_each_back_once(store: Store) -> None:
    migrate(store)
    _record(store, EVENTS)
    found = rows([(event, Source("evo.some.topic.v1", 1, row)) for row, event in enumerate(EVENTS)])
    for name, table in found.items():
        back = store.query(f"SELECT * FROM {name} FINAL").to_pylist()
        wanted = [{**row, "time": int(row["time"].timestamp())} for row in table.to_pylist()]

        def in_order(some: list[dict[str, object]]) -> list[object]:
            return sorted((orjson.loads(orjson.dumps(row)) for row in some), key=str)

        assert in_order(back) == in_order(wanted)


def _told(store: Store, table: Table | View, run: str) -> str:
    """What it says of a run when rows that repeat are put together, but for which run it is."""
    states = {name: kind for name, kind in table.columns.items() if kind.startswith("AggregateFunction")}
    figures = [name for name in table.columns if name not in {"run_id", "seed", "spec"} and name not in states]
    merged = [
        f"{kind.removeprefix('AggregateFunction(').partition(',')[0]}Merge({name})" for name, kind in states.items()
    ]
    how = f"GROUP BY {', '.join(figures)}" if states else ""
    source = table.name if states else f"{table.name} FINAL"
    found = store.query(f"SELECT {', '.join(figures + merged)} FROM {source} WHERE run_id = '{run}' {how}").to_pylist()
    return repr(sorted(found, key=repr))


_LATER_US = st.integers(0, 40 * 86_400_000_000)
_DELIVERIES = st.lists(st.tuples(*[_LATER_US] * len(ALL)), min_size=2, max_size=3)
_RUNS = itertools.count(1)


@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_DELIVERIES, st.randoms(use_true_random=False))
def test_an_event_published_again_at_another_time_changes_nothing_in_any_order(
    migrated: Store, times: list[tuple[int, ...]], random: Random
) -> None:
    """Who was not told, or begins again, publishes it a second time: another time and offset, the same event."""

    def record(run: RunSpec, deliveries: Iterable[int]) -> str:
        for number in deliveries:
            events = [
                replace(event, run=run, time_us=event.time_us + late_us)
                for event, late_us in zip(ALL, late[number], strict=True)
            ]
            _record(migrated, events, offset=1000 * number)
        return run.run_id

    late = [tuple(0 for _ in ALL), *(tuple(1 + each for each in some) for some in times)]
    order = list(range(len(late)))
    random.shuffle(order)
    one, other = (ALL[0].run.model_copy(update={"seed": next(_RUNS)}) for _ in range(2))
    record(one, [0])
    once = {table.name: _told(migrated, table, one.run_id) for table in EVERY}
    assert all(told != "[]" for told in once.values())
    record(one, range(1, len(late)))
    record(other, order)
    for table in EVERY:
        assert _told(migrated, table, one.run_id) == once[table.name], table.name
        assert _told(migrated, table, other.run_id) == once[table.name], table.name


def test_views_show_what_their_sources_hold(store: Store) -> None:
    migrate(store)
    _record(store, EVENTS)
    evaluated = next(event.payload for event in EVENTS if isinstance(event.payload, GenomeEvaluated))
    (minute,) = store.query("SELECT * FROM throughput_by_minute FINAL").to_pylist()
    assert minute["genomes"] == len(evaluated)
    assert minute["minute"] == EVENTS[0].time_us // 60_000_000 * 60
    selected = next(event.payload for event in EVENTS if isinstance(event.payload, ParentsSelected))
    (island,) = store.query("SELECT * FROM islands FINAL").to_pylist()
    assert (island["island"], island["generation"]) == (selected.header.island, selected.header.generation)
    edges = store.query("SELECT child_id, parent_id FROM genealogy FINAL ORDER BY child_id, parent_id").to_pylist()
    assert (
        edges == store.query("SELECT child_id, parent_id FROM descent FINAL ORDER BY child_id, parent_id").to_pylist()
    )
    members = store.query("SELECT genome_id, parent_ids FROM members FINAL").to_pylist()
    wanted = [(row["genome_id"], parent) for row in members for parent in set(row["parent_ids"]) or {""}]
    assert sorted((row["child_id"], row["parent_id"]) for row in edges) == sorted(wanted)


def test_old_months_of_the_bulk_can_be_dropped_and_the_rest_stays(store: Store) -> None:
    migrate(store)
    now = datetime.now(UTC)
    now_us = int(now.timestamp()) * 1_000_000
    old = [replace(event, time_us=now_us - 70 * 86_400_000_000, id=event.id[::-1]) for event in EVENTS]
    _record(store, [replace(event, time_us=now_us) for event in EVENTS])
    recent = {name: _count(store, name) for name in BULK}
    _record(store, old, offset=100)
    generations = _count(store, "generations")
    assert _count(store, "cohorts") == 2 * recent["cohorts"]
    dropped = retain(store, 1, now)
    assert {name.split()[0] for name in dropped} >= {"cohorts", "throughput_by_minute", "operator_trials"}
    assert _count(store, "cohorts") == recent["cohorts"]
    assert _count(store, "generations") == generations == 2
    assert retain(store, 1, now) == []


def test_an_engine_that_can_drops_old_rows_by_itself_and_the_other_is_not_asked_to(store: Store) -> None:
    migrate(store)
    retain(store, 3, datetime.now(UTC))
    for name in BULK:
        (told,) = store.query(f"SHOW CREATE TABLE {name}").column(0).to_pylist()
        assert ("TTL time + toIntervalMonth(4)" in told) == (engine_major(store) >= TTL_SINCE)


def test_a_type_that_no_engine_knows_cannot_be_declared(store: Store) -> None:
    broken = replace(TABLES[0], name="broken", columns={**TABLES[0].columns, "x": "Nonsense"})
    with pytest.raises(KeyError):
        _ = broken.schema
    with pytest.raises(ContractError):
        store.execute(broken.ddl)
