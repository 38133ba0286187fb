"""Places of the population for the novel, as many as the run's ``survival.novelty`` says, and what was novel before."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from common.events.spec import RunSpec
from selector.distance import distances, genotypes
from selector.elites import behaviour
from selector.learned import NOVEL, Learned
from selector.novelty import Rows, euclidean, most_novel, raised
from selector.places import run_objectives
from selector.state import Members

KEPT_MAX = 512
"""Of the novel; the oldest are forgotten first."""

Floats = npt.NDArray[np.float64]


def with_the_novel(
    places: Callable[[int], tuple[Rows, Learned]], members: Members, run: RunSpec, size: int
) -> tuple[Rows, Learned]:
    """``places(size)``, the last of which go to the most novel of the feasible ``members`` that have none.

    ``places``: rows of those that stay, ascending, and what the island has learned, for a number of them. Novel is who
    lies far from those that have a place, from what was novel before, and from those chosen before. Where every
    feasible member has a place there is nobody to choose from.
    """
    reserved = min(round(run.evolution.survival.novelty * size), size - 1)
    feasible = members["violation"] <= 0
    if reserved == 0 or feasible.sum() <= size:
        return places(size)
    kept, learned = places(size - reserved)
    feasible[kept] = False
    others = np.flatnonzero(feasible)
    chosen, learned = _chosen(members[others], members[kept], run, learned, reserved)
    return np.sort(np.concatenate([kept, others[chosen]])), learned


def _chosen(others: Members, kept: Members, run: RunSpec, learned: Learned, wanted: int) -> tuple[Rows, Learned]:
    known = learned["novel"]
    between = _measure(others, kept, known, run)
    apart = np.concatenate([between(others, kept), between(others, known)], axis=1)
    rows, novelty = most_novel(
        apart, lambda row: between(others, others[row : row + 1])[:, 0], wanted, run.evolution.survival.neighbours
    )
    threshold = learned["novelty"]
    entering, raised_to = raised(float(threshold[0]) if len(threshold) else np.nan, novelty)
    entrants = np.zeros(int(entering.sum()), NOVEL)
    for name in NOVEL.fields or ():
        entrants[name] = others[name][rows[entering]]
    memory = np.concatenate([known, entrants])[-KEPT_MAX:]
    return rows, learned | {"novel": memory, "novelty": np.array([raised_to])}


def _measure(
    others: Members, kept: Members, known: npt.NDArray[np.void], run: RunSpec
) -> Callable[[Members, Members], Floats]:
    """The distance (n, m) of all of one to all of the other by what the run compares."""
    match run.evolution.survival.novelty_of:
        case "behaviour":
            return lambda one, other: euclidean(behaviour(one), behaviour(other))
        case "structure":
            return lambda one, other: distances(genotypes(one["genome"]), genotypes(other["genome"]))
        case _:
            seen = np.concatenate([run_objectives(part, run) for part in (others, kept, known)])
            deviation = seen.std(axis=0)
            scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
            return lambda one, other: euclidean(run_objectives(one, run) * scale, run_objectives(other, run) * scale)
