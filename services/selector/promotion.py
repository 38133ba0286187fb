"""Who is worth one read of the vault, and what the read brought back.

Every read of the vault is one test, at the level ``vault_alpha`` over all reads that the run may make (Bonferroni): a
run of pure noise promotes anything with at most that probability. So reads are scarce, and ``choose`` spends none on
what a read already bought tells.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from common.backtest.metrics import RATIO_LIMIT
from common.backtest.portfolio import is_portfolio
from common.events.cohorts import EVIDENCE, OPERATOR_NAMES, WINDOWS
from common.events.spec import RunSpec
from common.genome.layout import GENOME
from selector.archive import cells
from selector.migration import MIGRANT
from selector.state import CANDIDATE, MEMBER_FIELDS, IslandState, Members, distinct, join
from selector.statistics import Moments, deflated_sharpe, pooled

EXPERT = OPERATOR_NAMES.index("expert")
TRAINING, VALIDATION, VAULT = (WINDOWS.index(window) for window in ("training", "validation", "vault"))
FIRST_READ_GENERATIONS = 64
FIGURE = {name: column for column, name in enumerate(EVIDENCE)}
"""Column of each figure of the evidence."""


def reads_of(run: RunSpec, island: int) -> int:
    """Sealed reads that ``island`` may spend in a run: an even share, what is left over to the first islands.

    All shares together are ``vault_reads_max``: where there are fewer reads than islands, the last islands have none.
    """
    share, left_over = divmod(run.promotion.vault_reads_max, run.islands)
    return share + (island < left_over)


def reads_due(run: RunSpec, island: int, generation: int) -> int:
    """Reads that ``island`` may have spent by the close of ``generation``.

    They are spread, for early generations have members that pass, and no read would be left for later ones:
    evenly over a run of known length; else the first after ``FIRST_READ_GENERATIONS``, each next after twice as long.
    """
    budget = reads_of(run, island)
    if run.generations:
        return budget * (generation + 1) // run.generations
    return min(budget, ((generation + 1) // FIRST_READ_GENERATIONS).bit_length())


def trials(state: IslandState, run: RunSpec) -> int:
    """Genomes evaluated so far by all islands, as this one can know it: its own count times the islands."""
    return state.evaluated * run.islands


def deflated(members: Members, count: int | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Deflated Sharpe Ratio (n,) of the returns of training and validation together, against ``count`` trials."""
    return deflated_sharpe(pooled(_moments(members, TRAINING), _moments(members, VALIDATION)), count)


def efficiency(members: Members) -> npt.NDArray[np.float64]:
    """What validation kept of training (n,): the Sharpe ratio of one over that of the other, 0 where either is not > 0.

    ``RATIO_LIMIT`` at most: more says only that training showed nearly nothing.
    Of whole windows. That of a single step of a walk forward is noise: few trades over few trades.
    """
    inside, outside = (_sharpe(members, window) for window in (TRAINING, VALIDATION))
    at_least = np.maximum(inside, outside / RATIO_LIMIT)
    return np.divide(outside, at_least, out=np.zeros(len(members)), where=(inside > 0) & (outside > 0))


def choose(state: IslandState, run: RunSpec) -> npt.NDArray[np.void] | None:
    """The member to register next, a ``CANDIDATE`` record of shape (1,), or None.

    Asked of the feasible members of population and archive: validation profit, trades and detrended z, what validation
    kept of training, Deflated Sharpe.
    The best by validation z wins, for evolution has fitted the training folds and never saw the validation; then the
    first by id. Passed over, because their read would cost as much and tell little:
    members of a cell from which a candidate was registered already; migrants, which their home may register; experts on
    any but the first islands (they are dealt to the instruments in turn, shifted by the island, so as many islands as
    there are instruments hold each of them once); portfolios, which the paper desk cannot hold yet.
    """
    if len(state.candidates) >= reads_due(run, state.island, state.generation):
        return None
    members = distinct(join(state.archive, state.population[state.population["violation"] <= 0]))
    evidence = members["evidence"][:, VALIDATION]
    ours = members["operator"] != MIGRANT
    ours &= (members["operator"] != EXPERT) | (state.island < len(run.data))
    ours &= ~is_portfolio(np.ascontiguousarray(members["genome"]).view(GENOME), len(run.data))
    score = deflated(members, trials(state, run))
    passing = (
        ours
        & (evidence[:, FIGURE["total_return"]] > 0)
        & (evidence[:, FIGURE["trades"]] >= run.promotion.validation_trades_min)
        & (evidence[:, FIGURE["detrended_z"]] >= run.promotion.validation_z_min)
        & (efficiency(members) >= run.promotion.walk_forward_efficiency_min)
        & (score >= run.promotion.deflated_sharpe_min)
        & ~np.isin(cells(members["descriptor"]), cells(state.candidates["descriptor"]))
    )
    if not passing.any():
        return None
    best = int(np.argmax(np.where(passing, evidence[:, FIGURE["detrended_z"]], -np.inf)))
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


def _sharpe(members: Members, window: int) -> npt.NDArray[np.float64]:
    """Per bar, 0 for a constant."""
    mean, deviation = (members["evidence"][:, window, FIGURE[name]] for name in ("mean", "deviation"))
    return np.divide(mean, deviation, out=np.zeros(len(members)), where=deviation > 0)


def _moments(members: Members, window: int) -> Moments:
    evidence = members["evidence"][:, window]
    return Moments(*(evidence[:, FIGURE[name]] for name in Moments._fields))
