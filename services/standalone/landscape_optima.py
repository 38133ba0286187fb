"""Local optima and how one gets from one to another: a network sampled by hill climbs and kicks.

G. Ochoa, M. Tomassini, S. Vérel and C. Darabos, "A study of NK landscapes' basins and local optima networks", GECCO
2008; edges are escapes, as in S. Vérel, F. Daolio, G. Ochoa and M. Tomassini, "Local optima networks with escape
edges", Artificial Evolution 2011. The space is too large to be listed, so a climb tries a sample of neighbours, and an
optimum is a place where none of several samples was better.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from standalone.landscape_space import Points, Seen, Space

KICK_STEPS = 3
_CLIMB_NUMBERS = 1 << 20
"""Draws of climbs have numbers from here on, and those of walks below."""


class Climbs(NamedTuple):
    """Where climbs ended: ``points`` (n,), what was ``seen`` there, ``steps`` upward each took, points ``measured``."""

    points: Points
    seen: Seen
    steps: npt.NDArray[np.int64]
    measured: int


@dataclass(frozen=True, slots=True)
class Network:
    """Optima, best first: ``fitness`` (m,), how many climbs and kicks ended there, ``reached`` (m,).

    ``edges`` (e, 3): from, to, and how often a kick led so; to itself too. ``points`` (m,) is one genome of each.
    """

    points: Points
    fitness: Floats
    reached: npt.NDArray[np.int64]
    edges: npt.NDArray[np.int64]
    steps: float
    """Mean steps upward of a climb."""
    measured: int

    @property
    def sinks(self) -> npt.NDArray[np.int64]:
        """Optima from which no kick led to a better one: the bottoms of funnels."""
        better = self.edges[self.fitness[self.edges[:, 1]] > self.fitness[self.edges[:, 0]], 0]
        return np.setdiff1d(np.unique(self.edges[:, 0]), better)

    @property
    def returning(self) -> float:
        """Of all kicks the share after which the climb came back to the same optimum."""
        if not len(self.edges):
            return 0.0
        loops = self.edges[self.edges[:, 0] == self.edges[:, 1], 2].sum()
        return float(loops / self.edges[:, 2].sum())

    @property
    def improving(self) -> float:
        """Of all kicks the share that ended at a better optimum."""
        if not len(self.edges):
            return 0.0
        upward = self.fitness[self.edges[:, 1]] > self.fitness[self.edges[:, 0]]
        return float(self.edges[upward, 2].sum() / self.edges[:, 2].sum())


def climb(space: Space, starts: Points, kind: int, tries: int, patience: int, first_number: int) -> Climbs:
    """From each start to the best of ``tries`` neighbours, again and again, until ``patience`` tries bring nothing."""
    points = starts.copy()
    seen = space.look(points)
    fitness, mark = seen.fitness.copy(), seen.mark.copy()
    steps, idle = np.zeros(len(points), np.int64), np.zeros(len(points), np.int64)
    measured, number = len(points), first_number
    while len(active := np.flatnonzero(idle < patience)):
        around = space.step(np.repeat(points[active], tries, axis=0), kind, number)
        found = space.look(around)
        best = found.fitness.reshape(len(active), tries).argmax(axis=1) + np.arange(len(active)) * tries
        is_better = found.fitness[best] > fitness[active]
        up, here = active[is_better], best[is_better]
        points[up], fitness[up], mark[up] = around[here], found.fitness[here], found.mark[here]
        steps[up] += 1
        idle[active] += 1
        idle[up] = 0
        measured += len(around)
        number += 1
    return Climbs(points, Seen(fitness, mark), steps, measured)


def network(space: Space, starts: Points, kind: int, *, tries: int, patience: int, kicks: int) -> Network:
    """Climb from the ``starts`` (n,), then ``kicks`` times kick each optimum away by three steps and climb again.

    A climb goes on from where its kick led, unless that is worse (iterated local search).
    """
    number = _CLIMB_NUMBERS
    here = climb(space, starts, kind, tries, patience, number)
    found, links, measured = [here], [], here.measured
    points, seen = here.points, here.seen
    for _ in range(kicks):
        number += _CLIMB_NUMBERS
        kicked = points
        for step in range(KICK_STEPS):
            kicked = space.step(kicked, kind, number + step)
        there = climb(space, kicked, kind, tries, patience, number + KICK_STEPS)
        links.append((seen.mark, there.seen.mark))
        found.append(there)
        measured += there.measured
        moves = there.seen.fitness >= seen.fitness
        points = points.copy()
        points[moves] = there.points[moves]
        seen = Seen(np.where(moves, there.seen.fitness, seen.fitness), np.where(moves, there.seen.mark, seen.mark))
    return _assemble(found, links, measured)


def _assemble(found: list[Climbs], links: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]], measured: int) -> Network:
    points = np.concatenate([each.points for each in found])
    fitness = np.concatenate([each.seen.fitness for each in found])
    marks, first, place = np.unique(
        np.concatenate([each.seen.mark for each in found]), return_index=True, return_inverse=True
    )
    order = np.lexsort((np.arange(len(marks)), -fitness[first]))
    rank = np.argsort(order)
    reached = np.bincount(rank[place], minlength=len(marks))
    pairs = np.array(
        [(rank[np.searchsorted(marks, one)], rank[np.searchsorted(marks, other)]) for one, other in links]
    ).reshape(-1, 2, len(found[0].points))
    ends = pairs.transpose(0, 2, 1).reshape(-1, 2)
    kinds, times = np.unique(ends, axis=0, return_counts=True)
    edges = np.column_stack([kinds, times]).astype(np.int64)
    steps = float(np.concatenate([each.steps for each in found]).mean())
    return Network(points[first[order]], fitness[first[order]], reached, edges, steps, measured)
