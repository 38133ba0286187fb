"""What was tried of late, in two filters that take turns: the younger fills, then the older is forgotten.

No genome that is remembered is missed (a Bloom filter knows no false negative); a few that are new are taken for known
and bred again, which costs a draw.
"""

import numpy as np
import numpy.typing as npt

from common.bloom import Words, no_words, put
from common.events.spec import RunSpec
from selector.learned import Learned
from selector.state import Members

TABU = "tabu"
COHORTS = 16
"""So many cohorts of the run's offspring are remembered for certain, and up to twice as many; seeds that came with one
count as well."""


def capacity(run: RunSpec) -> int:
    """Ids that one of the two filters takes before the other begins."""
    return (COHORTS + 1) * run.evolution.offspring


def _blank(run: RunSpec) -> Words:
    """One of the two, empty: wide enough for the ids of both, for whoever reads them reads both at once.

    Of the greatest cohorts, 8,192 children, it takes 512 KiB in every message to the generator; of 2,048 it takes 128.
    """
    return no_words(2 * capacity(run))


def remembered(learned: Learned, cohort: Members, run: RunSpec) -> Learned:
    """What is learned with the ids of an evaluated ``cohort``, whatever became of them."""
    if not run.evolution.adaptation.tabu:
        return learned
    blank = _blank(run)
    count, young, old = _taken_apart(learned[TABU], len(blank))
    if count + len(cohort) > capacity(run):
        count, young, old = 0, blank, young
    young = young.copy()
    put(young, cohort["genome_id"])
    return learned | {TABU: np.concatenate([np.array([count + len(cohort)], np.uint64), young, old])}


def forbidden(learned: Learned, run: RunSpec) -> Words:
    """One filter of all that is remembered; no words where nothing is."""
    if not run.evolution.adaptation.tabu or not len(learned[TABU]):
        return np.empty(0, np.uint64)
    _, young, old = _taken_apart(learned[TABU], len(_blank(run)))
    return young | old


def _taken_apart(memory: npt.NDArray[np.uint64], words: int) -> tuple[int, Words, Words]:
    if not len(memory):
        return 0, np.zeros(words, np.uint64), np.zeros(words, np.uint64)
    return int(memory[0]), memory[1 : 1 + words], memory[1 + words :]
