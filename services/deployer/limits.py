"""The limits: what a strategy must keep to before it may hold a position, and who gives way when places run out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from common.backtest.phenotype import ATR, PERCENT, Phenotype
from common.events.public import ChampionPromoted
from common.genome.genes import LEVERAGE_MAX


@dataclass(frozen=True, slots=True)
class Limits:
    """``leverage_max``: value of a position at entry as a multiple of equity; ``deployments_max``: on paper at once."""

    leverage_max: float = LEVERAGE_MAX
    deployments_max: int = 16


def breach(phenotype: Phenotype, instrument: str, known: Collection[str], limits: Limits) -> str:
    """The first limit that a strategy breaks, with value and limit; empty when it keeps to all.

    Judged is the phenotype, as the engine will execute it, not what the genes claim.
    """
    leverage_max = min(limits.leverage_max, LEVERAGE_MAX)
    # In the precision of the gene: 0.3 is not above a limit of 0.3.
    if not np.float32(phenotype.leverage_max) <= np.float32(leverage_max):
        return f"leverage: {phenotype.leverage_max:g} times equity is above the limit {leverage_max:g}"
    if phenotype.stop_kind not in (PERCENT, ATR) or not phenotype.stop_distance > 0:
        return f"stop: a distance of {phenotype.stop_distance:g} (kind {phenotype.stop_kind}) is none; one is mandatory"
    if instrument not in known:
        return f"instrument: {instrument!r} is not one of {', '.join(known)}"
    return ""


def crowded_out(
    newcomer: ChampionPromoted, live: Sequence[ChampionPromoted], limits: Limits
) -> tuple[ChampionPromoted | None, str]:
    """Who must give way for the account to keep to its limits, the newcomer or one that is live, and why.

    ``(None, "")`` when there is room. A place belongs to the better validation Sharpe ratio, then to the smaller id
    (the vault is not asked again), never to whoever came first: so the live ones are the best of each niche, and of
    those the best ``deployments_max``, whatever the timing of the islands. Whoever gave way would have to again, so
    nobody is recalled.
    """
    rivals = [champion for champion in live if champion.niche == newcomer.niche]
    if rivals:
        return max(*rivals, newcomer, key=_merit), f"niche: 2 deployments in {newcomer.niche!r} are above the limit 1"
    if len(live) >= limits.deployments_max:
        why = f"deployments: {len(live) + 1} at once are above the limit {limits.deployments_max}"
        return max([*live, newcomer], key=_merit), why
    return None, ""


def _merit(champion: ChampionPromoted) -> tuple[float, str]:
    """The smaller, the better; a function of the genome alone, also when two islands promote the same one."""
    return -champion.validation.sharpe_annual, champion.genome_id
