"""`galapagos topics`: make, list and remove the topics of a run on Kafka."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The topics of runs on Kafka: make, list and remove them.")
Bus = Annotated[
    str,
    typer.Option(
        metavar="URL", help="kafka://host:port\\[/NAMESPACE]; by default what `make servers` started in this folder."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("create", epilog="Example: [bold]galapagos topics create --bus kafka://127.0.0.1:9092/mine[/]")
def create(
    bus: Bus = "",
    partitions: Annotated[int, typer.Option(min=1, max=4096, help="Of topics that are spread.")] = 8,
) -> None:
    """Make what is missing, from the catalogue; what is there stays as it is."""
    import asyncio

    from standalone.topics import create, url_of

    url = url_of(bus)
    made = asyncio.run(create(url, partitions))
    typer.echo(f"{made} topics are there: {url}", err=True)


@app.command("list", epilog="Example: [bold]galapagos topics list --bus kafka://127.0.0.1:9092/mine --json[/]")
def list_topics(bus: Bus = "", json: Json = False) -> None:
    """Every topic of the namespace and how many partitions it has; without a namespace those of all."""
    import asyncio

    import orjson

    from standalone.topics import known, url_of

    found = asyncio.run(known(url_of(bus)))
    if json:
        typer.echo(orjson.dumps(found))
        return
    for name, count in found.items():
        typer.echo(f"{count:>4}  {name}")


@app.command("delete", epilog="Example: [bold]galapagos topics delete --bus kafka://127.0.0.1:9092/mine --yes[/]")
def delete(
    bus: Bus = "", yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, json: Json = False
) -> None:
    """Remove the topics of a run and all events in them. Only topics of the catalogue, of this namespace."""
    import asyncio

    import orjson

    from standalone.topics import delete, ours, url_of

    url = url_of(bus)
    names = asyncio.run(ours(url))
    if names and not yes:
        typer.confirm(f"Remove {len(names)} topics of {url} and all events in them?", abort=True)
    asyncio.run(delete(url, names))
    if json:
        typer.echo(orjson.dumps({"deleted": names}))
    else:
        typer.echo(f"{len(names)} topics removed", err=True)
