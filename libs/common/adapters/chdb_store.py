"""``chdb://path``: ClickHouse as a library, one folder per process."""

import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

# Both wheels of chdb own chdb/__init__.py, and whichever is unpacked last wins: only this class is what is raised.
from chdb._exceptions import ChdbError
from chdb.session import Session

from common.adapters.clickhouse_errors import translated
from common.errors import ConfigurationError, GalapagosError

_CODE = re.compile(r"Code: (\d+)\.")


class ChdbStore:
    """See ``Store``. Calls take turns; several threads may share it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._place = f"chdb://{path}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            session: Any = Session(str(path))  # type: ignore[no-untyped-call]
            # An answer stays in this process: to compress it takes as long as to read a million rows of numbers.
            session.query("SET output_format_arrow_compression_method = 'none'")
            self._session = session
        except (OSError, RuntimeError) as error:
            raise ConfigurationError(
                f"store {path}: {error}; one process holds a folder, and a process one folder at a time"
            ) from error

    def execute(self, statement: str) -> None:
        """See ``Store``."""
        self._run(statement, "CSV")

    def insert(self, table: str, rows: pa.Table) -> None:
        """See ``Store``."""
        if rows.num_rows:
            columns = ", ".join(f"`{name}`" for name in rows.column_names)
            with self._lock:
                try:
                    # chdb finds the Arrow table by the name of this function's variable.
                    self._session.query(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM Python(rows)")
                except (ChdbError, RuntimeError, OSError) as error:
                    raise self._failed(error) from error

    def query(self, sql: str) -> pa.Table:
        """See ``Store``."""
        return pa.ipc.open_stream(self._run(sql, "ArrowStream")).read_all()

    def close(self) -> None:
        """See ``Store``."""
        with self._lock:
            self._session.close()

    def _run(self, sql: str, form: str) -> bytes:
        with self._lock:
            try:
                return bytes(self._session.query(sql, form).bytes())
            except (ChdbError, RuntimeError, OSError) as error:
                with suppress(ChdbError, RuntimeError, OSError):
                    # After a query that failed on its way the next one gets no rows, whatever it asks: let it be this.
                    self._session.query("SELECT 1")
                raise self._failed(error) from error

    def _failed(self, error: Exception) -> GalapagosError:
        found = _CODE.search(str(error))
        reason = (str(error) or type(error).__name__).splitlines()[0][:300]
        return translated(int(found[1]) if found else None, reason, self._place)
