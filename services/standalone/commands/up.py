"""`galapagos up`: the same run as processes of this machine, on Kafka, Redis and ClickHouse."""

from typing import Annotated

import typer

from standalone.commands import options

EXAMPLES = (
    "Examples: [bold]make servers && galapagos up[/]  (on the servers that were started here)  ·  "
    "[bold]galapagos up --bus kafka://127.0.0.1:9092 --evaluators 3 --selectors 2 --generations 20[/]  ·  "
    "[bold]galapagos up --resume[/]  (go on with the latest run)"
)
_PANEL = "Servers and processes"
Bus = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="kafka://host:port\\[/NAMESPACE]; several as host:port,host:port; by default what `make servers` started "
        "in this folder. Without a namespace the run gets one of its own.",
        rich_help_panel=_PANEL,
    ),
]
Cache = Annotated[
    str,
    typer.Option(metavar="URL", help="redis://host:port/db; none: a cache in each evaluator.", rich_help_panel=_PANEL),
]
Store = Annotated[
    str,
    typer.Option(
        metavar="URL", help="clickhouse://host:port/database; none: nothing is recorded.", rich_help_panel=_PANEL
    ),
]
Evaluators = Annotated[int, typer.Option(min=1, help="Processes that measure.", rich_help_panel=_PANEL)]
Selectors = Annotated[int, typer.Option(min=1, help="Processes that select.", rich_help_panel=_PANEL)]
Generators = Annotated[int, typer.Option(min=1, help="Processes that breed.", rich_help_panel=_PANEL)]
Partitions = Annotated[
    int, typer.Option(min=1, max=4096, help="Of new topics that are spread.", rich_help_panel=_PANEL)
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, max=64, help="Threads of each evaluator; by default its share of the cores.", rich_help_panel=_PANEL
    ),
]
Elsewhere = Annotated[
    bool,
    typer.Option(
        "--elsewhere",
        help="The services run elsewhere, in containers say: begin the run and watch over it, start no processes.",
        rich_help_panel=_PANEL,
    ),
]


def up(
    bus: Bus = "",
    cache: Cache = "",
    store: Store = "",
    evaluators: Evaluators = 1,
    selectors: Selectors = 1,
    generators: Generators = 1,
    partitions: Partitions = 8,
    workers: Workers = None,
    elsewhere: Elsewhere = False,
    data: options.Data = None,
    generations: options.Generations = None,
    minutes: options.Minutes = None,
    seed: options.Seed = None,
    islands: options.Islands = None,
    out: options.Out = None,
    resume: options.Resume = False,
    config: options.Config = None,
    knowledge: options.Knowledge = None,
    checkpoint_generations: options.CheckpointGenerations = 100,
    checkpoint_minutes: options.CheckpointMinutes = 5.0,
    checkpoint_keep: options.CheckpointKeep = 3,
    traces: options.Traces = "none",
    json: options.Json = False,
) -> None:
    """Run every service as a process of its own on real servers, watch over them, and write the same files as `run`.

    A process that ends or stands still is started again. Ctrl-C stops cleanly; nothing is left running.
    """
    import os
    from collections.abc import Callable

    from common.run.folder import RunFolder
    from common.settings import read_settings
    from standalone.recovery_points import PointSettings
    from standalone.request import Request
    from standalone.server_crew import ServerCrew, Sizes
    from standalone.servers import placed, urls_of
    from standalone.session import Options, run_session

    urls = urls_of(read_settings(bus=bus or None, cache=cache or None, store=store or None))
    sizes = Sizes(generators, evaluators, selectors, partitions, workers, elsewhere)
    sizes.check()

    def hire(folder: RunFolder, say: Callable[[str], None]) -> ServerCrew:
        here = placed(urls, folder)
        say(f"events on {here.bus}")
        return ServerCrew(folder, here, sizes, traces, say, os.cpu_count() or 1)

    request = Request(data or (), generations, minutes, seed, islands, config, knowledge)
    points = PointSettings(checkpoint_generations, checkpoint_minutes, checkpoint_keep)
    command = f"up --bus {bus}" if bus else "up"
    chosen = Options(
        out=out, resume=resume, workers=workers, store=False, traces=traces, json=json, points=points, command=command
    )
    run_session(request, chosen, hire)
