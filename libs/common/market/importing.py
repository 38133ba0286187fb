"""Price files, CSV and Parquet, into bars that can be believed, with a report of what was found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from common.errors import ConfigurationError, DataError
from common.market.bars import Bars, Prices, Times, faults
from common.market.import_columns import PRICES, recognise
from common.market.import_files import Rows, read_rows
from common.market.import_report import SHOWN, Fault, ImportReport, report
from common.market.import_times import UNKNOWN, to_utc_us

DROPPED_SHARE_MAX = 0.1
"""A file with more bad rows than this was not damaged but misunderstood."""
OnBad = Literal["refuse", "drop"]


def read_bars(
    path: Path | str,
    name: str | None = None,
    columns: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    on_bad: OnBad = "refuse",
) -> tuple[Bars, ImportReport]:
    """Bars of a CSV or Parquet file; ``name`` defaults to that of the file.

    ``columns`` maps fields (time, open, high, low, close, volume) to columns where the names are not the usual ones;
    without a column of volume it is 0. Times that carry no zone are local to ``timezone``. A bad row (see
    ``bars.faults``; also a time or a line that cannot be read) refuses the file, or is left out with ``on_bad="drop"``.
    Of rows with the same time the first stays. Raises DataError for what is wrong with the data, ConfigurationError for
    what is wrong with the arguments.
    """
    if on_bad not in ("refuse", "drop"):
        raise ConfigurationError(f"on_bad: {on_bad!r} is not known; use 'refuse' or 'drop'")
    bars, found = examine(path, name, columns, timezone)
    if found.faults and on_bad == "refuse":
        raise DataError(found.refusal())
    if found.faulty > DROPPED_SHARE_MAX * found.rows:
        raise DataError(
            f"{found.refusal()}\n  More than {DROPPED_SHARE_MAX:.0%} is too much to leave out; check the columns."
        )
    return bars, found


def examine(
    path: Path | str, name: str | None = None, columns: Mapping[str, str] | None = None, timezone: str = "UTC"
) -> tuple[Bars, ImportReport]:
    """As ``read_bars``, but however many rows are bad: the bars are what the good rows make, and the report tells.

    Raises DataError when fewer than two rows are good.
    """
    path = Path(path)
    rows = read_rows(path)
    used = recognise(rows.table.column_names, columns)
    raw = _convert(rows, used, timezone)
    wrong = _faults(raw)
    good = ~np.logical_or.reduce(list(wrong.values()))
    counts = {reason: int(mask.sum()) for reason, mask in wrong.items() if mask.any()}
    for fault in rows.broken:
        counts[fault.reason] = counts.get(fault.reason, 0) + 1
    first = sorted([*rows.broken[:SHOWN], *_first_faults(rows, raw, used, wrong)], key=lambda fault: fault.row)[:SHOWN]
    if good.sum() < 2:
        raise DataError(
            f"{path}: {good.sum()} of {good.size} rows are good, at least two are needed; "
            + (
                "; ".join(f"row {fault.row}: {fault.reason} {fault.values}" for fault in first)
                or "the file has no more"
            )
        )
    open_, high, low, close, volume = (column[good] for column in raw.numbers)
    bars = Bars.make(name or path.name.split(".")[0], raw.ts_us[good], open_, high, low, close, volume)
    names = {field: " + ".join(parts) for field, parts in used.items()}
    unused = [column for column in rows.table.column_names if all(column not in parts for parts in used.values())]
    return bars, report(
        bars, str(path), good.size + len(rows.broken), raw.times, raw.newest_first, names, unused, counts, first
    )


@dataclass(frozen=True, slots=True)
class _Raw:
    """Columns (T,) oldest first as read, good or bad; ``place`` is where each is in the table."""

    ts_us: Times
    numbers: tuple[Prices, ...]
    place: npt.NDArray[np.int64]
    times: str
    newest_first: bool


def _convert(rows: Rows, used: Mapping[str, tuple[str, ...]], timezone: str) -> _Raw:
    table = rows.table
    ts_us, times = to_utc_us([table.column(column) for column in used["time"]], timezone)
    numbers = [_numbers(table.column(used[field][0])) for field in PRICES]
    volume = _numbers(table.column(used["volume"][0])) if "volume" in used else np.zeros(table.num_rows)
    numbers.append(np.zeros(table.num_rows) if np.isnan(volume).all() else volume)
    place = np.arange(table.num_rows)
    known = ts_us[ts_us != UNKNOWN]
    newest_first = bool(known.size > 1 and known[0] > known[-1] and (np.diff(known) <= 0).all())
    if newest_first:
        ts_us, place, numbers = ts_us[::-1], place[::-1], [column[::-1] for column in numbers]
    return _Raw(ts_us, tuple(numbers), place, times, newest_first)


def _numbers(column: "pa.ChunkedArray[Any]") -> Prices:
    """Floats, NaN where there is no number."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    return np.asarray(pd.to_numeric(column.cast(pa.string()).to_pandas(), errors="coerce"), np.float64)


def _faults(raw: _Raw) -> dict[str, npt.NDArray[np.bool_]]:
    unknown = raw.ts_us == UNKNOWN
    found = {"the time cannot be read, or the clock change makes it unclear": unknown}
    readable = np.flatnonzero(~unknown)
    open_, high, low, close, volume = (column[readable] for column in raw.numbers)
    for reason, wrong in faults(raw.ts_us[readable], open_, high, low, close, volume).items():
        found[reason] = np.zeros(unknown.size, np.bool_)
        found[reason][readable] = wrong
    return found


def _first_faults(
    rows: Rows, raw: _Raw, used: Mapping[str, tuple[str, ...]], wrong: Mapping[str, npt.NDArray[np.bool_]]
) -> list[Fault]:
    """The first few offending rows of the file with the cells they were read from."""
    reason_of = {
        int(raw.place[k]): reason
        for reason, mask in wrong.items()
        for k in np.flatnonzero(mask)[_ends(raw.newest_first)]
    }
    first = sorted(reason_of)[:SHOWN]
    read = rows.table.select([column for parts in used.values() for column in parts])
    cells = read.take(np.array(first, np.int64)).to_pylist()
    return [
        Fault(int(rows.numbers[place]), reason_of[place], {column: str(cell)[:40] for column, cell in row.items()})
        for place, row in zip(first, cells, strict=True)
    ]


def _ends(newest_first: bool) -> slice:
    return slice(-SHOWN, None) if newest_first else slice(SHOWN)
