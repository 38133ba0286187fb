"""The kinds of coevolution by their names."""

from typing import Any

from standalone.coevolution import Sizes, predator_prey
from standalone.coevolution_herd import World
from standalone.coevolution_partners import cooperative, symbiotic
from standalone.coevolution_rivals import competitive


def evolved(mode: str, world: World, key: int, generations: int, strategies: int, scenarios: int) -> dict[str, Any]:
    """What a kind of coevolution came to, as JSON values. Raises KeyError for a kind that does not exist."""
    if mode == "predator-prey":
        return predator_prey(world, key, Sizes(strategies, scenarios, generations))
    others = {"competitive": competitive, "cooperative": cooperative, "symbiotic": symbiotic}
    return others[mode](world, key, strategies, generations)
