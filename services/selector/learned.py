"""What an island learns while it searches, as arrays by subsystem: kept with its state, told in its fingerprint."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.events.cohorts import GENOME_COLUMNS, MEASURE_COLUMNS
from common.events.spec import OBJECTIVES
from common.genome.genes import REAL_GENES
from selector.covariance import emitter_dtype

EXPRESSED_REALS = sum(gene.expressed for gene in REAL_GENES)
Learned = dict[str, npt.NDArray[Any]]
"""One array of records (n,) a subsystem; never written to once it is in a state."""
OPERATOR = np.dtype([("quality", "<f8"), ("share", "<f8"), ("tried", "<f8"), ("failed", "<f8")])
"""Of one operator: what it is worth, its share among its kind, and its children of late."""
RATE = np.dtype([("mutation_rate", "<f8"), ("crossover_rate", "<f8"), ("step", "<f8"), ("population", "<f8")])
MOMENT = np.dtype(
    [("generation", "<u4"), ("record", "<f8", (len(OBJECTIVES),))]
    + [(name, "<f8") for name in ("achievement", "diversity", "renewed")]
)
"""A closed generation: the best so far of each objective and of the achievement, diversity, share of members new."""
TURN = np.dtype(
    [("diversity", "<f8"), ("renewal", "<f8"), ("last", "<i8")]
    + [(name, "<u4") for name in ("restarts", "extinctions", "said")]
)
"""The first diversity, what the last turn asks of the generation after it, when that was, the turns taken so far, and
the verdict of the last close as bits."""
SPECIES = np.dtype(
    [("number", "<u2"), ("genome", GENOME_COLUMNS["genome"]), ("best", "<f8")]
    + [(name, "<u4") for name in ("size", "age", "stagnant")]
)
"""A living species: its representative, the best of the run's first objective so far, and for how long it was so."""
BOUNDARY = np.dtype([("threshold", "<f8"), ("founded", "<u4"), ("extinct", "<u4")])
"""How far a member may be from its representative, and how many species there were and are no more."""
NOVEL = np.dtype([(name, (GENOME_COLUMNS | MEASURE_COLUMNS)[name]) for name in ("genome", "descriptor", "objectives")])
"""One that was novel: whatever novelty is measured by."""
EMITTER = np.dtype([("genome", GENOME_COLUMNS["genome"]), *emitter_dtype(EXPRESSED_REALS).descr])
"""An emitter over the expressed real genes, and the genome that its children have the other genes of."""
DISCOVERY = np.dtype(
    [("key", "<u4"), ("discoverer", "V16"), ("generation", "<u4"), ("carriers", "<u4")]
    + [(name, "u1") for name in ("first", "breakthrough")]
)
"""A condition under an operator, who brought it and when, its living carriers; ``first``: there from the beginning."""
DTYPES: dict[str, np.dtype[Any]] = {
    "discoveries": DISCOVERY,  # selector.innovation, by key
    "breakthroughs": np.dtype("<u8"),  # selector.innovation, one row: how many so far
    "species": SPECIES,  # selector.species, in the order of their founding
    "boundary": BOUNDARY,  # selector.species, one row
    "operators": OPERATOR,  # selector.adaptation, in the order of APPLIED
    "rates": RATE,  # selector.adaptation, one row
    "performance": MOMENT,  # selector.convergence, the last generations
    "scale": np.dtype("<f8"),  # selector.convergence: the least of each objective at first, then the extents
    "turns": TURN,  # selector.convergence and selector.extinction, one row
    "tabu": np.dtype("<u8"),  # selector.memory: ids in the younger filter, its words, those of the older
    "novel": NOVEL,  # selector.novel, the oldest first
    "novelty": np.dtype("<f8"),  # selector.novel, one row: the threshold
    "emitter": EMITTER,  # selector.emission, one row
    "hyperplane": np.dtype("<f8"),  # rows of selector.hyperplane, one after the other
}
"""The record of each subsystem, by name."""


def nothing() -> Learned:
    """What a new island knows."""
    return {name: np.empty(0, dtype) for name, dtype in DTYPES.items()}
