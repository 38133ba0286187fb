"""Finds the benchmarks of the repository, runs them, and shows what they measured."""

import ast
import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from common.errors import ConfigurationError

Figures = dict[str, Any]
ALL = "all"
_FOLDER = "benchmarks"
_WHOLE_NUMBERS_FROM = 1000


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module of the folder ``benchmarks`` with a function ``bench_<name>(repeats, scale)``."""

    name: str
    summary: str


def repository(start: Path) -> Path:
    """The nearest folder from ``start`` upwards that holds the benchmarks. Raises ConfigurationError without one."""
    for folder in (start, *start.parents):
        if (folder / _FOLDER / "clock.py").is_file():
            return folder
    raise ConfigurationError(
        f"{_FOLDER}/: is not part of an installed package, and no folder above {start} has it; clone the repository, "
        "run `make setup` there, and call `galapagos bench` from within it"
    )


def root() -> Path:
    """The repository that this program runs from, or else the one that holds the present folder."""
    try:
        return repository(Path(__file__).resolve().parent)
    except ConfigurationError:
        return repository(Path.cwd())


def benchmarks(root: Path) -> list[Benchmark]:
    """Every benchmark there, by name; modules are read, not run."""
    found = []
    for path in sorted((root / _FOLDER).glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if f"bench_{path.stem}" in names:
            found.append(Benchmark(path.stem, (ast.get_docstring(tree) or "").partition("\n")[0]))
    return found


def measure(name: str, root: Path, repeats: int, scale: float) -> Iterator[tuple[str, Figures]]:
    """Name and figures of the benchmark ``name``, or of each where that is "all".

    Raises ConfigurationError for a name that no benchmark has.
    """
    known = [each.name for each in benchmarks(root)]
    if name != ALL and name not in known:
        raise ConfigurationError(f"NAME {name!r}: no benchmark is called so; use {', '.join(known)} or {ALL}")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    for each in known if name == ALL else [name]:
        module = importlib.import_module(f"{_FOLDER}.{each}")
        yield each, getattr(module, f"bench_{each}")(repeats, scale)


def number_text(value: object) -> str:
    """A figure as people read it.

    >>> number_text(231_456.7), number_text(0.012345), number_text(None)
    ('231,457', '0.0123', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= _WHOLE_NUMBERS_FROM else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def render(name: str, figures: Figures, console: Console) -> None:
    """Single figures as one table, lists of figures as a table each."""
    console.print(f"\n[bold]{name}[/]")
    plain = Table(show_header=False, box=None)
    for key, value in figures.items():
        if isinstance(value, Mapping):
            for part, inner in value.items():
                plain.add_row(_words(f"{key}: {part}"), number_text(inner))
        elif not isinstance(value, list):
            plain.add_row(_words(key), number_text(value))
    console.print(plain)
    for key, rows in figures.items():
        if isinstance(rows, list) and rows:
            table = Table(*map(_words, rows[0]), title=_words(key), box=None, title_justify="left")
            for row in rows:
                table.add_row(*map(number_text, row.values()))
            console.print(table)


def _words(key: str) -> str:
    return key.replace("_", " ")
