"""The close of a generation: merge, survive, keep elites, register a candidate, send migrants."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from common.events.cohorts import STATUS
from common.events.spec import OBJECTIVES, RunSpec
from selector.archive import best_per_cell, cells
from selector.migration import admitted, send
from selector.promotion import choose
from selector.state import IslandState, Members, distinct, join
from selector.survival import survivors

_MEASURED = STATUS.index("measured")


def close(state: IslandState, run: RunSpec) -> IslandState:
    """The state after the next generation has closed; the same one while its cohort or its migrants are missing.

    The population, the cohort with the seeds that came before it, and the migrants compete. A genome met twice counts
    once, as the record that was here first.
    """
    closing = state.generation + 1
    migrants = admitted(state, run, closing)
    if state.pending is None or migrants is None:
        return state
    counts = np.bincount(state.pending["status"], minlength=len(STATUS))
    merged = join(state.population, state.pending, migrants)
    merged = distinct(merged[merged["status"] == _MEASURED])
    kept = survivors(run_objectives(merged, run), merged["violation"], run.evolution.population)
    state = replace(
        state,
        generation=closing,
        evaluated=state.evaluated + len(state.pending),
        refused=state.refused + int(counts[STATUS.index("refused")]),
        failed=state.failed + int(counts[STATUS.index("failed")]),
        population=merged[kept],
        archive=_archive_with(state.archive, merged),
        pending=None,
        arrived=tuple(batch for batch in state.arrived if batch[0] + run.evolution.migration_interval > closing),
    )
    candidate = choose(state, run)
    if candidate is not None:
        state = replace(state, candidates=np.concatenate([state.candidates, candidate]))
    return send(state, run)


def run_objectives(members: Members, run: RunSpec) -> npt.NDArray[np.float64]:
    """The objectives that the run names, (n, m)."""
    chosen = [OBJECTIVES.index(name) for name in run.evolution.objectives]
    return np.ascontiguousarray(members["objectives"][:, chosen])


def _archive_with(archive: Members, members: Members) -> Members:
    contenders = distinct(join(archive, members[members["violation"] <= 0]))
    score = np.ascontiguousarray(contenders["objectives"][:, 0])
    return contenders[best_per_cell(cells(contenders["descriptor"]), score)]
