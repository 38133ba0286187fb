"""The live view: a table that renews itself on a terminal, one plain line every few seconds elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from standalone.overview import Overview

PLAIN_EVERY_S = 5.0
PREPARING = "preparing: the bars, and kernels (compiled once)"
_WORDS = {
    "sharpe": "Sharpe (yearly)",
    "drawdown": "worst drawdown",
    "recovery": "profit / drawdown",
    "consistency": "consistency",
    "cvar": "worst 5 % of trades",
    "turnover": "turnover (yearly)",
    "stress": "worst stress",
}


class View(Protocol):
    """What the host tells its figures to."""

    def show(self, now: Overview) -> None:
        """Take in new figures."""

    def say(self, text: str) -> None:
        """Something worth a line."""


def objective_text(name: str, value: float) -> str:
    """An objective as people read it; those that are negated inside are shown with their own sign.

    >>> objective_text("drawdown", -0.125)
    '12.5 %'
    """
    if name in ("drawdown", "cvar"):
        return f"{-value:.1%}".replace("%", " %")
    if name == "stress":
        return f"{value:+.1%}".replace("%", " %")
    return f"{-value:.1f}x" if name == "turnover" else f"{value:.2f}"


def duration(seconds: float) -> str:
    """Minutes and seconds.

    >>> duration(125)
    '2:05'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def plain_line(now: Overview) -> str:
    """Everything that matters in one line."""
    if now.phase == "preparing":
        return f"{duration(now.elapsed_s)} {PREPARING}"
    best = f"{now.best['sharpe']:.2f}" if "sharpe" in now.best else "-"
    of = f"/{now.generations}" if now.generations else ""
    return (
        f"{duration(now.elapsed_s)} {now.phase}: generation {now.generation}{of}, {now.evaluated:,} evaluated, "
        f"{now.strategies_per_hour:,.0f} an hour, best Sharpe {best}, front {now.front_size}, "
        f"archive {now.archive_size}/{now.archive_cells}, diversity {now.diversity:.2f}, "
        f"{now.registered} registered, {sum(now.refusals.values())} refused, {now.champions} champions, "
        f"{now.deployments} on paper"
    )


class PlainView:
    """One line every few seconds, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None, every_s: float = PLAIN_EVERY_S) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._every_s = every_s
        self._next = 0.0
        self._phase = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to undo."""

    def show(self, now: Overview) -> None:
        """Print when the phase is new or the time has come."""
        if now.phase != self._phase or time.monotonic() >= self._next:
            self._phase, self._next = now.phase, time.monotonic() + self._every_s
            print(plain_line(now), file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """A line of its own."""
        print(text, file=self._stream, flush=True)


class LiveView:
    """A panel redrawn in place."""

    def __init__(self, console: Console, limit_s: float | None) -> None:
        self._console = console
        self._limit_s = limit_s
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, now: Overview) -> None:
        """Redraw."""
        self._live.update(panel(now, self._limit_s), refresh=True)

    def say(self, text: str) -> None:
        """A line above the panel."""
        self._console.print(text, highlight=False)


def panel(now: Overview, limit_s: float | None) -> Panel:
    """The live picture of a run."""
    counts = Table.grid(padding=(0, 2))
    for name, value in _counts(now):
        counts.add_row(Text(name, style="dim"), Text(value, style="bold"))
    objectives = Table(box=None, padding=(0, 2), header_style="dim")
    objectives.add_column("objective")
    objectives.add_column("best", justify="right", style="bold green")
    objectives.add_column("median", justify="right")
    for objective, best in now.best.items():
        objectives.add_row(
            _WORDS.get(objective, objective),
            objective_text(objective, best),
            objective_text(objective, now.median.get(objective, 0.0)),
        )
    side_by_side = Table.grid(padding=(0, 4))
    side_by_side.add_row(counts, objectives)
    if now.generations:
        bar = ProgressBar(total=now.generations, completed=now.generation)
    else:
        bar = ProgressBar(total=limit_s or 1.0, completed=min(now.elapsed_s, limit_s) if limit_s else 0.0)
    phase = PREPARING if now.phase == "preparing" else now.phase
    title = f"[bold]Galapagos[/] · {phase} · {duration(now.elapsed_s)}"
    return Panel(Group(bar, Text(), side_by_side), title=title, subtitle="Ctrl-C stops cleanly", border_style="green")


def _counts(now: Overview) -> list[tuple[str, str]]:
    of = f" of {now.generations}" if now.generations else ""
    refused = ", ".join(f"{count} {gate.replace('_', ' ')}" for gate, count in now.refusals.items())
    counts = [
        ("generation", f"{now.generation}{of} on {now.islands} islands"),
        ("evaluated", f"{now.evaluated:,}"),
        ("an hour", f"{now.strategies_per_hour:,.0f}"),
        ("front", f"{now.front_size}"),
        ("archive", f"{now.archive_size} of {now.archive_cells} cells"),
        ("diversity", f"{now.diversity:.3f}"),
        ("candidates", f"{now.registered} registered, {sum(now.refusals.values())} refused"),
        ("champions", f"{now.champions} promoted, {now.deployments} on paper"),
    ]
    if refused:
        counts.insert(7, ("refused by", refused))
    if now.seeds or now.dead_letters:
        counts.append(("seeds", f"{now.seeds} answered, {now.dead_letters} dead letters"))
    return counts
