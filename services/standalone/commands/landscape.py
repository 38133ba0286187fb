"""`galapagos landscape`: what a search has before it, measured on the training bars of some data."""

from pathlib import Path
from typing import Annotated

import typer

from standalone.commands import options

EXAMPLES = (
    "Examples: [bold]galapagos landscape[/]  (built-in prices)  ·  "
    "[bold]galapagos landscape --data prices.csv --objective recovery --json[/]  ·  "
    "galapagos landscape --walks 8 --steps 16 --kicks 1  (a quick look)"
)


def landscape(
    data: options.Data = None,
    config: options.Config = None,
    seed: options.Seed = None,
    objective: Annotated[str, typer.Option(help="Which objective is the height.")] = "sharpe",
    walks: Annotated[int, typer.Option(min=4, max=4096, help="Walks of each kind, and climbs.")] = 32,
    steps: Annotated[int, typer.Option(min=2, max=4096, help="Steps of a walk.")] = 48,
    kicks: Annotated[int, typer.Option(min=0, max=256, help="How often each climb is kicked off its optimum.")] = 4,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Threads; no effect on the figures.")] = None,
    report: Annotated[Path, typer.Option(metavar="FILE.html", help="Where the pictures go.")] = Path("landscape.html"),
    json: Annotated[bool, typer.Option("--json", help="Print all figures, and write no page.")] = False,
) -> None:
    """Measure the fitness landscape of some data: how rugged, how many optima, how steep, how it drifts.

    Training bars only: neither validation nor the vault is read.
    """
    import os

    import orjson

    from standalone import landscape_page
    from standalone.landscape import Size, survey
    from standalone.request import Request, build_spec, read_data

    bars = read_data(data or ())
    spec = build_spec(bars, Request(seed=seed, config=config).overrides())
    size = Size(walks=walks, steps=steps, kicks=kicks)

    def say(text: str) -> None:
        typer.echo(text, err=True)

    found = survey(spec, bars, objective, size, workers or os.cpu_count() or 1, say)
    if json:
        typer.echo(orjson.dumps(found))
        return
    landscape_page.write(found, report)
    for sentence in landscape_page.sentences(found):
        typer.echo(sentence)
    typer.echo(f"{found['strategies_measured']:,} strategies measured; pictures: {report}")
