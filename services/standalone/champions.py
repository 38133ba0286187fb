"""Champions for people at a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

from common.errors import ConfigurationError
from common.genome.codec import from_json
from common.run.folder import RunFolder
from common.run.stretches import cut_of
from standalone.curves import arena_for, rates_of
from standalone.importance_words import told
from standalone.report_words import verdict_row


def find(folder: RunFolder, genome_id: str) -> dict[str, Any]:
    """The champion whose id begins so. Raises ConfigurationError for none or several."""
    wanted = genome_id.lower()
    known = folder.champions()
    found = [champion for champion in known if wanted and champion["genome_id"].startswith(wanted)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(champion["genome_id"][:8] for champion in (found or known)) or "none"
    reason = (
        f"begins {len(found)} ids; give more of it" if found else "is no champion's id; see `galapagos champions list`"
    )
    raise ConfigurationError(f"{genome_id!r} {reason} ({folder.path} has: {names})")


def importance_of(folder: RunFolder, champion: dict[str, Any]) -> dict[str, Any]:
    """What each part of a champion is worth, as JSON values, on the bars of its run."""
    genome, bars, spec = from_json(champion["genome"]), folder.bars(), folder.spec()
    arena = arena_for(genome, bars)
    return told(genome, arena, cut_of(len(arena.bars), spec.windows), rates_of(spec.costs))


def summary_line(champion: dict[str, Any]) -> str:
    """One champion in one line."""
    vault = champion["vault"]
    return (
        f"{champion['genome_id'][:12]}  {champion['instrument']}  vault {vault['total_return']:+.1%} "
        f"in {vault['trades']} trades, Sharpe {vault['sharpe_annual']:.2f}, drawdown {vault['drawdown_max']:.1%}  "
        f"{champion['state']}  {champion['niche']}"
    )


def render(champion: dict[str, Any], console: Console) -> None:
    """Everything that was measured."""
    console.print(f"[bold]{champion['genome_id']}[/]  {champion['niche']}", highlight=False)
    console.print(f"{champion['summary']}\n", highlight=False)
    windows = Table(
        "window", "bars", "trades", "return", "Sharpe, yearly", "worst drawdown", title="Figures", title_justify="left"
    )
    for name in ("training", "validation", "vault"):
        found = champion[name]
        windows.add_row(
            name,
            f"{found['bars']:,}",
            f"{found['trades']}",
            f"{found['total_return']:+.1%}",
            f"{found['sharpe_annual']:.2f}",
            f"{found['drawdown_max']:.1%}",
        )
    gates = Table("gate", "figure", "asked", "answer", title="Gates", title_justify="left")
    for judged in champion["verdicts"]:
        gates.add_row(*verdict_row(judged))
    console.print(windows, gates)
    paper = champion["performance"]
    if paper:
        console.print(
            f"on paper: {paper['equity'] - 1:+.1%} in {paper['trades']} trades over {paper['bars']} bars, "
            f"worst drawdown {paper['drawdown_max']:.1%}",
            highlight=False,
        )
    console.print(
        f"state: {champion['state']} ({champion['reason']}); "
        f"`galapagos explain {champion['genome_id'][:8]}` says what it does and what carries it"
    )
