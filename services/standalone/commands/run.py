"""`galapagos run`: the main job."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos run[/]  (two minutes on built-in daily prices)  ·  "
    "[bold]galapagos run --minutes 10 --data BTCUSDT-1h.parquet[/]  ·  "
    "[bold]galapagos run --generations 20 --seed 7[/]  (the same digest on any machine)  ·  "
    "[bold]galapagos run --resume[/]  (go on with the latest run)"
)


def run(
    data: Annotated[
        list[Path] | None, typer.Option(help="CSV or Parquet file of bars; repeat for several instruments.")
    ] = None,
    generations: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many generations; repeatable to the bit.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, max=525600, help="Stop breeding after so many minutes; 2 by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all random draws.")] = None,
    islands: Annotated[int | None, typer.Option(min=1, max=256, help="Populations that evolve side by side.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Evaluators; two a core by default. No effect on results.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for everything the run writes.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, or with the latest one.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="JSON file with any fields of the run specification.")] = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Do not record events into the run's chdb store.")
    ] = False,
    checkpoint_generations: Annotated[
        int, typer.Option(min=0, help="Take a recovery point after so many generations; 0: not for that.")
    ] = 100,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0, help="Take a recovery point after so many minutes; 0: not for that.")
    ] = 5.0,
    checkpoint_keep: Annotated[int, typer.Option(min=1, help="Keep so many of them, the newest.")] = 3,
    traces: Annotated[str, typer.Option(help="Where spans go: none, console, or otlp.")] = "none",
    json: Annotated[
        bool, typer.Option("--json", help="Print run.json at the end, and nothing else, on standard output.")
    ] = False,
) -> None:
    """Breed, test and select strategies, send champions to paper trading, and write a report.

    The folder of the run then holds run.json, champions.json and report.html. Ctrl-C stops cleanly.
    """
    from standalone.recovery_points import PointSettings
    from standalone.request import Request
    from standalone.session import Options, run_session

    request = Request(data or (), generations, minutes, seed, islands, config)
    points = PointSettings(checkpoint_generations, checkpoint_minutes, checkpoint_keep)
    options = Options(
        out=out, resume=resume, workers=workers, store=not no_store, traces=traces, json=json, points=points
    )
    run_session(request, options)
