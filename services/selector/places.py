"""Who gets the places of a population, and how those who have one stand: as the run's ``survival`` decides."""

import numpy as np

from common.events.spec import OBJECTIVES, RunSpec
from common.random import new_stream
from selector.constraints import judged
from selector.hyperplane import EXTREMES, no_memory
from selector.key import key_of
from selector.learned import Learned
from selector.reference_points import reference_points, standing_by_reference, survivors_by_reference
from selector.state import IslandState, Members
from selector.survival import Floats, Ranks, Rows, best_first, fittest, standing

SURVIVAL_SLOT = (1 << 32) + 1
"""The random stream that breaks ties between reference points."""
MANY = 3
"""Objectives from which on crowding distance tells little, so that reference points are the default."""


def run_objectives(members: Members, run: RunSpec) -> Floats:
    """The objectives that the run names, (n, m)."""
    chosen = [OBJECTIVES.index(name) for name in run.evolution.objectives]
    return np.ascontiguousarray(members["objectives"][:, chosen])


def places(state: IslandState, members: Members, run: RunSpec, size: int) -> tuple[Rows, Learned]:
    """Rows of the at most ``size`` ``members`` (n,) that stay, ascending, and what the island has learned then.

    The members compete for the generation after ``state.generation``; they come in the order of their ids.
    """
    objectives, violation = _seen(members, run)
    if method(run) != "reference_points":
        return fittest(objectives, violation, size), state.learned
    stream = new_stream(key_of(run), state.island, state.generation + 1, SURVIVAL_SLOT)
    memory = _memory(state.learned, objectives.shape[1])
    points = reference_points(run.evolution.population, objectives.shape[1])
    kept, memory = survivors_by_reference(objectives, violation, size, points, _weights(run), stream, memory)
    return kept, state.learned | {"hyperplane": memory.ravel()}


def standing_in(learned: Learned, members: Members, run: RunSpec) -> tuple[Ranks, Floats]:
    """Rank (n,) and crowding (n,) of the ``members`` of a population among themselves; greater crowding is better."""
    objectives, violation = _seen(members, run)
    if method(run) != "reference_points":
        return standing(objectives, violation, len(members))
    points = reference_points(run.evolution.population, objectives.shape[1])
    memory = _memory(learned, objectives.shape[1])
    return standing_by_reference(objectives, violation, len(members), points, _weights(run), memory)


def in_order(learned: Learned, members: Members, run: RunSpec) -> Members:
    """The ``members`` of a population, the best first: by rank, then crowding, then position."""
    return members[best_first(*standing_in(learned, members, run))]


def method(run: RunSpec) -> str:
    """How places are given: ``auto`` as what it stands for."""
    chosen = run.evolution.survival.method
    if chosen != "auto":
        return chosen
    return "reference_points" if len(run.evolution.objectives) >= MANY else "crowding"


def _seen(members: Members, run: RunSpec) -> tuple[Floats, Floats]:
    """Objectives (n, m) and violation (n,) that survival compares."""
    objectives, violation = judged(run_objectives(members, run), members, run.evolution.survival)
    return (_fitness(objectives, _weights(run)) if method(run) == "fitness" else objectives), violation


def _fitness(objectives: Floats, weights: Floats) -> Floats:
    """The weighted sum (n, 1) of ``objectives`` (n, m), each in standard deviations of these members."""
    deviation = objectives.std(axis=0, keepdims=True) if len(objectives) else np.ones((1, len(weights)))
    scale = np.divide(weights, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return (objectives * scale).sum(axis=1, keepdims=True)


def _weights(run: RunSpec) -> Floats:
    given = run.evolution.survival.weights
    return np.array([given.get(name, 1.0) for name in run.evolution.objectives])


def _memory(learned: Learned, objectives: int) -> Floats:
    """The memory (m + 3, m) of the hyperplane; that of nothing before the first close."""
    known = learned["hyperplane"]
    return known.reshape(EXTREMES + objectives, objectives) if len(known) else no_memory(objectives)
