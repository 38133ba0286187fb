"""Cohorts of made-up runs, as the evaluator is asked for them."""

from collections.abc import Sequence

import numpy as np

from common.backtest.arena import Arena
from common.events.cohorts import GenomeProposed, ProposedHeader
from common.events.event import Event
from common.events.spec import DataSpec, RunSpec
from common.genome.codec import genome_ids


def run_on(arenas: Sequence[Arena]) -> RunSpec:
    """A run on these instruments, the rest as it is by default."""
    return RunSpec(
        data=tuple(
            DataSpec(name=a.bars.name, digest=a.bars.digest, bars=len(a.bars), bars_per_year=a.bars_per_year)
            for a in arenas
        )
    )


def proposed(
    run: RunSpec, population: np.ndarray, purpose: str = "evolution", name: str = "cause", **changes: object
) -> Event:
    """``changes`` are put into the header unchecked."""
    header = ProposedHeader(island=3, generation=9, cohort="c").model_copy(update={"purpose": purpose, **changes})
    parents = np.frombuffer(bytes(range(32)) * len(population), "V16").reshape(-1, 2)
    cohort = GenomeProposed.build(
        header,
        genome=population,
        genome_id=genome_ids(population),
        parent_ids=parents,
        operator=np.full(len(population), 4, np.uint8),
    )
    return Event(cohort, "key", run, name, time_us=123, trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
