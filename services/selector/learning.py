"""What an island asks of its next generation, and what it learns from the last one."""

from common.events.cohorts import Pressure
from common.events.spec import RunSpec
from selector.state import IslandState


def pressure(state: IslandState, run: RunSpec) -> Pressure:
    """Rates of the run, as far as the island does not adapt them."""
    return Pressure(
        crossover_rate=run.evolution.crossover_rate,
        mutation_rate=run.evolution.mutation_rate,
        immigrant_rate=run.evolution.immigrant_rate,
        tournament=run.evolution.tournament,
    )
