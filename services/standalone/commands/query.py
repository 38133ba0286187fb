"""`galapagos query`: stock questions about runs, answered from the store."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos query[/]  (lists the questions)  ·  [bold]galapagos query operators[/]  ·  "
    "[bold]galapagos query ancestors 3fa2 --out runs/mine[/]  ·  "
    "galapagos query throughput --store clickhouse://host:9000/galapagos --json"
)
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", envvar="GALAPAGOS_STORE", help="URL of a store; that of the run by default."),
]
Out = Annotated[Path | None, typer.Option(help="Folder of a run; the latest under runs/ by default.")]


def query(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A question; without one all are listed.")] = None,
    genome: Annotated[
        str, typer.Argument(metavar="ID", help="A genome, by the beginning of its id, for questions about one.")
    ] = "",
    store: StoreUrl = None,
    out: Out = None,
    run: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="A run, by the beginning of its id; that of the folder, or the latest of the store, by default.",
        ),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="As JSON: one object for each row.")] = False,
) -> None:
    """Answer a stock question from the store of a run, or of all runs."""
    import orjson

    from recorder.questions import QUESTIONS

    if name is None:
        listed = [{"question": question.name, "about": question.about} for question in QUESTIONS]
        if json:
            typer.echo(orjson.dumps(listed))
        else:
            for question in listed:
                typer.echo(f"{question['question']:<12} {question['about']}")
        return

    from recorder.migrations import require
    from recorder.questions import ask, find, latest_run, run_of
    from standalone.stores import store_of
    from standalone.table import show

    find(name)
    with store_of(store, out) as (opened, run_id):
        require(opened)
        wanted = run_of(opened, run) if run else run_id or latest_run(opened)
        found = ask(opened, name, wanted, genome)
    if json:
        typer.echo(orjson.dumps(found.to_pylist()))
    else:
        show(found)
