"""An answer of the store as a table on the terminal."""

from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table


def show(found: pa.Table, console: Console | None = None) -> None:
    """Print it: numbers to four digits, ids whole, times as they are."""
    console = console or Console()
    if not found.num_rows:
        console.print("nothing, so far")
        return
    rows = [[_text(value) for value in row.values()] for row in found.to_pylist()]
    table = Table(box=None, pad_edge=False)
    for place, field in enumerate(found.schema):
        is_text = pa.types.is_string(field.type) or pa.types.is_list(field.type)
        # An id is copied from here: it stays in one line.
        widest = max((len(word) for row in rows for word in row[place].split()), default=0)
        table.add_column(field.name, justify="left" if is_text else "right", overflow="fold", min_width=widest)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
