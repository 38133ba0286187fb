"""What `galapagos coevolve` prints."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def render(found: Mapping[str, Any], console: Console) -> None:
    """For people: the race as a table of ancestors against ancestors, everything else figure by figure."""
    console.print(f"[bold]{found['mode']}[/] on {found['instrument']}", highlight=False)
    if "table" in found:
        columns = (f"scenarios of {generation}" for generation in found["generations"])
        title = "Mean return of strategies in scenarios, by generation"
        table = Table("strategies of", *columns, box=None, title=title, title_justify="left")
        for generation, cells in zip(found["generations"], found["table"], strict=True):
            table.add_row(str(generation), *(f"{cell:+.1%}" for cell in cells))
        console.print(table)
    plain = Table(show_header=False, box=None)
    for name, value in _flat(found):
        plain.add_row(name.replace("_", " "), f"{value:,.3f}" if isinstance(value, float) else f"{value:,}")
    console.print(plain)


def _flat(found: Mapping[str, Any], before: str = "") -> list[tuple[str, float]]:
    """Figures with the names of all that they lie in; lists and words are left out."""
    rows: list[tuple[str, float]] = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{before}{name}: ")
        elif isinstance(value, int | float):
            rows.append((before + name, value))
    return rows
