"""`galapagos knowledge`: what runs had in common where they succeeded and failed, for people and for runs."""

from pathlib import Path
from typing import Annotated

import typer

from standalone.commands.query import StoreUrl

app = typer.Typer(no_args_is_help=True, help="What earlier runs taught: mined from their stores, for a next run.")
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command(
    "mine",
    epilog="Examples: [bold]galapagos knowledge mine runs/one runs/two[/]  ·  "
    "[bold]galapagos run --data other.csv --knowledge knowledge.json[/]  ·  "
    "galapagos knowledge mine --store clickhouse://host:9000/galapagos --run 3fa2 --run 77ab",
)
def mine(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER...", help="Folders of runs; the latest one by default.")
    ] = None,
    into: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the knowledge base goes.")] = Path(
        "knowledge.json"
    ),
    validation: Annotated[
        bool,
        typer.Option(
            "--validation",
            help="Success must have earned in validation too; runs on the same bars then refuse the lessons.",
        ),
    ] = False,
    store: StoreUrl = None,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="With --store: a run, by the beginning of its id."),
    ] = None,
    json: Json = False,
) -> None:
    """Learn from the stores of runs what success has in common. The vault is never read."""
    import orjson

    from standalone.knowledge import learn, sentences, write

    found = learn(folders or (), store if run else None, run or (), with_validation=validation)
    write(found, into)
    if json:
        typer.echo(orjson.dumps(found))
        return
    for sentence in sentences(found):
        typer.echo(sentence)
    typer.echo(f"wrote {into}; next: galapagos run --knowledge {into}", err=True)


@app.command("show", epilog="Example: [bold]galapagos knowledge show knowledge.json --rows 20[/]")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `galapagos knowledge mine` wrote.")] = Path(
        "knowledge.json"
    ),
    rows: Annotated[int, typer.Option(min=1, max=1000, help="Of each table.")] = 10,
    json: Json = False,
) -> None:
    """Show a knowledge base: success, failure, what is asked together, markets, classical strategies."""
    import orjson
    from rich.console import Console

    from standalone.knowledge import read, render

    found = read(file)
    if json:
        typer.echo(orjson.dumps(found))
        return
    render(found, rows, Console())
