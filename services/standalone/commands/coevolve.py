"""`galapagos coevolve`: populations that evolve against each other, or for each other."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos coevolve[/]  (strategies against market scenarios, on built-in daily prices)  ·  "
    "[bold]galapagos coevolve --mode cooperative --data BTCUSDT-1h.parquet --json[/]"
)


class Mode(StrEnum):
    """Who evolves with whom."""

    predator_prey = "predator-prey"
    competitive = "competitive"
    cooperative = "cooperative"
    symbiotic = "symbiotic"


def coevolve(
    mode: Annotated[
        Mode,
        typer.Option(
            help="predator-prey: strategies and scenarios; competitive: two populations against each other; "
            "cooperative: entries and exits; symbiotic: strategies and guests that decide when and how much."
        ),
    ] = Mode.predator_prey,
    data: Annotated[Path | None, typer.Option(help="CSV or Parquet file of bars; built-in prices by default.")] = None,
    generations: Annotated[int, typer.Option(min=2, max=10_000, help="How long.")] = 16,
    strategies: Annotated[int, typer.Option(min=8, max=4096, help="Size of a population of strategies.")] = 96,
    scenarios: Annotated[int, typer.Option(min=2, max=256, help="Size of the population of scenarios.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random draws.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Evolve populations together, and measure what that brings. Only training breeds; the vault is never read."""
    import orjson
    from rich.console import Console

    from standalone.coevolution_herd import World
    from standalone.coevolution_modes import evolved
    from standalone.coevolution_page import render
    from standalone.request import build_spec, read_data

    bars = read_data([data] if data else [])[:1]
    spec = build_spec(bars, {"seed": seed})
    found = evolved(mode.value, World.of(spec, bars[0]), spec.stream_key, generations, strategies, scenarios)
    found = {"mode": mode.value, "instrument": bars[0].name, **found}
    if json:
        typer.echo(orjson.dumps(found))
    else:
        render(found, Console())
