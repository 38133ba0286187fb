"""`galapagos explain`: a strategy in plain words, with example trades."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos explain 3fa2[/]  (a champion of the latest run, by the beginning of its id)  ·  "
    "[bold]galapagos explain mine.json[/]  ·  galapagos explain mine.json --data BTCUSDT-1h.parquet"
)


def explain_genome(
    what: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="A champion's id or its beginning, or a genome as JSON.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder of the run; the latest under runs/ by default.")] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Prices for the example trades of a FILE; built-in ones by default.")
    ] = None,
    trades: Annotated[int, typer.Option(min=0, max=1000, help="Example trades to show.")] = 8,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say in plain words when a strategy trades, how it gets out, what it risks and what it pays."""
    import orjson
    from rich.console import Console

    from standalone.explained import explained, render, subject

    found = explained(subject(what, out, data or []), trades)
    if json:
        typer.echo(orjson.dumps(found))
    else:
        render(found, Console())
