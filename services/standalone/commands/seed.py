"""`galapagos seed`: write, check and publish genomes of your own."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Genomes of your own: print an example, edit it, publish it to a run.")


@app.command(
    "example",
    epilog="Examples: [bold]galapagos seed example > mine.json[/]  ·  galapagos seed example --name rsi2_pullback",
)
def example(
    name: Annotated[str, typer.Option(help="A classical strategy; `galapagos seed experts` lists them.")] = "",
) -> None:
    """Print a complete genome as JSON, ready to be edited."""
    import orjson

    from common.errors import ConfigurationError
    from common.genome.codec import to_json
    from generator.experts import experts

    known = {expert.name: expert for expert in experts()}
    if name and name not in known:
        raise ConfigurationError(
            f"--name {name!r}: no classical strategy is called so; `galapagos seed experts` lists them"
        )
    chosen = known[name] if name else next(iter(known.values()))
    typer.echo(orjson.dumps(to_json(chosen.genome), option=orjson.OPT_INDENT_2))


@app.command("experts")
def list_experts(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the classical strategies that every run starts from."""
    from generator.experts import experts

    _print_rows([{"name": expert.name, "summary": expert.rationale} for expert in experts()], json)


@app.command("conditions", epilog="Example: [bold]galapagos seed conditions --grep 'rsi(14)'[/]")
def conditions(
    grep: Annotated[str, typer.Option(help="Only those that contain this text (in the name or its meaning).")] = "",
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the conditions that a genome's logic can use, with their meaning."""
    from common.genome.conditions import CONDITIONS
    from common.genome.slots import SLOT_TEXTS
    from standalone.wording import condition_words, tree_words

    rows = [{"name": condition.text, "summary": condition_words(condition)} for condition in CONDITIONS]
    rows += [{"name": text, "summary": tree_words(text)} for text in SLOT_TEXTS]
    wanted = grep.lower()
    _print_rows([row for row in rows if wanted in row["name"].lower() or wanted in row["summary"].lower()], json)


@app.command(
    "publish",
    epilog="Examples: [bold]galapagos seed publish mine.json[/]  ·  "
    "[bold]galapagos seed publish mine.json --publisher ada "
    "--bus kafka://broker:9092/$(cat runs/mine/namespace)[/]",
)
def publish(
    file: Annotated[Path | None, typer.Argument(help="A genome as JSON; none with --kind.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; the latest under runs/ by default.")] = None,
    publisher: Annotated[str, typer.Option(help="Your name, kept with the seed.")] = "anonymous",
    note: Annotated[str, typer.Option(help="A remark, kept with the seed.")] = "",
    bus: Annotated[str, typer.Option(help="URL of a bus, for a run that is not in a folder here.")] = "",
    run: Annotated[str, typer.Option(help="With --bus: id of the run, the key of the event.")] = "",
    kind: Annotated[
        str, typer.Option(help="Instead of a file: expert, random, historical, cross-domain or innovation.")
    ] = "",
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="The earlier run, for the last three kinds."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=4096, help="With --kind: how many at most.")] = 16,
    draw: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of random ones.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check a genome and hand it to a run: at once if it is running, else when it is resumed."""
    import orjson

    from common.errors import ConfigurationError
    from standalone import remote

    remote.refuse_both(bus, out)
    if kind:
        _publish_kind(kind, source, count, draw, out, publisher, json)
        return
    if file is None:
        raise ConfigurationError("FILE: is missing; name the JSON file of a genome, or use --kind")
    if bus:
        sent = remote.publish(bus, file, publisher, note, run)
        typer.echo(orjson.dumps(sent) if json else sent["genome_id"])
        if not json:
            typer.echo(f"published to {bus} as event {sent['event_id']}", err=True)
        return
    from common.run.folder import RunFolder
    from standalone.seeds import accept, identity, read_genome
    from standalone.servers import is_on_servers

    genome = read_genome(file)
    folder = RunFolder.open(out)
    path = accept(folder, genome, publisher, note)
    running = folder.is_running()
    if json:
        found = {"genome_id": identity(genome), "run": str(folder.path), "file": str(path), "running": running}
        typer.echo(orjson.dumps(found))
        return
    typer.echo(identity(genome))
    command = "up" if is_on_servers(folder) else "run"
    when = "the run takes it in now" if running else f"it waits for `galapagos {command} --resume --out {folder.path}`"
    typer.echo(f"published to {folder.path}: {when}", err=True)


def _publish_kind(
    kind: str, source: Path | None, count: int, draw: int, out: Path | None, publisher: str, json: bool
) -> None:
    import orjson

    from common.run.folder import RunFolder
    from standalone.seeds import accept_all
    from standalone.seeds_kinds import Wish, gather

    folder = RunFolder.open(out)
    seeds = gather(Wish(kind, source, count, draw), folder.spec())
    found = accept_all(folder, kind, seeds, publisher)
    if json:
        typer.echo(orjson.dumps(found))
        return
    for row in found:
        typer.echo(f"{row['genome_id']}  {row['note']}")
    typer.echo(f"published {len(found)} {kind} seeds to {folder.path}", err=True)


def _print_rows(rows: list[dict[str, str]], json: bool) -> None:
    if json:
        import orjson

        typer.echo(orjson.dumps(rows))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name']:<{width}}  {row['summary']}")
