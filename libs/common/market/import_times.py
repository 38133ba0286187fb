"""Times of a price file, in whatever form they come, as microseconds since 1970 UTC."""

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from common.errors import ConfigurationError, DataError
from common.market.bars import Times

UNKNOWN = int(np.iinfo(np.int64).min)
"""Stands for a time that could not be read; the same bits as NumPy's NaT."""
# A number is an epoch in the unit that puts it between 1973 and 5138.
_EPOCH_UNITS: tuple[tuple[float, float], ...] = ((1e8, 1e6), (1e11, 1e3), (1e14, 1.0), (1e17, 1e-3))
_DATES = (19000101, 21001231)
_ISO = r"\d{4}-?\d\d"
_OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"
_SAMPLE = 20
"""Texts that are looked at to tell the form."""
_DAYS = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%b %d, %Y")
_FORMS = tuple(day + clock for day in _DAYS for clock in ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f"))


def to_utc_us(columns: "list[pa.ChunkedArray[Any]]", timezone: str) -> tuple[Times, str]:
    """Instants (T,), UNKNOWN where unreadable, and in words how they were read.

    One column of dates or instants (text, epoch seconds to nanoseconds, 20200131, Arrow timestamps), or two: date and
    time of day. What carries no zone is local time in ``timezone``. Raises ConfigurationError for a zone that does not
    exist, DataError where nobody can tell day from month.
    """
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"timezone: {timezone!r} is not known; use a name as America/New_York or UTC"
        ) from error
    if len(columns) == 2:
        date, clock = (column.cast(pa.string()).to_pandas() for column in columns)
        return _localise(_read_text(date + " " + clock), zone)
    column = columns[0]
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _read_numbers(np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64), zone)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _localise(pd.to_datetime(column.to_pandas()), zone)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _localise(_read_text(column.to_pandas()), zone)
    if pa.types.is_null(kind):
        return np.full(len(column), UNKNOWN), zone.key
    raise DataError(f"column time: {kind} is not a time; use text, an epoch or timestamps")


def _read_numbers(numbers: npt.NDArray[np.float64], zone: ZoneInfo) -> tuple[Times, str]:
    if ((numbers >= _DATES[0]) & (numbers <= _DATES[1])).all() and numbers.size:
        text = pd.Series(numbers.astype(np.int64).astype(str))
        return _localise(pd.to_datetime(text, format="%Y%m%d", errors="coerce"), zone)
    # Row by row, since exchanges have changed the unit in the middle of a series.
    scale = np.select(
        [(numbers >= low) & (numbers < low * 1e3) for low, _ in _EPOCH_UNITS], [s for _, s in _EPOCH_UNITS]
    )
    known = scale > 0
    return np.where(known, np.round(np.where(known, numbers, 0) * scale), UNKNOWN).astype(np.int64), "epoch, UTC"


def _read_text(text: pd.Series) -> pd.Series:
    """Parse ISO 8601, else the one of ``_FORMS`` that fits most rows; every other text is no time."""
    text = text.str.strip()
    sample = text.dropna().head(_SAMPLE)
    if sample.str.match(_ISO).any():
        # Offsets change with the clock, so the column is read as instants as soon as one row has an offset.
        with_zone = text.str.contains(_OFFSET, regex=True, na=False).any()
        return pd.to_datetime(text, errors="coerce", utc=bool(with_zone), format="ISO8601")
    forms = [form for form in _FORMS if pd.to_datetime(sample, errors="coerce", format=form).notna().any()]
    tries = [pd.to_datetime(text, errors="coerce", format=form) for form in forms]
    if not tries:
        return pd.Series(pd.NaT, text.index)
    read = [int(parsed.notna().sum()) for parsed in tries]
    best = [parsed for parsed, count in zip(tries, read, strict=True) if count == max(read)]
    if any(not other.equals(best[0]) for other in best[1:]):
        raise DataError(f"column time: {sample.iloc[0]!r} may be day-month or month-day; write it as 2020-01-31")
    return best[0]


def _localise(local: pd.Series, zone: ZoneInfo) -> tuple[Times, str]:
    """Instants of local times; one that the clock change skips or repeats without a trace is UNKNOWN."""
    index = pd.DatetimeIndex(local)
    if index.tz is not None:
        return _microseconds(index), "the zone in the file"
    try:
        return _microseconds(index.tz_localize(zone, ambiguous="infer", nonexistent="NaT")), zone.key
    except ValueError:  # an hour that exists twice is there only once
        return _microseconds(index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")), zone.key


def _microseconds(index: pd.DatetimeIndex) -> Times:
    return index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
