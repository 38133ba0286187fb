"""`galapagos leaderboard`: champions beside the market, the classics and luck."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos leaderboard[/]  (all runs under runs/ with the bars of the latest)  ·  "
    "[bold]galapagos leaderboard runs/mine runs/yours --json[/]"
)


class Window(StrEnum):
    """Where strategies are compared."""

    paper = "paper"
    validation = "validation"


def leaderboard(
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders of runs; all under runs/ by default.")] = None,
    window: Annotated[
        Window, typer.Option(help="paper: what came after all choices; validation: champions were chosen by it.")
    ] = Window.paper,
    draws: Annotated[int, typer.Option(min=99, max=100_000, help="Bootstrap draws of each test.")] = 2000,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Rank the champions of all runs on the same bars, and test them against what costs no search.

    Baselines: buy and hold, the classical strategies, and a champion's own trades at random times.
    """
    import orjson
    from rich.console import Console

    from standalone.leaderboard import board, folders_of, render

    found = board(folders_of(runs or []), window.value, draws)
    if json:
        typer.echo(orjson.dumps(found))
    else:
        render(found, Console())
