"""The close of a generation: merge, survive, keep elites, register a candidate, send migrants."""

from dataclasses import replace

import numpy as np

from common.events.cohorts import STATUS
from common.events.spec import RunSpec
from selector import learning
from selector.adaptation import size_of
from selector.constraints import limited
from selector.elites import with_elites
from selector.learned import Learned
from selector.migration import admitted, send
from selector.novel import with_the_novel
from selector.places import in_order, places
from selector.promotion import choose
from selector.species import has_species, places_by_species
from selector.state import IslandState, Members, distinct, join
from selector.survival import Rows

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
    # As the island judges it from here on: survival, and whoever learns from this cohort.
    cohort = limited(state.pending, run)
    before = replace(state, pending=cohort)
    merged = join(state.population, cohort, migrants)
    merged = distinct(merged[merged["status"] == _MEASURED])
    kept, learned = _places(state, merged, run)
    state = replace(
        state,
        generation=closing,
        evaluated=state.evaluated + len(state.pending),
        refused=state.refused + int(counts[STATUS.index("refused")]),
        failed=state.failed + int(counts[STATUS.index("failed")]),
        population=in_order(learned, merged[kept], run),
        learned=learned,
        archive=with_elites(state.archive, merged, run),
        pending=None,
        arrived=tuple(batch for batch in state.arrived if batch[0] + run.evolution.migration_interval > closing),
    )
    candidate = choose(state, run)
    if candidate is not None:
        state = replace(state, candidates=np.concatenate([state.candidates, candidate]))
    return send(learning.learned(before, state, run), run)


def _places(state: IslandState, members: Members, run: RunSpec) -> tuple[Rows, Learned]:
    """Rows of the members that stay, ascending, and what the island has learned by choosing them."""

    def by_standing(size: int) -> tuple[Rows, Learned]:
        kept, learned = places(state, members, run, size)
        return places_by_species(learned, members, run, size) if has_species(run) else (kept, learned)

    return with_the_novel(by_standing, members, run, size_of(state.learned, run))
