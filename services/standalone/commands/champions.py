"""`galapagos champions`: what survived."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="What survived: list it, show one, or follow a run.")
Out = Annotated[Path | None, typer.Option(help="Folder of the run; the latest under runs/ by default.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("list", epilog="Example: [bold]galapagos champions list --out runs/mine[/]")
def list_champions(out: Out = None, json: Json = False) -> None:
    """List the champions of a run."""
    import orjson

    from common.run.folder import RunFolder
    from standalone.champions import summary_line

    folder = RunFolder.open(out)
    found = folder.champions()
    if json:
        typer.echo(orjson.dumps(found))
        return
    for champion in found:
        typer.echo(summary_line(champion))
    if not found:
        is_over = folder.result() is not None and not folder.is_running()
        typer.echo(f"no champions in {folder.path}: {'nothing survived' if is_over else 'none so far'}")


@app.command("show", epilog="Example: [bold]galapagos champions show 3fa2[/]  (the beginning of an id is enough)")
def show(
    genome_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or its beginning.")],
    out: Out = None,
    json: Json = False,
) -> None:
    """Show one champion: figures, gates and deployment; as JSON also what each of its parts is worth."""
    import orjson
    from rich.console import Console

    from common.run.folder import RunFolder
    from standalone.champions import find, importance_of, render

    folder = RunFolder.open(out)
    champion = find(folder, genome_id)
    if json:
        typer.echo(orjson.dumps(champion | {"importance": importance_of(folder, champion)}))
    else:
        render(champion, Console())


@app.command(
    "follow",
    epilog="Examples: [bold]galapagos champions follow --json | jq .genome_id[/]  ·  "
    "[bold]galapagos champions follow --group desk "
    "--bus kafka://broker:9092/$(cat runs/mine/namespace)[/]",
)
def follow(
    out: Out = None,
    bus: Annotated[str, typer.Option(help="URL of a bus, for a run that is not in a folder here.")] = "",
    group: Annotated[str, typer.Option(help="With --bus: go on where this name stopped reading.")] = "",
    idle: Annotated[
        float | None, typer.Option(min=0.1, help="With --bus: stop when none has come for so many seconds.")
    ] = None,
    json: Json = False,
) -> None:
    """Print champions as they are promoted, until the run ends or Ctrl-C."""
    import time
    from contextlib import suppress

    import orjson

    from standalone import remote

    remote.refuse_both(bus, out)
    if bus:
        with suppress(KeyboardInterrupt):
            for row in remote.champions(bus, group, idle):
                typer.echo(orjson.dumps(row) if json else remote.line_of(row))
        return
    from common.run.folder import RunFolder
    from standalone.champions import summary_line

    folder = RunFolder.open(out)
    seen: set[str] = set()
    try:
        while True:
            running = folder.is_running()  # asked first: what a run wrote before it ended is still read below
            fresh: list[dict[str, Any]] = [row for row in folder.champions() if row["genome_id"] not in seen]
            for champion in fresh:
                seen.add(champion["genome_id"])
                typer.echo(orjson.dumps(champion) if json else summary_line(champion))
            if not running:
                break
            time.sleep(0.5)
    except KeyboardInterrupt:
        return
    if not json:
        typer.echo(f"the run in {folder.path} is not going on; {len(seen)} champions", err=True)
