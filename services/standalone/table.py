"""An answer of the store as a table on the terminal."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

_WIDTH = 100_000
_TIME = "_us"
"""At the end of the name of a column: microseconds since 1970."""


def show(found: pa.Table, console: Console | None = None) -> None:
    """Print it: numbers to four digits, ids whole, times to the second in UTC; in a pipe each row is one line."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _WIDTH
    if not found.num_rows:
        console.print("nothing, so far")
        return
    rows = [[_text(value, name) for name, value in row.items()] for row in found.to_pylist()]
    table = Table(box=None, pad_edge=False)
    for place, field in enumerate(found.schema):
        is_text = pa.types.is_string(field.type) or pa.types.is_list(field.type)
        # An id is copied from here: it stays in one line.
        widest = max((len(word) for row in rows for word in row[place].split()), default=0)
        table.add_column(
            field.name.removesuffix(_TIME), justify="left" if is_text else "right", overflow="fold", min_width=widest
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _text(value: Any, name: str) -> str:
    if name.endswith(_TIME) and isinstance(value, int):
        return f"{datetime.fromtimestamp(value / 1e6, UTC):%Y-%m-%d %H:%M:%SZ}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
