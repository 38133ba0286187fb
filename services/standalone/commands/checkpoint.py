"""`galapagos checkpoint`: recovery points of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from common.run.checkpoint import Manifest

app = typer.Typer(no_args_is_help=True, help="Recovery points: go back to any of them, or take a run elsewhere.")
Run = Annotated[Path | None, typer.Option(help="Folder of the run; the latest under runs/ by default.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Point = Annotated[str, typer.Argument(metavar="POINT", help="A name from `list`, the beginning of one, or a file.")]
Bus = Annotated[str, typer.Option(help="URL of the bus that keeps the states: kafka://host:port/NAMESPACE.")]
New = Annotated[Path, typer.Option(help="A new folder for the run that goes on from here.")]
Partitions = Annotated[int, typer.Option(min=1, max=4096, help="With --bus: of the topics that are spread.")]


@app.command("create", epilog="Example: [bold]galapagos checkpoint create --run runs/mine[/]")
def create(run: Run = None, bus: Bus = "", json: Json = False) -> None:
    """Take a recovery point now, of a run that goes on or has stopped."""
    from standalone import pointing

    path, manifest = pointing.create(run, bus)
    _tell(path, manifest, json)


@app.command("list", epilog="Example: [bold]galapagos checkpoint list --json[/]")
def list_points(run: Run = None, json: Json = False) -> None:
    """List the recovery points of a run, the oldest first."""
    import orjson

    from common.run.folder import RunFolder
    from standalone.recovery_points import listed

    folder = RunFolder.open(run, "--run")
    rows = [_row(path, manifest) for path, manifest in listed(folder)]
    if json:
        typer.echo(orjson.dumps(rows))
        return
    for row in rows:
        size = f"{row['bytes']:,} bytes"
        typer.echo(f"{row['point']}  generation {row['generation']}  {size}  {row['created']}  {row['reason']}")
    if not rows:
        typer.echo(f"no recovery points in {folder.path}: take one with `galapagos checkpoint create`")


@app.command("show", epilog="Example: [bold]galapagos checkpoint show g00000100[/]")
def show(point: Point, run: Run = None, json: Json = False) -> None:
    """Check a recovery point and say what is in it."""
    import orjson

    from common.run.checkpoint import read
    from standalone import pointing
    from standalone.recovery import check

    path = pointing.find(point, run)
    checkpoint = read(path)
    check(checkpoint.manifest, checkpoint.parts)
    manifest = checkpoint.manifest
    if json:
        typer.echo(orjson.dumps(_row(path, manifest) | {"manifest": manifest.model_dump(mode="json")}))
        return
    typer.echo(
        f"{path}\nrun {manifest.run_id}, {manifest.program}, {_row(path, manifest)['created']}, {manifest.reason}"
    )
    for island, generation in manifest.islands.items():
        typer.echo(f"island {island}: generation {generation}")
    for part in (*manifest.states, *manifest.files):
        typer.echo(f"{part.name:<16} {part.bytes:>12,} bytes  SHA-256 {part.sha256[:16]}")
    typer.echo("everything is as it was written" + ("" if manifest.has_bars else "; the bars are not inside"))


@app.command("restore", epilog="Example: [bold]galapagos checkpoint restore g00000100 --out runs/back[/]")
def restore(
    point: Point, out: New, run: Run = None, bus: Bus = "", partitions: Partitions = 8, json: Json = False
) -> None:
    """Make a new run from a recovery point: it goes on from there, the old one stays as it is."""
    from standalone import pointing

    path = pointing.find(point, run)
    _restored(pointing.restore(path, out, bus, partitions, run), json)


@app.command("export", epilog="Example: [bold]galapagos checkpoint export g00000100 mine.checkpoint.zip[/]")
def export(
    point: Point,
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    run: Run = None,
    json: Json = False,
) -> None:
    """Write a recovery point with the bars of its run into one file, for another machine."""
    from standalone import pointing

    manifest = pointing.export(pointing.find(point, run), file, run)
    _tell(file, manifest, json)


@app.command("import", epilog="Example: [bold]galapagos checkpoint import mine.checkpoint.zip --out runs/mine[/]")
def import_point(
    file: Annotated[Path, typer.Argument(help="A file that `galapagos checkpoint export` wrote.")],
    out: New,
    bus: Bus = "",
    partitions: Partitions = 8,
    json: Json = False,
) -> None:
    """Make a run from an exported recovery point."""
    from standalone import pointing

    _restored(pointing.restore(file, out, bus, partitions, None), json)


def _restored(found: dict[str, Any], json: bool) -> None:
    import orjson

    if json:
        typer.echo(orjson.dumps(found))
        return
    typer.echo(found["run"])
    command, bus = ("up", f" --bus {found['bus']}") if found["bus"] else ("run", "")
    where = f"galapagos {command} --resume --out {found['run']}{bus}"
    typer.echo(f"restored to generation {found['generation']}; go on with {where}", err=True)


def _tell(path: Path, manifest: "Manifest", json: bool) -> None:
    import orjson

    row = _row(path, manifest)
    typer.echo(orjson.dumps(row) if json else f"{row['point']}  generation {row['generation']}  {row['bytes']:,} bytes")


def _row(path: Path, manifest: "Manifest") -> dict[str, Any]:
    from datetime import UTC, datetime

    from common.run.checkpoint import SUFFIX

    return {
        "point": path.name.removesuffix(SUFFIX),
        "file": str(path),
        "bytes": path.stat().st_size,
        "run_id": manifest.run_id,
        "generation": manifest.generation,
        "islands": manifest.islands,
        "created": f"{datetime.fromtimestamp(manifest.created_us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "reason": manifest.reason,
        "has_bars": manifest.has_bars,
    }
