"""``clickhouse://[user[:password]@]host:port/database``: a ClickHouse server over its native protocol, lz4."""

import logging
import struct
import threading
from typing import Any
from urllib.parse import SplitResult, unquote

import pyarrow as pa
from clickhouse_driver import Client, errors

from common.adapters.clickhouse_errors import translated
from common.errors import ConfigurationError, ContractError, GalapagosError

CONNECT_S, ANSWER_S = 3, 60
"""Seconds to connect, and between two signs of life of the server: it sends progress while it works."""
QUERY_S = 300
"""The server gives up a query after so many seconds."""
_FORM = "use clickhouse://[user[:password]@]host:port/database"
_FAILURES = (errors.Error, OSError, EOFError, struct.error, pa.ArrowException)
_UNFIT = (struct.error, pa.ArrowException, TypeError, ValueError, AttributeError)
_NO_DATABASE = 81
_log = logging.getLogger(__name__)
logging.getLogger("clickhouse_driver.connection").setLevel(logging.CRITICAL)
"""It prints the traceback of what it raises too."""


class ClickHouseStore:
    """See ``Store``. Calls take turns on one connection, which is made again when it was lost.

    Opening makes the database when it is missing. A server that cannot be reached is no error then: calls raise
    TransientError until it comes.
    """

    def __init__(self, url: SplitResult, *, secure: bool = False) -> None:
        try:
            port = url.port
        except ValueError as error:
            raise ConfigurationError(f"store: {error}; {_FORM}") from error
        self._database = unquote(url.path.strip("/")) or "default"
        if not url.hostname or not self._database.isidentifier():
            raise ConfigurationError(
                f"store: host {url.hostname!r}, database {self._database!r} are not allowed; {_FORM}"
            )
        self._options = {
            "host": url.hostname,
            "port": port,
            "user": unquote(url.username or "default"),
            "password": unquote(url.password or ""),
            "secure": secure,
            "compression": "lz4",
            "connect_timeout": CONNECT_S,
            "send_receive_timeout": CONNECT_S,  # also of the greeting; see _connect
            "sync_request_timeout": CONNECT_S,
            "disable_reconnect": True,
        }
        self._place = f"{url.scheme}://{url.netloc.rpartition('@')[2]}/{self._database}"
        self._lock = threading.Lock()
        self._client = self._to(self._database)
        try:
            with self._lock:
                self._connect()
        except _FAILURES as error:
            failed = self._failed(error)
            if isinstance(failed, ConfigurationError):
                raise failed from error
            _log.info("%s; it may come", failed)  # whoever calls is told

    def execute(self, statement: str) -> None:
        """See ``Store``."""
        with self._lock:
            try:
                self._connect()
                self._client.execute(statement)
            except _FAILURES as error:
                raise self._failed(error) from error

    def insert(self, table: str, rows: pa.Table) -> None:
        """See ``Store``. All rows are one block, which the server takes whole or not."""
        if not rows.num_rows:
            return
        columns = ", ".join(f"`{name}`" for name in rows.column_names)
        statement = f"INSERT INTO {table} ({columns}) VALUES"
        with self._lock:
            try:
                values = [_values(column) for column in rows.columns]
                self._connect()
                settings = {"insert_block_size": max(1, rows.num_rows)}
                self._client.execute(statement, values, columnar=True, settings=settings)
            except (*_FAILURES, TypeError, ValueError, AttributeError) as error:  # what the driver cannot write
                raise self._failed(error) from error

    def query(self, sql: str) -> pa.Table:
        """See ``Store``."""
        with self._lock:
            try:
                self._connect()
                return _plain(self._client.query_arrow(sql))
            except _FAILURES as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """See ``Store``."""
        with self._lock:
            self._client.disconnect()

    def _to(self, database: str) -> Client:
        # Bytes: FixedString keeps its zeros, and nothing is decoded that Arrow checks anyway.
        settings = {"strings_as_bytes": True, "max_execution_time": QUERY_S}
        return Client(database=database, settings=settings, **self._options)

    def _connect(self) -> None:
        connection = self._client.connection
        if connection.connected and connection.ping():
            return
        connection.disconnect()
        try:
            connection.connect()
        except errors.ServerException as error:
            if error.code != _NO_DATABASE:
                raise
            maker = self._to("default")
            try:
                maker.execute(f"CREATE DATABASE IF NOT EXISTS `{self._database}`")
            finally:
                maker.disconnect()
            connection.connect()
        # The driver turns times into those of the server's zone and forgets the zone: here all times are UTC.
        connection.server_info.timezone = "UTC"
        connection.socket.settimeout(ANSWER_S)

    def _failed(self, error: Exception) -> GalapagosError:
        self._client.disconnect()
        if isinstance(error, _UNFIT):
            return ContractError(f"store refuses the statement: {_reason(error)}")
        return translated(getattr(error, "code", None), _reason(error), self._place)


def _reason(error: Exception) -> str:
    """Its first line with words in it; a ServerException begins with its number alone."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].partition(" Stack trace")[0][:300]


def _values(column: "pa.ChunkedArray[Any]") -> list[Any]:
    """As the driver writes them fastest (measured): numbers through NumPy, texts as bytes, times as seconds."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("s", kind.tz), safe=False).cast(pa.int64())
    elif pa.types.is_string(kind):
        column = column.cast(pa.binary())
    elif pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        column = column.cast(pa.list_(pa.binary()))
    if (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)) and not column.null_count:
        numbers: list[Any] = column.to_numpy().tolist()
        return numbers
    return column.to_pylist()


def _plain(found: pa.Table) -> pa.Table:
    """Texts as texts, DateTime as seconds, as the library gives them; without the driver's notes."""
    return pa.table(
        [_told(column, field) for column, field in zip(found.columns, found.schema, strict=True)], found.column_names
    )


def _told(column: "pa.ChunkedArray[Any]", field: "pa.Field[Any]") -> "pa.ChunkedArray[Any]":
    kind = column.type
    if kind == pa.timestamp("s"):
        return column.cast(pa.int64()).cast(pa.uint32())
    if b"FixedString" in (field.metadata or {}).get(b"clickhouse_type", b""):
        return column
    if pa.types.is_binary(kind):
        return column.cast(pa.string())
    if pa.types.is_list(kind) and pa.types.is_binary(kind.value_type):
        return column.cast(pa.list_(pa.string()))
    return column
