"""Chances to breed: what a method of selection makes of the standing of the survivors."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.layout import Population
from generator.quantum import MASK_WIDTH
from generator.selection import LEXICASE, RANK, ROULETTE, TRUNCATION, Breeders, Floats, Rows
from generator.tables import unpack

_FAMILY = 5
_MULTIPLE, _DEVIATIONS = 2.0, 2.0


class Choice(NamedTuple):
    """How parents are drawn: a number of ``selection.METHODS`` and what the methods need (``Selection`` of a run)."""

    method: int = 0
    rank_pressure: float = 1.7
    truncation: float = 0.25
    sigma: bool = True
    epsilon: float = 1.0


class Standing(NamedTuple):
    """What is known of the n members of a breeding set, row by row.

    ``cases`` (n, k) are objectives to be maximised; ``species`` 0 is none.
    """

    rank: npt.NDArray[np.int32]
    crowding: Floats
    from_archive: npt.NDArray[np.uint8]
    violation: Floats
    cases: Floats
    species: npt.NDArray[np.uint16]


def standing_order(rank: npt.NDArray[np.int32], crowding: Floats, rows: Rows) -> Rows:
    """``rows`` by standing, best first; of equals the earlier one."""
    return rows[np.lexsort((rows, -crowding[rows], rank[rows]))]


def standing_fitness(rank: npt.NDArray[np.int32], crowding: Floats) -> Floats:
    """Standing as a number: a rank counts 1, a crowding distance c the share c / (1 + c) of the next better rank."""
    return 1.0 - 1.0 / (1.0 + crowding) - rank


def _alike(fitness: Floats) -> bool:
    """Is nobody better than anybody by more than what rounding makes of a mean?"""
    return bool(np.ptp(fitness) <= 1e-12 * max(1.0, np.abs(fitness).max()))


def linear_scaling(fitness: Floats, multiple: float) -> Floats:
    """``a f + b``: the mean is 1 and the best ``multiple``, or less where the worst would fall below 0.

    D. E. Goldberg, "Genetic Algorithms in Search, Optimization and Machine Learning", 1989, page 77.
    """
    if _alike(fitness):
        return np.ones(len(fitness))
    mean = fitness.mean()
    above, under = fitness.max() - mean, mean - fitness.min()
    return np.maximum(1.0 + (fitness - mean) * min((multiple - 1.0) / above, 1.0 / under), 0.0)


def sigma_scaling(fitness: Floats, deviations: float) -> Floats:
    """How far each lies above the mean less ``deviations`` standard deviations; 0 below (Goldberg 1989, page 124)."""
    if _alike(fitness):
        return np.ones(len(fitness))
    return np.maximum(fitness - fitness.mean() + deviations * fitness.std(), 0.0)


def linear_ranking(size: int, pressure: float) -> Floats:
    """Expected offspring (size,), best first: the best has ``pressure`` in [1, 2] times the mean, the worst the rest.

    J. E. Baker, "Adaptive selection methods for genetic algorithms", ICGA 1985.
    """
    if size == 1:
        return np.ones(1)
    return pressure - 2.0 * (pressure - 1.0) * np.arange(size) / (size - 1)


def truncation(size: int, share: float) -> Floats:
    """Expected offspring (size,), best first: the best ``share`` of all, at least one, have all of it, each alike."""
    return (np.arange(size) < max(1, round(share * size))).astype(np.float64)


def cumulative(weights: Floats) -> Floats:
    """Weights (n,), at least one above 0, summed up to 1."""
    return np.cumsum(weights) / weights.sum()


def median_deviation(cases: Floats) -> Floats:
    """Median absolute deviation of each column of ``cases`` (n, k): the epsilon of lexicase (La Cava 2016)."""
    return np.median(np.abs(cases - np.median(cases, axis=0)), axis=0)


def weights(method: int, choice: Choice, fitness: Floats) -> Floats:
    """Expected offspring up to a factor, for ``fitness`` (n,) in descending order; empty where nothing is weighted."""
    if method == ROULETTE:
        return sigma_scaling(fitness, _DEVIATIONS) if choice.sigma else linear_scaling(fitness, _MULTIPLE)
    if method == RANK:
        return linear_ranking(len(fitness), choice.rank_pressure)
    return truncation(len(fitness), choice.truncation) if method == TRUNCATION else np.empty(0)


def species_by_row(species: npt.NDArray[np.uint16], rows: Rows) -> tuple[Rows, Rows, Rows]:
    """``rows`` species by species; and for every row of the set where its own begins and how many they are, else 0."""
    kin = rows[np.argsort(species[rows], kind="stable")]
    sorted_species = species[kin]
    first = np.searchsorted(sorted_species, species, side="left")
    size = np.searchsorted(sorted_species, species, side="right") - first
    return kin, first, np.where(species > 0, size, 0)


def breeders_of(parents: Population, standing: Standing, choice: Choice) -> Breeders:
    """The breeding set (n,) as the kernels see it. Lexicase compares the feasible, if there are any."""
    survivors = np.flatnonzero(standing.from_archive == 0)
    order = standing_order(standing.rank, standing.crowding, survivors)
    fitness = standing_fitness(standing.rank, standing.crowding)[order]
    chances = weights(choice.method, choice, fitness) if len(order) else np.empty(0)
    contenders = survivors
    cases = np.ascontiguousarray(standing.cases, np.float64)
    epsilon = np.zeros(cases.shape[1])
    if choice.method == LEXICASE and len(survivors):
        feasible = survivors[standing.violation[survivors] <= 0]
        contenders = feasible if len(feasible) else survivors
        epsilon = choice.epsilon * median_deviation(cases[contenders])
    kin, first, size = species_by_row(standing.species, survivors)
    return Breeders(
        genes=unpack(parents),
        rank=np.array(standing.rank),
        crowding=np.array(standing.crowding),
        survivors=survivors,
        elites=np.flatnonzero(standing.from_archive),
        order=order,
        leaders=int((standing.rank[order] == 0).sum()),
        cumulative=cumulative(chances) if len(chances) else chances,
        contenders=contenders,
        cases=cases,
        epsilon=epsilon,
        kin=kin,
        kin_first=first,
        kin_size=size,
        pool=np.empty(len(survivors), np.int64),
        turn=np.empty(cases.shape[1], np.int64),
        family=np.empty(_FAMILY, np.int64),
        bits=(np.empty(MASK_WIDTH), np.empty(_FAMILY, np.uint32)),
    )
