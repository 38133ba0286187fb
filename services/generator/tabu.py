"""Tabu: children that the island's filter knows are bred again, from further slots, until they are new."""

from collections.abc import Callable

import numpy as np

from common.bloom import Words, known
from common.genome.codec import genome_ids
from generator.breed import Children
from generator.selection import Rows

ATTEMPTS = 4
FURTHER = 1 << 20
"""How far behind a slot the next one lies that its child may be bred from: generations are smaller."""


def bred_again(born: Children, slots: Rows, tabu: Words, breed: Callable[[Rows], Children]) -> Children:
    """The children (n,) of ``slots`` (n,), those that ``tabu`` knows replaced by what ``breed`` makes of further slots.

    After four attempts a child stays what it is: the filter may know everything that these parents can have.
    """
    if not len(tabu):
        return born
    population, parents = born.population.copy(), born.parents.copy()
    operators, applied = born.operators.copy(), born.applied.copy()
    for attempt in range(1, ATTEMPTS + 1):
        rows = np.flatnonzero(known(tabu, genome_ids(population)))
        if not len(rows):
            break
        again = breed(slots[rows] + attempt * FURTHER)
        population[rows], parents[rows] = again.population, again.parents
        operators[rows], applied[rows] = again.operators, again.applied
    return Children(population, parents, operators, applied)
