"""Extinctions where diversity has collapsed: of those that resemble each other, or, at rest too, of whoever it hits.

D. M. Raup's two kinds, "selective" and "wanton" (field of bullets), as a cure for premature convergence. The best tenth
is spared, what died is drawn anew in the next generation, and the next extinction waits until the island had time to
recover.
"""

import numpy as np
import numpy.typing as npt

from common.events.spec import RunSpec
from common.random import new_stream
from selector.archive import sample
from selector.convergence import DIVERSITY_LOST, ELITES, ELITES_MIN, PLATEAU, TURNS, verdict
from selector.distance import genotypes, spread_out
from selector.key import key_of
from selector.learned import Learned
from selector.state import IslandState, Members

EXTINCTION_SLOT = (1 << 33) + 2
"""The random stream that draws who survives a mass extinction."""


def struck(state: IslandState, run: RunSpec) -> tuple[Members, Learned]:
    """The population (in its order) that an extinction leaves, and what is learned; the same if there is none."""
    share = run.evolution.adaptation.extinction
    learned, population = state.learned, state.population
    if share == 0 or not len(learned[TURNS]) or not len(population):
        return population, learned
    said = verdict(learned, run)
    last = int(learned[TURNS]["last"][0])
    recovering = last >= 0 and state.generation - last < run.evolution.adaptation.stagnation
    if DIVERSITY_LOST not in said or recovering:
        return population, learned
    turns = learned[TURNS].copy()
    turns["extinctions"] += 1
    turns["last"], turns["renewal"] = state.generation, share
    left = max(min(ELITES_MIN, len(population)), round((1.0 - share) * len(population)))
    rows = _drawn(state, run, left) if PLATEAU in said else _unlike(population, left)
    return population[rows], learned | {TURNS: turns}


def _unlike(population: Members, left: int) -> npt.NDArray[np.int64]:
    """Who survives a selective extinction: the best, and who is farthest from all that survive already."""
    return np.sort(spread_out(genotypes(population["genome"]), 0, left))


def _drawn(state: IslandState, run: RunSpec, left: int) -> npt.NDArray[np.int64]:
    """Who survives a mass extinction: the best tenth, and whoever is drawn."""
    spared = min(left, max(ELITES_MIN, round(ELITES * len(state.population))))
    stream = new_stream(key_of(run), state.island, state.generation, EXTINCTION_SLOT)
    others = sample(stream, len(state.population) - spared, left - spared)
    return np.concatenate([np.arange(spared), spared + others])
