"""`galapagos bench`: speed, measured beside other programs in the same run."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos bench list[/]  ·  [bold]galapagos bench evaluator --json[/]  ·  "
    "galapagos bench evaluator --scale 0.05 --repeats 1  (half a minute, to see that it works)  ·  "
    "galapagos bench all --out benchmarks/out"
)


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one; `list` names them, `all` runs them all.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    repeats: Annotated[
        int, typer.Option(min=1, max=1000, help="Takes of each work; the best counts, for it was disturbed least.")
    ] = 5,
    scale: Annotated[
        float, typer.Option(min=0.001, max=10, help="Share of the usual number of strategies; quote figures of 1 only.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write NAME.json there, one file for each.")
    ] = None,
) -> None:
    """Measure how fast strategies are tested, against programs that nobody here wrote.

    Works take turns in one process, so a busy machine slows them alike, and ratios are per CPU-second: they hold on a
    shared machine. Strategies an hour are by the wall clock: close other programs before you believe them.

    Needs the repository, and for ratios the peers that `make setup` installs; they are null without, with a reason.
    """
    import orjson
    from rich.console import Console

    from standalone.benching import ALL, benchmarks, measure, render, root

    place = root()
    if name == "list":
        known = benchmarks(place)
        if json:
            typer.echo(orjson.dumps([{"name": each.name, "summary": each.summary} for each in known]))
            return
        width = max(len(each.name) for each in known)
        for each in known:
            typer.echo(f"{each.name:<{width}}  {each.summary}")
        return
    found = {}
    for one, figures in measure(name, place, repeats, scale):
        found[one] = figures
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{one}.json"
            path.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            typer.echo(f"wrote {path}", err=True)
        if not json:
            render(one, figures, Console())
    if json:
        typer.echo(orjson.dumps(found if name == ALL else found[name]))
