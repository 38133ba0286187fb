"""`galapagos run`: the main job."""

from typing import Annotated

import typer

from standalone.commands import options

EXAMPLES = (
    "Examples: [bold]galapagos run[/]  (two minutes on built-in daily prices)  ·  "
    "[bold]galapagos run --minutes 10 --data BTCUSDT-1h.parquet[/]  ·  "
    "[bold]galapagos run --generations 20 --seed 7[/]  (the same digest on any machine)  ·  "
    "[bold]galapagos run --resume[/]  (go on with the latest run)"
)


def run(
    data: options.Data = None,
    generations: options.Generations = None,
    minutes: options.Minutes = None,
    seed: options.Seed = None,
    islands: options.Islands = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Evaluators; two a core by default. No effect on results.")
    ] = None,
    out: options.Out = None,
    resume: options.Resume = False,
    config: options.Config = None,
    knowledge: options.Knowledge = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Do not record events into the run's chdb store.")
    ] = False,
    checkpoint_generations: options.CheckpointGenerations = 100,
    checkpoint_minutes: options.CheckpointMinutes = 5.0,
    checkpoint_keep: options.CheckpointKeep = 3,
    traces: options.Traces = "none",
    seeds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:FOLDER][:COUNT]",
            help="Seeds to begin with: expert, random, or of an earlier run: historical, cross-domain, innovation. "
            "Repeatable.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Breed, test and select strategies, send champions to paper trading, and write a report.

    The folder of the run then holds run.json, champions.json and report.html. Ctrl-C stops cleanly.
    """
    from standalone.recovery_points import PointSettings
    from standalone.request import Request
    from standalone.session import Options, run_session

    request = Request(data or (), generations, minutes, seed, islands, config, knowledge)
    points = PointSettings(checkpoint_generations, checkpoint_minutes, checkpoint_keep)
    chosen = Options(
        out=out,
        resume=resume,
        workers=workers,
        store=not no_store,
        traces=traces,
        json=json,
        points=points,
        seeds=tuple(seeds or ()),
    )
    run_session(request, chosen)
