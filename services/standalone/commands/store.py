"""`galapagos store`: the schema of the analytical store, and how long it keeps what."""

from typing import Annotated

import typer

from standalone.commands.query import Out, StoreUrl

app = typer.Typer(no_args_is_help=True, help="The analytical store: make its schema, print it, drop old months.")


@app.command("migrate", epilog="Example: [bold]galapagos store migrate --store clickhouse://host:9000/galapagos[/]")
def migrate_store(store: StoreUrl = None, out: Out = None) -> None:
    """Bring the schema up to this program's; nothing happens to one that is."""
    from recorder.migrations import MIGRATIONS, migrate
    from standalone.stores import store_of

    with store_of(store, out) as (opened, _):
        for step in migrate(opened):
            typer.echo(f"applied schema {step.version}: {step.name}")
    typer.echo(f"the schema is at {MIGRATIONS[-1].version}")


@app.command("schema", epilog="Example: [bold]galapagos store schema | clickhouse-client --multiquery[/]")
def schema() -> None:
    """Print the statements that make the schema, to be read or run by hand."""
    from recorder.migrations import MIGRATIONS

    for step in MIGRATIONS:
        typer.echo(f"-- {step.version}: {step.name}")
        for statement in step.statements:
            typer.echo(f"{statement};\n")


@app.command(
    "retain", epilog="Example: [bold]galapagos store retain --months 3 --store clickhouse://host:9000/galapagos[/]"
)
def retain_months(
    months: Annotated[int, typer.Option(min=0, max=1200, help="Months to keep before the present one.")],
    store: StoreUrl = None,
    out: Out = None,
) -> None:
    """Drop older months of the tables that grow with every generation; engines that can go on by themselves (TTL)."""
    from datetime import UTC, datetime

    from recorder.migrations import require
    from recorder.retention import retain
    from standalone.stores import store_of

    with store_of(store, out) as (opened, _):
        require(opened)
        dropped = retain(opened, months, datetime.now(UTC))
    for part in dropped:
        typer.echo(f"dropped {part}")
    typer.echo(f"{len(dropped)} months dropped, tables counted one by one")
