"""What `galapagos explain` shows: the words and example trades of a champion or of a genome file, on given bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from common.backtest.phenotype import instrument_of
from common.backtest.replay import replay
from common.errors import ConfigurationError
from common.events.spec import Costs, Windows
from common.genome.codec import from_json, to_json
from common.market.bars import Bars
from common.run.folder import RunFolder
from common.run.stretches import cut_of
from standalone import importance_words
from standalone.champions import find
from standalone.chronicle import Chronicle
from standalone.curves import arena_for, date_text, example_trades, rates_of, trade_row
from standalone.explain import explain
from standalone.request import read_data
from standalone.seeds import identity, read_genome
from standalone.walking import HEADER, NOTE, cells, step_rows


@dataclass(frozen=True, slots=True)
class Subject:
    """A genome, and the bars, costs and windows to show it on; ``sealed``: up to the vault only.

    Looking at the vault is counted, so only a genome whose read the run has counted is shown there.
    """

    genome: np.void
    bars: list[Bars]
    costs: Costs
    windows: Windows
    sealed: bool


def subject(what: str, out: Path | None, data: Sequence[Path]) -> Subject:
    """Find it, with the bars and costs of its run, or of the files, or the built-in ones."""
    path = Path(what)
    if path.suffix == ".json" or path.is_file():
        genome = read_genome(path)
        if out is None:
            return Subject(genome, read_data(data), Costs(), Windows(), sealed=True)
        folder = RunFolder.open(out)
        is_answered = identity(genome) in {
            row["genome_id"] for row in Chronicle.open(folder.journal, folder.family).of("candidate")
        }
    else:
        if data:
            raise ConfigurationError("--data: goes with a FILE; a champion is shown on the bars of its run")
        folder = RunFolder.open(out)
        genome = from_json(find(folder, what)["genome"])
        is_answered = True
    spec = folder.spec()
    return Subject(genome, folder.bars(), spec.costs, spec.windows, sealed=not is_answered)


def explained(one: Subject, trades: int) -> dict[str, Any]:
    """Words, walk-forward, importance and example trades, as JSON values. Trades are taken after the warm-up, up to
    where it may be seen.

    Raises DataError for bars too few to say where their vault would begin.
    """
    genome, bars = one.genome, one.bars
    series = bars[int(instrument_of(genome, len(bars)))]
    told = explain(to_json(genome), [each.name for each in bars], series.bar_us, one.costs)
    cut, costs, arena = cut_of(len(series), one.windows), rates_of(one.costs), arena_for(genome, bars)
    stop = cut.seen_stop if one.sealed else len(series)
    start = one.windows.warmup_bars
    found = replay(genome, arena, start, stop, costs)
    wins = sum(trade.profit > 0 for trade in found.trades)
    return {
        "genome_id": identity(genome),
        "instrument": series.name,
        **told.to_json(),
        "history": {
            "from": date_text(int(series.ts_us[start]), series.bar_us),
            "to": date_text(int(series.ts_us[stop - 1]), series.bar_us),
            "sealed": one.sealed,
            "trades": len(found.trades),
            "won": wins,
            "total_return": float(found.equity[-1]) - 1.0,
        },
        "walk_forward": step_rows(genome, arena, cut, costs),
        "importance": importance_words.told(genome, arena, cut, costs),
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
        + (
            "It ends where validation ends: a look at the vault and at what follows is for candidates, and counted."
            if history["sealed"]
            else "This may include history that it was bred on."
        ),
        highlight=False,
    )
    walk = Table(*HEADER, box=None, title_justify="left")
    for row in found["walk_forward"]:
        walk.add_row(*cells(row))
    console.print("\n[bold]Walk-forward[/]", f"  {NOTE}", walk, sep="\n", highlight=False)
    parts = Table(*importance_words.HEADER, box=None, title_justify="left")
    for row in found["importance"]["parts"]:
        parts.add_row(*importance_words.cells(row))
    console.print("\n[bold]What carries it[/]", f"  {importance_words.NOTE}", parts, sep="\n", highlight=False)
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
