"""What an island asks of its next generation, and what it learns from the last one."""

from dataclasses import replace
from typing import Any

import numpy as np

from common.bloom import to_text
from common.events.cohorts import Pressure
from common.events.spec import RunSpec
from selector.adaptation import RATES, credited, first_rates, mix, rated, resized, tournament_of
from selector.convergence import TURNS, diversity_kept, observed, renewal, restarted, said, verdict
from selector.diversity import diversities, genetic_diversity
from selector.emission import emitted
from selector.extinction import struck
from selector.innovation import discovered, paying
from selector.memory import forbidden, remembered
from selector.migration import source_generation
from selector.places import in_order, run_objectives
from selector.state import IslandState, join, known_ids


def learned(before: IslandState, state: IslandState, run: RunSpec) -> IslandState:
    """``state``, in which the cohort pending ``before`` has closed, with what the island learns from that.

    That cohort has been judged by the limits of the run, as the members of ``state`` have.
    Where the run asks for it and the search rests, the population may be thinned by an extinction or a restart.
    """
    cohort = before.pending
    if cohort is None:
        return state
    known = remembered(state.learned, cohort, run)
    asked = run.evolution.adaptation
    if asked.operators or asked.rates:
        # Who was there before and is bred once more has won no place.
        parents = join(before.population, before.archive)
        stayed = known_ids(cohort, join(state.population, state.archive)) & ~known_ids(cohort, parents)
        known = credited(known, cohort, stayed, run)
        known = rated(known, cohort, stayed, parents, run)
    state = replace(state, learned=known)
    state = replace(state, learned=emitted(before, state, run))
    known = discovered(state.learned, state.population, state.archive, state.generation, run)
    state = replace(state, learned=known)
    state = replace(state, learned=observed(state, run, genetic_diversity(state.population)))
    state = replace(state, learned=resized(state.learned, run, resting=bool(verdict(state.learned, run))))
    for turn in (struck, restarted):
        population, known = turn(state, run)
        if known is not state.learned:
            state = replace(state, population=in_order(known, population, run), learned=known)
    return state


def pressure(state: IslandState, run: RunSpec) -> Pressure:
    """Rates of the run, as far as the island does not adapt them."""
    asked, known = run.evolution.adaptation, state.learned
    immigrants = max(run.evolution.immigrant_rate, renewal(known, state.generation))
    if source_generation(run, state.generation) is not None:
        immigrants = max(immigrants, run.evolution.migration.immigrants)
    rates = known[RATES] if asked.rates and len(known[RATES]) else first_rates(run)
    words = forbidden(known, run)
    return Pressure(
        crossover_rate=float(rates["crossover_rate"][0]),
        mutation_rate=float(rates["mutation_rate"][0]),
        immigrant_rate=immigrants,
        tournament=tournament_of(run, diversity_kept(known)) if asked.rates else run.evolution.tournament,
        step=float(rates["step"][0]),
        mix=mix(known, run),
        tabu=to_text(words) if np.any(words) else "",
    )


def told(state: IslandState, run: RunSpec) -> dict[str, Any]:
    """Fields of the summary that tell of what the island learned."""
    turns = state.learned[TURNS]
    return {
        "diversities": diversities(state.population, run_objectives(state.population, run)),
        "verdict": said(state.learned),
        "restarts": int(turns["restarts"].sum()),
        "extinctions": int(turns["extinctions"].sum()),
        "innovations": len(paying(state.learned)),
        "breakthroughs": int(state.learned["breakthroughs"].sum()),
        "species": len(state.learned["species"]),
    }
