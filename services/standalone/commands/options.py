"""The options that `galapagos run` and `galapagos up` share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[list[Path] | None, typer.Option(help="CSV or Parquet file of bars; repeat for several instruments.")]
Generations = Annotated[int | None, typer.Option(min=1, help="Stop after so many generations; repeatable to the bit.")]
Minutes = Annotated[
    float | None, typer.Option(min=0.01, max=525600, help="Stop breeding after so many minutes; 2 by default.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of all random draws.")]
Islands = Annotated[int | None, typer.Option(min=1, max=256, help="Populations that evolve side by side.")]
Out = Annotated[Path | None, typer.Option(help="Folder for everything the run writes.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or with the latest one.")]
Config = Annotated[Path | None, typer.Option(help="JSON file with any fields of the run specification.")]
Knowledge = Annotated[
    Path | None, typer.Option(help="A knowledge base of earlier runs: what is newly drawn follows its lessons.")
]
CheckpointGenerations = Annotated[
    int, typer.Option(min=0, help="Take a recovery point after so many generations; 0: not for that.")
]
CheckpointMinutes = Annotated[
    float, typer.Option(min=0, help="Take a recovery point after so many minutes; 0: not for that.")
]
CheckpointKeep = Annotated[int, typer.Option(min=1, help="Keep so many of them, the newest.")]
Traces = Annotated[str, typer.Option(help="Where spans go: none, console, or otlp.")]
Json = Annotated[bool, typer.Option("--json", help="Print run.json at the end, and nothing else, on standard output.")]
