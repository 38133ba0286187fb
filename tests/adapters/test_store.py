"""What every analytical store must do; the statements stay within what all engines run."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from common.errors import ConfigurationError, ContractError, TransientError
from common.ports import Store
from common.run.open import open_store

STORES: dict[str, Callable[[Path], Store]] = {"chdb": lambda folder: open_store(f"chdb://{folder}/db")}
DDL = (
    "CREATE TABLE IF NOT EXISTS seen (name String, number UInt64, share Float64, tags Array(String), time DateTime) "
    "ENGINE = ReplacingMergeTree(number) ORDER BY name"
)
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("number", pa.uint64()),
        ("share", pa.float64()),
        ("tags", pa.list_(pa.string())),
        ("time", pa.timestamp("s", "UTC")),
    ]
)
ROWS = [
    {"name": "é", "number": 2**64 - 1, "share": -0.5, "tags": ["a", ""], "time": 1_700_000_000},
    {"name": "'; --", "number": 0, "share": 1e300, "tags": [], "time": 0},
]


@pytest.fixture(params=sorted(STORES))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    return lambda: STORES[request.param](tmp_path)


@pytest.fixture
def store(opener: Callable[[], Store]) -> Iterator[Store]:
    opened = opener()
    opened.execute(DDL)
    yield opened
    opened.close()


def test_rows_come_back_as_they_were_inserted(store: Store) -> None:
    store.insert("seen", pa.Table.from_pylist(ROWS, SCHEMA))
    found = store.query("SELECT name, number, share, tags, toUInt32(time) AS time FROM seen ORDER BY number DESC")
    assert found.to_pylist() == ROWS


def test_columns_are_matched_by_name_and_the_rest_takes_its_default(store: Store) -> None:
    store.insert("seen", pa.table({"number": pa.array([7], pa.uint64()), "name": ["x"]}))
    assert store.query("SELECT name, number, share, tags FROM seen").to_pylist() == [
        {"name": "x", "number": 7, "share": 0.0, "tags": []}
    ]


def test_a_repeated_row_counts_once_under_final(store: Store) -> None:
    for _ in range(3):
        store.insert("seen", pa.Table.from_pylist(ROWS, SCHEMA))
    assert store.query("SELECT count() AS n FROM seen FINAL").to_pylist() == [{"n": 2}]


def test_no_rows_are_no_error(store: Store) -> None:
    store.insert("seen", SCHEMA.empty_table())
    found = store.query("SELECT name, number FROM seen")
    assert found.num_rows == 0
    assert found.column_names == ["name", "number"]


def test_a_table_made_twice_keeps_its_rows(store: Store) -> None:
    store.insert("seen", pa.Table.from_pylist(ROWS, SCHEMA))
    store.execute(DDL)
    assert store.query("SELECT count() AS n FROM seen").to_pylist() == [{"n": 2}]


def test_rows_survive_another_opening(opener: Callable[[], Store]) -> None:
    first = opener()
    first.execute(DDL)
    first.insert("seen", pa.Table.from_pylist(ROWS, SCHEMA))
    first.close()
    second = opener()
    assert second.query("SELECT count() AS n FROM seen").to_pylist() == [{"n": 2}]
    second.close()


@pytest.mark.parametrize("statement", ["SELECT nothing FROM seen", "SELECT 1 FROM nowhere", "SELEKT"])
def test_a_wrong_statement_is_refused_and_the_store_goes_on(store: Store, statement: str) -> None:
    with pytest.raises(ContractError, match="store refuses"):
        store.query(statement)
    with pytest.raises(ContractError):
        store.insert("nowhere", pa.table({"a": [1]}))
    assert store.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_what_is_not_the_statement_s_fault_may_pass(store: Store) -> None:
    for statement in (
        "SELECT sum(number) FROM numbers(10000000) GROUP BY number SETTINGS max_memory_usage = 1000000",
        "SELECT throwIf(1)",
    ):
        with pytest.raises(TransientError, match="store"):
            store.query(statement)
    assert store.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_threads_may_share_it(store: Store) -> None:
    def insert(number: int) -> None:
        store.insert("seen", pa.table({"name": [str(number)], "number": pa.array([number], pa.uint64())}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(insert, range(20)))
    assert store.query("SELECT sum(number) AS total FROM seen").to_pylist() == [{"total": 190}]


def test_a_second_chdb_folder_in_one_process_is_refused(tmp_path: Path) -> None:
    first = open_store(f"chdb://{tmp_path}/one")
    try:
        with pytest.raises(ConfigurationError, match="one folder at a time"):
            open_store(f"chdb://{tmp_path}/two")
    finally:
        first.close()
