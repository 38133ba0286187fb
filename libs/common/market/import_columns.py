"""Which column of a price file is which field: as told, else by the usual names."""

from collections.abc import Mapping, Sequence

from common.errors import ConfigurationError, DataError

PRICES: tuple[str, ...] = ("open", "high", "low", "close")
FIELDS: tuple[str, ...] = ("time", *PRICES, "volume")
USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "time": (
        "ts",
        "timestamp",
        "datetime",
        "time",
        "date",
        "opentime",
        "unix",
        "gmttime",
        "indexlevel0",
        "unnamed:0",
        "",
    ),
    "open": ("open", "o", "openprice"),
    "high": ("high", "h", "highprice"),
    "low": ("low", "l", "lowprice"),
    "close": ("close", "c", "closeprice", "last"),
    "volume": ("volume", "v", "vol", "tickvolume", "tickvol", "basevolume"),
}
"""In order of preference; compared without case, spaces, underscores and angle brackets."""


def recognise(present: Sequence[str], told: Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """Columns of every field among those ``present``, ``told`` (field to column) going before the usual names.

    A field has one column, but time has two where a file keeps date and time of day apart; volume may be missing.
    Raises ConfigurationError for a field that does not exist, DataError for a column that does not, or cannot be told
    apart.
    """
    found: dict[str, tuple[str, ...]] = {}
    for field, column in (told or {}).items():
        key = "time" if field == "ts" else field
        if key not in FIELDS:
            raise ConfigurationError(f"column {field}={column}: no field is called {field!r}; use {', '.join(FIELDS)}")
        if present.count(column) != 1:
            fault = "is there more than once" if column in present else "is not in the file"
            raise DataError(f"column {field}={column}: {column!r} {fault}; the file has {_list(present)}")
        found[key] = (column,)
    for field in FIELDS:
        if field not in found:
            columns = _usual(field, present)
            if columns:
                found[field] = columns
            elif field != "volume":
                raise DataError(
                    f"column {field}: none of {_list(present)} looks like it; name one, as in --column {field}=NAME"
                )
    return found


def _usual(field: str, present: Sequence[str]) -> tuple[str, ...]:
    plain = [_plain(column) for column in present]
    if field == "time" and {"date", "time"} <= set(plain) and not {"ts", "timestamp", "datetime"} & set(plain):
        return tuple(present[plain.index(part)] for part in ("date", "time"))
    for name in USUAL_NAMES[field]:
        if plain.count(name) > 1:
            same = [column for column, short in zip(present, plain, strict=True) if short == name]
            raise DataError(
                f"column {field}: {_list(same)} could all be it; say which one is, as in --column {field}=NAME"
            )
        if name in plain:
            return (present[plain.index(name)],)
    return ()


def _plain(column: str) -> str:
    return "".join(letter for letter in column.lower() if letter not in " _<>")


def _list(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(column) for column in columns[:20])
    return shown + (f" and {len(columns) - 20} more" if len(columns) > 20 else "") if columns else "no columns"
