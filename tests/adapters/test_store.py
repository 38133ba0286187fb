"""What every analytical store must do; the statements stay within what all engines run."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from common.errors import ConfigurationError, ContractError, TransientError
from common.ports import Store
from common.run.open import open_store
from tests.adapters.stores import ENGINES, opener_of
from tools.servers import Servers, temporary

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


@pytest.fixture(params=ENGINES)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    with opener_of(request.param, request, tmp_path) as opening:
        yield opening


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


def test_every_type_that_tables_use_comes_back(store: Store) -> None:
    store.execute(
        "CREATE TABLE types (a UInt8, b UInt16, c UInt32, d Int8, e Int16, f Int32, g Int64, h FixedString(4), "
        "i Nullable(Float64), j Nullable(String), k Array(UInt64), l Array(Float64), m Float64) ENGINE = Memory"
    )
    schema = pa.schema(
        [
            *(("a", pa.uint8()), ("b", pa.uint16()), ("c", pa.uint32()), ("d", pa.int8()), ("e", pa.int16())),
            *(("f", pa.int32()), ("g", pa.int64()), ("h", pa.binary(4)), ("i", pa.float64()), ("j", pa.string())),
            *(("k", pa.list_(pa.uint64())), ("l", pa.list_(pa.float64())), ("m", pa.float64())),
        ]
    )
    low = [0, 0, 0, -(2**7), -(2**15), -(2**31), -(2**63), b"\x00\xff\x00\x01", None, None, [], [0.1], float("inf")]
    high = [255, 2**16 - 1, 2**32 - 1, 127, 2**15 - 1, 2**31 - 1, 2**63 - 1, b"abcd", 0.1, "", [2**64 - 1], [], 5e-324]
    wanted = [dict(zip(schema.names, row, strict=True)) for row in (low, high)]
    store.insert("types", pa.Table.from_pylist(wanted, schema))
    found = store.query("SELECT * FROM types ORDER BY a")
    assert found.to_pylist() == wanted
    assert [found.schema.field(name).type for name in "abcdefgim"] == [schema.field(name).type for name in "abcdefgim"]


def test_a_time_comes_back_as_seconds_whatever_the_zones(store: Store) -> None:
    times = pa.array([1_700_000_000, 1_700_600_000], pa.timestamp("s", "UTC"))
    store.insert("seen", pa.table({"name": ["x", "y"], "time": times}))
    assert store.query("SELECT time FROM seen ORDER BY name")["time"].to_pylist() == [1_700_000_000, 1_700_600_000]


def test_a_value_of_another_kind_is_refused(store: Store) -> None:
    with pytest.raises(ContractError):
        store.insert("seen", pa.table({"name": ["x"], "tags": pa.array([7], pa.int64())}))
    with pytest.raises(ContractError):
        store.insert("seen", pa.table({"name": ["x"], "nothing": [1]}))
    assert store.query("SELECT count() AS n FROM seen").to_pylist() == [{"n": 0}]


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
        "SELECT count() FROM (SELECT number FROM system.numbers LIMIT 1000000) SETTINGS max_rows_to_read = 10",
        "SELECT throwIf(1)",
    ):
        with pytest.raises(TransientError, match="store"):
            store.query(statement)
    assert store.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_user_without_the_right_is_told_so_with_the_url_and_the_option(store: Store) -> None:
    store.execute("SET readonly = 1")
    with pytest.raises(ConfigurationError, match=r"store (chdb|clickhouse)://.*readonly.*--store \(GALAPAGOS_STORE\)"):
        store.execute("CREATE TABLE more (name String) ENGINE = Memory")


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


def _private(servers: Servers, kind: str) -> str:
    servers.start(only=[kind])
    return servers.urls[kind]


def test_a_server_restarted_between_two_inserts_loses_none() -> None:
    with temporary() as servers:
        store = open_store(_private(servers, "clickhouse").rpartition("/")[0] + "/made_when_missing")
        store.execute("CREATE TABLE seen (name String) ENGINE = MergeTree ORDER BY name")
        store.insert("seen", pa.table({"name": ["before"]}))
        servers.kill("clickhouse")
        with pytest.raises(TransientError):
            store.insert("seen", pa.table({"name": ["meanwhile"]}))
        servers.start_one("clickhouse")
        store.insert("seen", pa.table({"name": ["after"]}))
        assert store.query("SELECT name FROM seen ORDER BY name")["name"].to_pylist() == ["after", "before"]
        servers.kill("clickhouse")
        servers.start_one("clickhouse")
        assert store.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        store.close()


def test_a_server_that_comes_later_is_waited_for_by_whoever_calls() -> None:
    with temporary() as servers:
        url = _private(servers, "clickhouse")
        servers.kill("clickhouse")
        store = open_store(url)
        with pytest.raises(TransientError, match="store"):
            store.query("SELECT 1 AS one")
        servers.start_one("clickhouse")
        assert store.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        store.close()


def test_a_server_that_hangs_is_given_up_and_asked_again_later() -> None:
    with temporary() as servers:
        store = open_store(_private(servers, "clickhouse"))
        servers.pause("clickhouse")
        with pytest.raises(TransientError, match=r"store .*: no answer in time, .* native port"):
            store.query("SELECT 1 AS one")
        servers.resume("clickhouse")
        assert store.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        store.close()


def test_a_user_that_the_server_refuses_and_a_url_without_sense_say_so_at_once(clickhouse_url: str) -> None:
    place = clickhouse_url.rpartition("@")[2].removeprefix("clickhouse://").partition("/")[0]
    for url in (f"clickhouse://default:secret@{place}/default", f"clickhouse://nobody@{place}/default"):
        with pytest.raises(ConfigurationError, match="check user, password") as caught:
            open_store(url)
        assert ("secret" in str(caught.value), f"clickhouse://{place}/default" in str(caught.value)) == (False, True)
    for url in (
        "clickhouse:///db",
        "clickhouse://host:port/db",
        f"clickhouse://{place}/a;b",
        f"clickhouse://{place}/?x=1",
    ):
        with pytest.raises(ConfigurationError):
            open_store(url)
