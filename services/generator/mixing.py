"""The mix of operators: how often a child is made by each, from the shares that an island asks for."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.operators import APPLIED, CROSSOVERS, MUTATIONS

BIT: dict[str, int] = {name: 1 << index for index, name in enumerate(APPLIED)}
"""The bit of each operator in the column ``applied``."""
CROSSOVER_BITS = sum(BIT[name] for name in CROSSOVERS)
MUTATION_BITS = sum(BIT[name] for name in MUTATIONS)
FIRST_MUTATION = len(CROSSOVERS)
"""Crossover k has bit k, mutation k this many more."""


class Mix(NamedTuple):
    """Shares of the operators of each kind, summed up to 1, in the order of their tables."""

    crossovers: npt.NDArray[np.float64]
    mutations: npt.NDArray[np.float64]


def _cumulative(usual: Mapping[str, float], shares: Mapping[str, float]) -> npt.NDArray[np.float64]:
    wanted = np.array([max(shares.get(name, share), 0.0) for name, share in usual.items()])
    if wanted.sum() <= 0.0:
        wanted = np.array(list(usual.values()))
    summed = np.cumsum(wanted) / wanted.sum()
    summed[np.flatnonzero(wanted)[-1] :] = 1.0  # not a rounding less: who has no share is never drawn
    return summed


def mix_of(shares: Mapping[str, float]) -> Mix:
    """The mix with these shares by name, each among its kind; the usual one for names left out, and for all zeros."""
    return Mix(_cumulative(CROSSOVERS, shares), _cumulative(MUTATIONS, shares))


USUAL = mix_of({})
