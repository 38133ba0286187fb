"""What `galapagos explain` shows: the words and example trades of a champion or of a genome file, on given bars."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from common.backtest.replay import replay
from common.errors import ConfigurationError
from common.events.spec import Costs
from common.genome.codec import from_json, to_json
from common.market.bars import Bars
from standalone.champions import find
from standalone.curves import arena_for, date_text, example_trades, instrument_of, rates_of, trade_row
from standalone.explain import explain
from standalone.request import read_data
from standalone.run_folder import RunFolder
from standalone.seeds import identity, read_genome

WARMUP_BARS = 250


def subject(what: str, out: Path | None, data: Sequence[Path]) -> tuple[np.void, list[Bars], Costs]:
    """The genome, and the bars and costs to show it on: those of its run, or of the files, or the built-in ones."""
    path = Path(what)
    if path.suffix == ".json" or path.is_file():
        genome = read_genome(path)
        if out is None:
            return genome, read_data(data), Costs()
        folder = RunFolder.open(out)
    else:
        if data:
            raise ConfigurationError("--data: goes with a FILE; a champion is shown on the bars of its run")
        folder = RunFolder.open(out)
        genome = from_json(find(folder, what)["genome"])
    return genome, folder.bars(), folder.spec().costs


def explained(genome: np.void, bars: Sequence[Bars], costs: Costs, trades: int) -> dict[str, Any]:
    """Words and example trades, as JSON values. Trades are taken after the warm-up, over all history that is left."""
    series = bars[instrument_of(genome, len(bars))]
    told = explain(to_json(genome), [each.name for each in bars], series.bar_us, costs)
    start = min(WARMUP_BARS, len(series) - 1)
    found = replay(genome, arena_for(genome, bars), start, len(series), rates_of(costs))
    wins = sum(trade.profit > 0 for trade in found.trades)
    return {
        "genome_id": identity(genome),
        "instrument": series.name,
        **told.to_json(),
        "history": {
            "from": date_text(int(series.ts_us[start]), series.bar_us),
            "to": date_text(int(series.ts_us[-1]), series.bar_us),
            "trades": len(found.trades),
            "won": wins,
            "total_return": float(found.equity[-1]) - 1.0,
        },
        "trades": [trade_row(trade, series) for trade in example_trades(found.trades, trades)],
    }


def render(found: dict[str, Any], console: Console) -> None:
    """For people."""
    console.print(f"[bold]{found['genome_id'][:12]}[/]\n{found['summary']}", highlight=False)
    for heading, lines in found["sections"].items():
        console.print(f"\n[bold]{heading}[/]")
        for line in lines:
            console.print(f"  • {line}", highlight=False)
    history = found["history"]
    console.print("\n[bold]On past prices[/]")
    console.print(
        f"  {history['trades']} trades on {found['instrument']} from {history['from']} to {history['to']}, "
        f"{history['won']} of them won; {history['total_return']:+.1%} after costs. "
        "This may include history that it was bred on.",
        highlight=False,
    )
    if found["trades"]:
        table = Table(
            "side", "entered", "at", "left", "at", "bars", "profit", "because", box=None, title_justify="left"
        )
        for trade in found["trades"]:
            prices = f"{trade['at']:,.6g}", f"{trade['at_exit']:,.6g}"
            table.add_row(
                trade["side"], trade["entered"], prices[0], trade["left"], prices[1], str(trade["bars"]),
                f"{trade['profit']:+.2%}", trade["because"],
            )  # fmt: skip
        console.print("\n[bold]Example trades[/] (the best, the worst, the latest)", table, sep="\n")
