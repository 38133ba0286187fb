"""What an island asks of its next generation, and what it learns from the last one."""

from common.events.cohorts import Pressure
from common.events.spec import RunSpec
from selector.migration import source_generation
from selector.state import IslandState


def pressure(state: IslandState, run: RunSpec) -> Pressure:
    """Rates of the run, as far as the island does not adapt them."""
    immigrants = run.evolution.immigrant_rate
    if source_generation(run, state.generation) is not None:
        immigrants = max(immigrants, run.evolution.migration.immigrants)
    return Pressure(
        crossover_rate=run.evolution.crossover_rate,
        mutation_rate=run.evolution.mutation_rate,
        immigrant_rate=immigrants,
        tournament=run.evolution.tournament,
        mix=run.evolution.operators,
    )
