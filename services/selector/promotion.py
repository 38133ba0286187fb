"""Promotion: who is worth one read of the vault, and what the read must show.

Every read of the vault is one test, at the level ``vault_alpha`` over all reads that the run may make (Bonferroni): a
run of pure noise promotes anything with at most that probability. So reads are scarce, and ``choose`` spends none on
what a read already bought tells.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from common.events.cohorts import EVIDENCE, OPERATOR_NAMES, WINDOWS
from common.events.public import ChampionPromoted, Evidence, Verdict
from common.events.spec import RunSpec
from common.genome.codec import to_json
from common.genome.genes import ALLELE_SLOT
from common.genome.layout import GENOME
from selector.archive import cells, niche
from selector.migration import MIGRANT
from selector.state import CANDIDATE, MEMBER_FIELDS, IslandState, Members, distinct, join
from selector.statistics import Moments, deflated_sharpe, one_sided_p, pooled

EXPERT = OPERATOR_NAMES.index("expert")
TRAINING, VALIDATION, VAULT = (WINDOWS.index(window) for window in ("training", "validation", "vault"))
_FIGURE = {name: column for column, name in enumerate(EVIDENCE)}


def reads_per_island(run: RunSpec) -> int:
    """Sealed reads that one island may spend in a run: an even share, at least one."""
    return max(1, run.promotion.vault_reads_max // run.islands)


def trials(state: IslandState, run: RunSpec) -> int:
    """Genomes evaluated so far by all islands, as this one can know it: its own count times the islands."""
    return state.evaluated * run.islands


def deflated(members: Members, count: int | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Deflated Sharpe Ratio (n,) of the returns of training and validation together, against ``count`` trials."""
    return deflated_sharpe(pooled(_moments(members, TRAINING), _moments(members, VALIDATION)), count)


def choose(state: IslandState, run: RunSpec) -> npt.NDArray[np.void] | None:
    """The member to register next, a ``CANDIDATE`` record of shape (1,), or None.

    Asked of the feasible members of population and archive: validation profit and trades, Deflated Sharpe. The best by
    Deflated Sharpe wins, then the first by id. Passed over, because their read would cost as much and tell little:
    members of a cell from which a candidate was registered already; migrants, which their home may register; experts on
    any but the first islands (they are dealt to the instruments in turn, shifted by the island, so as many islands as
    there are instruments hold each of them once).
    """
    if len(state.candidates) >= reads_per_island(run):
        return None
    members = distinct(join(state.archive, state.population[state.population["violation"] <= 0]))
    evidence = members["evidence"][:, VALIDATION]
    ours = members["operator"] != MIGRANT
    ours &= (members["operator"] != EXPERT) | (state.island < len(run.data))
    score = deflated(members, trials(state, run))
    passing = (
        ours
        & (evidence[:, _FIGURE["total_return"]] > 0)
        & (evidence[:, _FIGURE["trades"]] >= run.promotion.validation_trades_min)
        & (score >= run.promotion.deflated_sharpe_min)
        & ~np.isin(cells(members["descriptor"]), cells(state.candidates["descriptor"]))
    )
    if not passing.any():
        return None
    best = int(np.argmax(np.where(passing, score, -np.inf)))
    candidate = np.zeros(1, CANDIDATE)
    for name in MEMBER_FIELDS:
        candidate[name] = members[name][best]
    candidate["registered_generation"] = state.generation
    candidate["trials"] = trials(state, run)
    return candidate


def answered(state: IslandState, cohort: str, evaluated: Members) -> tuple[IslandState, np.void | None]:
    """The state with the vault's evidence for the candidate named ``cohort``, and the candidate; None if none waits.

    A read that failed or was refused shows no trades, and so fails the first gate of the vault.
    """
    waiting = [
        row
        for row, candidate in enumerate(state.candidates)
        if candidate["genome_id"].tobytes().hex() == cohort and not candidate["answered"]
    ]
    if not waiting or len(evaluated) != 1:
        return state, None
    candidates = state.candidates.copy()
    row = waiting[0]
    candidates["evidence"][row, VAULT] = evaluated["evidence"][0, VAULT]
    candidates["answered"][row] = 1
    return replace(state, candidates=candidates), candidates[row]


def verdicts(candidate: np.void, run: RunSpec) -> list[Verdict]:
    """Every gate of an answered ``CANDIDATE`` in order, with its figure and bound; it is a champion if all hold."""
    rules = run.promotion
    validation, vault = candidate["evidence"][VALIDATION], candidate["evidence"][VAULT]
    level = rules.vault_alpha / (reads_per_island(run) * run.islands)
    p_value = float(one_sided_p(vault[_FIGURE["detrended_z"]]))
    score = float(deflated(candidate.reshape(1), int(candidate["trials"]))[0])
    return [
        _above("validation_return", validation[_FIGURE["total_return"]]),
        _at_least("validation_trades", validation[_FIGURE["trades"]], rules.validation_trades_min),
        _at_least("deflated_sharpe", score, rules.deflated_sharpe_min),
        _at_least("vault_trades", vault[_FIGURE["trades"]], rules.vault_trades_min),
        _above("vault_return", vault[_FIGURE["total_return"]]),
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
    instrument = int(genome["alleles"][ALLELE_SLOT["portfolio.instrument"]]) % len(run.data)
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


def _moments(members: Members, window: int) -> Moments:
    evidence = members["evidence"][:, window]
    return Moments(*(evidence[:, _FIGURE[name]] for name in Moments._fields))


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
