"""Price files as Arrow tables, with the number of every row and the lines that are no rows at all."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from common.errors import ConfigurationError, DataError
from common.market.import_report import Fault

CSV: tuple[str, ...] = (".csv", ".csv.gz", ".tsv", ".txt")
PARQUET: tuple[str, ...] = (".parquet", ".pq")
_BROKEN = "the line has too many or too few columns"


@dataclass(frozen=True, slots=True)
class Rows:
    """A table, the number of each of its rows in the file (from 1; no header, no empty lines), and the broken lines."""

    table: pa.Table
    numbers: npt.NDArray[np.int64]
    broken: tuple[Fault, ...]


def read_rows(path: Path) -> Rows:
    """Read a file by its ending; the first line of a CSV names the columns, separated by comma, semicolon, tab or bar.

    Raises ConfigurationError where there is no such file, DataError where it cannot be read as what its ending says.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such file; check the path")
    lower = path.name.lower()
    try:
        if lower.endswith(PARQUET):
            table = pyarrow.parquet.read_table(path)
            return Rows(table, np.arange(1, table.num_rows + 1), ())
        if lower.endswith(CSV):
            return _read_csv(path)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({str(error).strip()[:200]}); is it what its name says?") from error
    raise DataError(f"{path}: the ending tells nothing; use one of {', '.join(CSV + PARQUET)}")


def _read_csv(path: Path) -> Rows:
    header = _first_line(path)
    if "\0" in header:
        raise DataError(f"{path}: the first line holds zero bytes, so it is not text; is it what its name says?")
    if not header.strip():
        raise DataError(
            f"{path}: the first line is empty; it should name the columns, as in ts,open,high,low,close,volume"
        )
    separator = max(",;\t|", key=header.count)
    cells = [cell.strip().strip('"') for cell in header.split(separator)]
    # A file without a header: its columns are called 1, 2, 3, ..., for --column to name.
    headless = all(_is_number(cell) for cell in cells)
    broken: list[Fault] = []

    def note(line: pyarrow.csv.InvalidRow) -> Literal["skip"]:
        # Arrow counts lines from 1, the header included.
        broken.append(Fault((line.number or 0) - (not headless), _BROKEN, {"line": line.text[:80]}))
        return "skip"

    names = [str(k + 1) for k in range(len(cells))] if headless else None
    with _open(path) as file:
        table = pyarrow.csv.read_csv(
            file,
            pyarrow.csv.ReadOptions(use_threads=False, column_names=names),  # with threads lines lose their number
            pyarrow.csv.ParseOptions(delimiter=separator, invalid_row_handler=note),
        )
    every = np.arange(1, table.num_rows + len(broken) + 1)
    return Rows(table, np.setdiff1d(every, [fault.row for fault in broken])[: table.num_rows], tuple(broken))


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.name.lower().endswith(".gz") else path.open("rb")


def _first_line(path: Path) -> str:
    with _open(path) as file:
        return file.readline(65536).decode("utf-8-sig").rstrip("\r\n")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
