"""Meta-strategies: strategies combined into one, with weights fitted on training and told on validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from common.backtest.costs import Floats
from common.errors import ConfigurationError
from common.run.folder import RunFolder
from standalone.leaderboard_statistics import compare, holm
from standalone.leaderboard_tracks import Ground, figures, per_year
from standalone.league_players import Player
from standalone.meta_voting import voted
from standalone.meta_weights import METHODS, diversification_ratio, effective_members, fitted, mean_correlation

Row = dict[str, Any]
VOTING, SINGLE = "majority vote", "best member in training"
MEMBERS_MIN = 2
_KEY = 0x6D657461


def returns_of(ground: Ground, members: Sequence[Player], window: str) -> Floats:
    """Days by members."""
    return np.stack([ground.track(member.genome, window).daily for member in members], axis=1)


def combined(folder: RunFolder, members: Sequence[Player], draws: int) -> Row:
    """Every combination of the members, as JSON values. Raises ConfigurationError for fewer than two members.

    Weights are fitted on training alone; the vault and the paper stretch are not read. Capital is split anew each day
    at no cost. Validation flatters all of them alike where it chose the members.
    """
    if len(members) < MEMBERS_MIN:
        raise ConfigurationError(
            f"{folder.path}: {len(members)} member{'s' * (len(members) != 1)} make no combination; name elites with "
            "--elites N, or genomes with --genome FILE"
        )
    ground = Ground.of(folder.spec(), folder.bars(), [member.genome for member in members])
    training, validation = (returns_of(ground, members, window) for window in ("training", "validation"))
    annual = per_year(ground.axis("training")), per_year(ground.axis("validation"))
    chosen = int(np.argmax([figures(training[:, k], annual[0])["sharpe_annual"] for k in range(len(members))]))
    every: dict[str, Floats] = {SINGLE: np.eye(len(members))[chosen]}
    every |= {name: fitted(name, training) for name in METHODS}
    days = {name: (training @ weights, validation @ weights) for name, weights in every.items()}
    genomes = [member.genome for member in members]
    (trained, _), (tested, changes) = (voted(ground, genomes, window) for window in ("training", "validation"))
    days[VOTING] = (trained, tested)
    found: list[Row] = []
    for number, (name, (inside, outside)) in enumerate(days.items()):
        weights = every.get(name)
        versus = compare(outside, days[SINGLE][1], annual[1], _KEY, number, draws)
        found.append(
            {
                "method": name,
                "training": figures(inside, annual[0]),
                "validation": figures(outside, annual[1]),
                "diversification_ratio": None if weights is None else diversification_ratio(weights, validation),
                "over_best_member": versus._asdict(),
                "weights": None if weights is None else _named(members, weights),
            }
        )
    others = [row for row in found if row["method"] != SINGLE]
    adjusted = holm(np.array([row["over_best_member"]["p_value"] for row in others])).tolist()
    for row, value in zip(others, adjusted, strict=True):
        row["over_best_member"]["p_holm"] = value
    return {
        "members": [{"genome_id": member.genome_id, "name": member.name, "kind": member.kind} for member in members],
        "diversity": {
            name: {"mean_correlation": mean_correlation(returns), "effective_members": effective_members(returns)}
            for name, returns in (("training", training), ("validation", validation))
        },
        "vote_changes": changes,
        "methods": found,
    }


def _named(members: Sequence[Player], weights: Floats) -> dict[str, float]:
    return {member.genome_id: float(weight) for member, weight in zip(members, weights, strict=True)}


def render(found: Row, console: Console) -> None:
    """For people."""
    told = found["diversity"]["validation"]
    console.print(
        f"{len(found['members'])} members, as diverse as {told['effective_members']:.1f} without correlation "
        f"(mean correlation {told['mean_correlation']:.2f}, in validation)"
    )
    table = Table(
        "method", "Sharpe, training", "Sharpe, validation", "return", "worst drawdown", "diversification",
        "largest weight", "over the best member", "p corrected", box=None,
    )  # fmt: skip
    for row in found["methods"]:
        weights, tested, over = row["weights"], row["validation"], row["over_best_member"]
        table.add_row(
            row["method"], f"{row['training']['sharpe_annual']:.2f}", f"{tested['sharpe_annual']:.2f}",
            f"{tested['total_return']:+.1%}", f"{tested['drawdown_max']:.1%}",
            f"{row['diversification_ratio']:.2f}" if weights else "-",
            f"{max(weights.values()):.0%}" if weights else "-",
            f"{over['difference']:+.2f}" if "p_holm" in over else "-",
            f"{over['p_holm']:.3f}" if "p_holm" in over else "-",
        )  # fmt: skip
    console.print(table)
    console.print("Weights are fitted on training. Validation had a say in who is a champion: it flatters all alike.")
