"""The knowledge base: mined from folders or from a store, written to a file, and told to people."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from common.errors import ConfigurationError
from common.events.strict import parse_json
from common.run.folder import write_atomically
from recorder.knowledge import admitted, spec_of
from recorder.migrations import require
from recorder.questions import run_of
from standalone.knowledge_mining import Mined, mine
from standalone.stores import store_of

Base = Mapping[str, Any]
BYTES_MAX = 4 << 20


def learn(folders: Sequence[Path], url: str | None, runs: Sequence[str], *, with_validation: bool) -> dict[str, Any]:
    """Mine the folders of runs (none: the latest run), or ``runs`` of the store at ``url`` by how their ids begin."""
    found = []
    if url is not None:
        with store_of(url, None) as (store, _):
            require(store)
            for beginning in runs:
                run = run_of(store, beginning)
                found.append(Mined(spec_of(store, run), admitted(store, run, with_validation=with_validation)))
    else:
        for folder in folders or (None,):
            with store_of(None, folder) as (store, of_folder):
                require(store)
                run = str(of_folder)
                found.append(Mined(spec_of(store, run), admitted(store, run, with_validation=with_validation)))
    return mine(found, with_validation=with_validation)


def write(found: Base, path: Path) -> None:
    """Write a knowledge base, whole or not at all."""
    write_atomically(path, orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read(path: Path) -> dict[str, Any]:
    """A knowledge base. Raises ConfigurationError for a file that is none."""
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file; `galapagos knowledge mine` writes one")
    found = parse_json(path.read_bytes(), str(path), BYTES_MAX)
    if not isinstance(found, dict) or "knowledge" not in found or "success" not in found:
        raise ConfigurationError(f"{path}: is no knowledge base; `galapagos knowledge mine` writes one")
    return found


def sentences(found: Base) -> list[str]:
    """What was learnt, in short."""
    lessons = found["knowledge"]
    count = sum(map(len, lessons["alleles"].values())) + len(lessons["features"]) + len(lessons["conditions"])
    told = [
        f"{found['genomes']:,} admitted genomes of {len(found['runs'])} runs, {found['successful']:,} of them with "
        f"admitted children on {found['witnesses']} islands: {count} lessons that the islands agree on."
    ]
    for title, rows in (("more often", found["success"][:3]), ("less often", found["failure"][:3])):
        if rows:
            named = ", ".join(f"{row['pattern']} ({row['lift']:.2g} times)" for row in rows)
            told.append(f"Success has {title} than a draw: {named}.")
    if found["validation_read"]:
        told.append("Validation was read: no run on these bars may take the lessons.")
    return told


def render(found: Base, rows: int, console: Console) -> None:
    """All tables, ``rows`` of each at most."""
    for sentence in sentences(found):
        console.print(sentence, highlight=False)
    for title, key in (("Success", "success"), ("Failure", "failure")):
        _table(
            console,
            title,
            ("pattern", "drawn", "successful", "times", "about 95 %", "admitted at once", "factor"),
            (
                (
                    row["pattern"],
                    f"{row['share_drawn']:.2%}",
                    f"{row['share_successful']:.2%}",
                    f"{row['lift']:.2f}",
                    f"{row['low']:.2f} to {row['high']:.2f}",
                    f"{row['lift_at_once']:.2f}",
                    f"{row['factor']:.2f}",
                )
                for row in found[key][:rows]
            ),
        )
    _table(
        console,
        "Asked together",
        ("features", "times", "genomes"),
        ((" and ".join(row["features"]), f"{row['lift']:.1f}", f"{row['genomes']:,}") for row in found["pairs"][:rows]),
    )
    for market in found["by_market"]:
        told = ((row["pattern"], f"{row['lift']:.2f}") for row in market["more_than_elsewhere"][:rows])
        _table(console, f"More on {market['market']} than elsewhere", ("pattern", "times"), told)
    _table(
        console,
        "Classical strategies",
        ("strategy", "admitted", "descendants admitted", "rule"),
        (
            (row["expert"], f"{row['admitted']}", f"{row['descendants']:,}", row["rule"])
            for row in found["experts"][:rows]
        ),
    )


def _table(console: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*header, title=title, title_justify="left", box=None)
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        console.print(table)
