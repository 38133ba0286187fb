"""`galapagos graph`: which service reads and writes what."""

from typing import Annotated

import typer

EXAMPLES = "Examples: [bold]galapagos graph[/]  ·  galapagos graph --mermaid > flow.mmd  ·  galapagos graph --json"


def graph(
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flow chart.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print the topology, read from the services themselves."""
    import orjson

    from common.errors import ConfigurationError
    from standalone.graph import as_mermaid, as_text, topology
    from standalone.services import blueprint

    if mermaid and json:
        raise ConfigurationError("--mermaid and --json: give one of them")
    found = topology(blueprint())
    if json:
        typer.echo(orjson.dumps(found))
    else:
        typer.echo(as_mermaid(found) if mermaid else as_text(found))
