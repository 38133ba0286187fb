"""Whether the search still moves: plateaus, lost diversity, stagnation, local optima; and restarts where it does not.

What is looked at is a short memory of closed generations: records of the best so far, how different the members are,
and how many of them are new.
"""

import numpy as np
import numpy.typing as npt

from common.events.spec import RunSpec
from selector.achievement import achievement
from selector.learned import MOMENT, TURN, Learned
from selector.places import run_objectives
from selector.state import IslandState, Members

PERFORMANCE, SCALE, TURNS = "performance", "scale", "turns"
TOLERANCE, COLLAPSE, STILL = 1e-3, 0.5, 0.02
"""Of an improvement, as a share of the first spread; of diversity, as a share of the first; of new members a
generation."""
ELITES, ELITES_MIN, RENEWAL = 0.1, 8, 0.5
"""Of a restart: the share of the population that stays, and the newly drawn share of the next generation."""
PLATEAU, DIVERSITY_LOST, STAGNATION, LOCAL_OPTIMUM = "plateau", "diversity lost", "stagnation", "local optimum"
_WORDS = (PLATEAU, DIVERSITY_LOST, STAGNATION, LOCAL_OPTIMUM)
"""In the order of their bits in ``TURN``; a new one goes to the end."""

Floats = npt.NDArray[np.float64]


def watches(run: RunSpec) -> bool:
    """Whether anything in a run looks at how the search moves."""
    asked = run.evolution.adaptation
    return asked.rates or asked.population or asked.restart or asked.extinction > 0


def observed(state: IslandState, run: RunSpec, diversity: float) -> Learned:
    """What is learned with the generation just closed, whose population has this ``diversity``."""
    if not watches(run):
        return state.learned
    feasible = state.population[state.population["violation"] <= 0]
    values = run_objectives(feasible, run)
    learned = state.learned
    if not len(learned[SCALE]) and len(feasible):
        learned = learned | {SCALE: _first_scale(values)}
    row = np.zeros(1, MOMENT)
    before = learned[PERFORMANCE][-1:]
    row["generation"], row["diversity"] = state.generation, diversity
    row["renewed"] = (state.population["born_generation"] == state.generation).mean() if len(state.population) else 0.0
    best = values.max(axis=0) if len(feasible) else np.full(values.shape[1], -np.inf)
    reached = achievement(_scaled(values, learned[SCALE])) if len(feasible) else 0.0
    row["record"][0, : values.shape[1]] = np.maximum(best, before["record"][0, : len(best)]) if len(before) else best
    row["achievement"] = max(reached, float(before["achievement"][0])) if len(before) else reached
    turns = learned[TURNS].copy() if len(learned[TURNS]) else np.array([(diversity, 0.0, -1, 0, 0, 0)], TURN)
    kept = np.concatenate([learned[PERFORMANCE], row])[-run.evolution.adaptation.stagnation - 1 :]
    learned = learned | {PERFORMANCE: kept, TURNS: turns}
    turns["said"] = sum(1 << _WORDS.index(word) for word in verdict(learned, run))
    return learned


def verdict(learned: Learned, run: RunSpec) -> list[str]:
    """What the last generations say; nothing before there are enough of them, and nothing while the search moves.

    plateau: for ``stagnation`` generations neither the best of an objective nor the achievement has improved; diversity
    lost: half of the first is gone; stagnation: hardly a member is new; local optimum: a plateau without diversity or
    new members.
    """
    moments, turns = learned[PERFORMANCE], learned[TURNS]
    if not len(moments):
        return []
    found = []
    patience = run.evolution.adaptation.stagnation
    if len(moments) > patience and _rests(moments[0], moments[-1], learned[SCALE], len(run.evolution.objectives)):
        found.append(PLATEAU)
    if moments["diversity"][-1] < COLLAPSE * turns["diversity"][0]:
        found.append(DIVERSITY_LOST)
    if len(moments) > patience and moments["renewed"][1:].mean() < STILL:
        found.append(STAGNATION)
    if PLATEAU in found and len(found) > 1:
        found.append(LOCAL_OPTIMUM)
    return found


def said(learned: Learned) -> list[str]:
    """The verdict of the last close, which a restart then does not take back."""
    bits = int(learned[TURNS]["said"].sum())
    return [word for bit, word in enumerate(_WORDS) if bits >> bit & 1]


def diversity_kept(learned: Learned) -> float:
    """The last diversity as a share of the first; 1 where nobody looks."""
    moments, turns = learned[PERFORMANCE], learned[TURNS]
    if not len(moments) or turns["diversity"][0] <= 0:
        return 1.0
    return float(moments["diversity"][-1] / turns["diversity"][0])


def restarted(state: IslandState, run: RunSpec) -> tuple[Members, Learned]:
    """The population around which an island at rest is sown anew, and what is learned; the same if it is not at rest.

    The best tenth stays and half of the next generation is newly drawn; the elites of the archive breed as before. The
    memory of the last generations begins anew, so that the next turn takes as long as this one.
    """
    if not run.evolution.adaptation.restart or PLATEAU not in verdict(state.learned, run):
        return state.population, state.learned
    turns = state.learned[TURNS].copy()
    turns["restarts"] += 1
    # An extinction of the same close may ask for more.
    wanted = max(RENEWAL, renewal(state.learned, state.generation))
    turns["last"], turns["renewal"] = state.generation, wanted
    elites = max(ELITES_MIN, round(ELITES * len(state.population)))
    learned = state.learned | {TURNS: turns, PERFORMANCE: state.learned[PERFORMANCE][-1:]}
    return state.population[:elites], learned


def renewal(learned: Learned, generation: int) -> float:
    """The newly drawn share of offspring that a turn at the close of ``generation`` asks for; 0 without one."""
    turns = learned[TURNS]
    return float(turns["renewal"][0]) if len(turns) and turns["last"][0] == generation else 0.0


def _first_scale(values: Floats) -> Floats:
    """The least of each objective, then the extents (2 m,)."""
    low = values.min(axis=0)
    extent = values.max(axis=0) - low
    return np.concatenate([low, np.where(extent > 0, extent, 1.0)])


def _scaled(values: Floats, scale: Floats) -> Floats:
    objectives = values.shape[1]
    return np.ascontiguousarray((values - scale[:objectives]) / scale[objectives:])


def _rests(first: np.void, last: np.void, scale: Floats, objectives: int) -> bool:
    """Whether no record has moved by more than the tolerance; also while nobody is feasible."""
    if not len(scale):
        return True
    with np.errstate(invalid="ignore"):  # nobody was feasible: -inf against -inf
        gain = (last["record"] - first["record"])[:objectives]
    moved = (np.nan_to_num(gain, nan=0.0) > TOLERANCE * scale[objectives:]).any()
    return not moved and bool(
        last["achievement"] - first["achievement"] <= TOLERANCE * max(first["achievement"], TOLERANCE)
    )
