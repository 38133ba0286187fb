"""The gates of promotion: what an answered candidate showed, against which bound, and what the world learns of it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.phenotype import instrument_of
from common.events.cohorts import EVIDENCE, OPERATOR_NAMES
from common.events.public import ChampionPromoted, Evidence, Verdict
from common.events.spec import RunSpec
from common.genome.codec import to_json
from common.genome.layout import GENOME
from selector.archive import cells, niche
from selector.promotion import FIGURE, VALIDATION, VAULT, deflated, efficiency
from selector.state import IslandState
from selector.statistics import one_sided_p


def verdicts(candidate: np.void, run: RunSpec) -> list[Verdict]:
    """Every gate of an answered ``CANDIDATE`` in order, with its figure and bound; it is a champion if all hold."""
    rules = run.promotion
    validation, vault = candidate["evidence"][VALIDATION], candidate["evidence"][VAULT]
    level = rules.vault_alpha / rules.vault_reads_max
    p_value = float(one_sided_p(vault[FIGURE["detrended_z"]]))
    row = candidate.reshape(1)
    score, kept = float(deflated(row, int(candidate["trials"]))[0]), float(efficiency(row)[0])
    return [
        _above("validation_return", validation[FIGURE["total_return"]]),
        _at_least("validation_trades", validation[FIGURE["trades"]], rules.validation_trades_min),
        _at_least("validation_z", validation[FIGURE["detrended_z"]], rules.validation_z_min),
        _at_least("walk_forward_efficiency", kept, rules.walk_forward_efficiency_min),
        _at_least("deflated_sharpe", score, rules.deflated_sharpe_min),
        _at_least("vault_trades", vault[FIGURE["trades"]], rules.vault_trades_min),
        _above("vault_return", vault[FIGURE["total_return"]]),
        Verdict(gate="vault_p_value", value=p_value, bound=level, passed=p_value <= level),
    ]


def outcomes(state: IslandState, run: RunSpec) -> tuple[int, dict[str, int]]:
    """Champions so far, and answered candidates refused so far by the first gate that failed."""
    champions, refusals = 0, dict[str, int]()
    for candidate in state.candidates[state.candidates["answered"] == 1]:
        failed = [verdict.gate for verdict in verdicts(candidate, run) if not verdict.passed]
        if failed:
            refusals[failed[0]] = refusals.get(failed[0], 0) + 1
        else:
            champions += 1
    return champions, refusals


def champion(candidate: np.void, island: int, run: RunSpec) -> ChampionPromoted | None:
    """What the world learns of an answered candidate that passed every gate; None if it did not."""
    judged = verdicts(candidate, run)
    if not all(verdict.passed for verdict in judged):
        return None
    genome = candidate["genome"].reshape(1).view(GENOME)[0]
    instrument = int(instrument_of(genome, len(run.data)))
    annual = float(np.sqrt(run.data[instrument].bars_per_year))
    parents = [parent.tobytes().hex() for parent in candidate["parent_ids"] if any(parent.tobytes())]
    training, validation, vault = (_published(row, annual) for row in candidate["evidence"])
    return ChampionPromoted(
        genome_id=candidate["genome_id"].tobytes().hex(),
        genome=to_json(genome),
        niche=niche(int(cells(candidate["descriptor"][None])[0])),
        island=island,
        generation=int(candidate["registered_generation"]),
        born_generation=int(candidate["born_generation"]),
        born_us=int(candidate["born_us"]),
        parent_ids=parents,
        operator=OPERATOR_NAMES[int(candidate["operator"])],
        trials=int(candidate["trials"]),
        training=training,
        validation=validation,
        vault=vault,
        verdicts=judged,
    )


def _published(row: npt.NDArray[np.float64], annual: float) -> Evidence:
    figures: dict[str, Any] = dict(zip(EVIDENCE, map(float, row), strict=True))
    deviation = figures["deviation"]
    return Evidence(
        bars=int(figures["bars"]),
        trades=int(figures["trades"]),
        total_return=figures["total_return"],
        sharpe_annual=figures["mean"] / deviation * annual if deviation > 0 else 0.0,
        drawdown_max=figures["drawdown_max"],
        skewness=figures["skewness"],
        kurtosis=figures["kurtosis"],
    )


def _above(gate: str, value: float) -> Verdict:
    return Verdict(gate=gate, value=float(value), bound=0.0, passed=bool(value > 0))


def _at_least(gate: str, value: float, bound: float) -> Verdict:
    return Verdict(gate=gate, value=float(value), bound=bound, passed=bool(value >= bound))
