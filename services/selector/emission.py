"""The island's CMA-ME emitter: told what became of its children, and asked where the next ones shall lie."""

import numpy as np
import numpy.typing as npt

from common.events.cohorts import STATUS, Emission
from common.events.spec import RunSpec
from common.genome.operators import BITS
from common.random import below, new_stream
from selector.archive import EMPTY, judge
from selector.covariance import STEP, emitter, improve, new_emitters, restart
from selector.distance import genotypes
from selector.elites import cell_count, cells_of, score_of
from selector.key import key_of
from selector.learned import EMITTER, Learned
from selector.state import IslandState, Members

EMITTER_SLOT = (1 << 32) + 2
"""The random stream that draws the elite around which an emitter begins anew."""
STEP_FIRST = 0.1
"""Deviation of the first children, as a share of each gene's range."""
_BIT = 1 << BITS["covariance"]
_MEASURED = STATUS.index("measured")


def emitted(before: IslandState, state: IslandState, run: RunSpec) -> Learned:
    """What the island knows when its emitter has been told of its children in the cohort that was pending ``before``.

    They are judged against the archive as it was then: an infeasible child finds no cell. An emitter that is at an end
    begins anew around a random elite, whose other genes its children have.
    """
    if run.evolution.archive.covariance == 0.0 or before.pending is None or not len(state.archive):
        return state.learned
    records = state.learned["emitter"].copy()
    children = before.pending[before.pending["applied"] & _BIT > 0]
    if len(records) and len(children):
        over = improve(emitter(records), _shares(children), *_judged(children, before.archive, run))
    else:
        over = not len(records)
    if over:
        records = _begun(records, state, run)
    return state.learned | {"emitter": records}


def asked(learned: Learned) -> Emission | None:
    """Where the next children shall lie; None while there is no emitter."""
    records = learned["emitter"]
    if not len(records):
        return None
    state = emitter(records)
    axes = state.figures[STEP] * state.axes
    return Emission(genome=records["genome"][0].tobytes().hex(), mean=state.mean.tolist(), axes=axes.tolist())


def _shares(members: Members) -> npt.NDArray[np.float64]:
    """The expressed real genes (n, g), as shares of their ranges."""
    return genotypes(members["genome"]).reals


def _judged(children: Members, archive: Members, run: RunSpec) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    incumbent = np.full(cell_count(run), EMPTY)
    incumbent[cells_of(archive, run)] = score_of(archive, run)
    counts = (children["status"] == _MEASURED) & (children["violation"] <= 0)
    cell = np.where(counts, cells_of(children, run), -1)
    return judge(incumbent, cell, score_of(children, run))


def _begun(records: npt.NDArray[np.void], state: IslandState, run: RunSpec) -> npt.NDArray[np.void]:
    stream = new_stream(key_of(run), state.island, state.generation, EMITTER_SLOT)
    row = below(stream, len(state.archive))
    elite = state.archive[row : row + 1]
    mean = _shares(elite)[0]
    if not len(records):
        records = np.zeros(1, EMITTER)
        begun = new_emitters(1, mean, STEP_FIRST)
        for name in begun.dtype.fields or ():
            records[name] = begun[name]
    else:
        restart(emitter(records), mean, STEP_FIRST)
    records["genome"] = elite["genome"]
    return records
