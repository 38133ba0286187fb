"""A foundry somewhere else, by the URL of its bus: publish a seed there, follow its champions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.client import Seen, connect
from common.errors import ConfigurationError
from common.events.public import ChampionPromoted
from standalone.seeds import read_genome


def refuse_both(bus: str, out: Path | None) -> None:
    """Raise ConfigurationError when a bus and a folder are named: a run is in one of them."""
    if bus and out is not None:
        raise ConfigurationError(f"--bus {bus} and --out {out}: give one of them, a run is on a bus or in a folder")


def publish(bus: str, file: Path, publisher: str, note: str, run: str) -> dict[str, str]:
    """The ids of the published seed, and where. Raises GenomeError, ContractError, ConfigurationError."""
    genome = read_genome(file)  # before the bus is asked for
    with connect(bus) as client:
        sent = client.publish_seed(genome, publisher, note, run=run)
    return {"genome_id": sent.genome_id, "event_id": sent.event_id, "bus": bus}


def champions(bus: str, group: str, idle_s: float | None) -> Iterator[dict[str, Any]]:
    """Champions as they come, as JSON values, the oldest first."""
    with connect(bus) as client:
        for seen in client.champions(group, idle_s=idle_s):
            yield row_of(seen)


def row_of(seen: Seen[ChampionPromoted]) -> dict[str, Any]:
    """The champion with what its headers say."""
    headers = {
        "event_id": seen.event_id,
        "trace_id": seen.trace_id,
        "promoted_us": seen.time_us,
        "run_id": seen.run.run_id,
    }
    return seen.payload.model_dump(mode="json") | headers


def line_of(row: dict[str, Any]) -> str:
    """One champion in one line."""
    vault = row["vault"]
    return (
        f"{row['genome_id'][:12]}  vault {vault['total_return']:+.1%} in {vault['trades']} trades, "
        f"Sharpe {vault['sharpe_annual']:.2f}, drawdown {vault['drawdown_max']:.1%}  {row['niche']}"
    )
