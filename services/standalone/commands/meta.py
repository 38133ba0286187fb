"""`galapagos meta`: strategies combined into one."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos meta[/]  (the champions of the latest run)  ·  "
    "[bold]galapagos meta --elites 16[/]  ·  galapagos meta --genome mine.json --genome yours.json --json"
)


def meta(
    out: Annotated[Path | None, typer.Option(help="Folder of the run; the latest under runs/ by default.")] = None,
    elites: Annotated[int, typer.Option(min=0, max=256, help="Also the best elites of its archives.")] = 0,
    genome: Annotated[list[Path] | None, typer.Option(help="Also the genome of a file; repeat for several.")] = None,
    draws: Annotated[int, typer.Option(min=99, max=100_000, help="Bootstrap draws of each test.")] = 2000,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Combine champions (and elites): equal weights, by risk, least variance, diversification, a tree, or a vote.

    Weights are fitted on training and told on validation; the vault is never read.
    """
    import orjson
    from rich.console import Console

    from common.run.folder import RunFolder
    from standalone import league_players
    from standalone.meta import combined, render

    folder = RunFolder.open(out)
    members = [*league_players.champions(folder), *league_players.files(genome or [])]
    members += league_players.elites(folder, elites)
    found = combined(folder, league_players.once(members), draws)
    if json:
        typer.echo(orjson.dumps(found))
    else:
        render(found, Console())
