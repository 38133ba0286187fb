"""A deceptive maze: novelty search finds the way out where the same search by fitness stays in the trap.

After J. Lehman and K. O. Stanley 2011: start and goal are parted by the bottom of the pocket that the start lies in, so
whoever comes nearer to the goal goes deeper into it. Both searches are made of the product's kernels, with the same
parents' tournament, operators, sizes and budget; they differ in what gives a place in the population.
"""

import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import scaled
from common.kernel import kernel
from generator.offspring import Variation, offspring
from selector.novelty import euclidean, most_novel, raised
from selector.survival import survivors

Floats = npt.NDArray[np.float64]
SEEDS, GENERATIONS = 10, 500
POPULATION, NEIGHBOURS, NOVEL_MAX = 100, 15, 500
STEPS, STRIDE = 80, 0.04
START, GOAL, NEAR = (0.6, 0.5), (0.85, 0.5), 0.05
WALLS = np.array([[0.75, 0.2, 0.75, 0.8], [0.1, 0.2, 0.75, 0.2], [0.1, 0.8, 0.75, 0.8]])
"""x, y of both ends of each wall; around them stands the unit square."""
VARIATION = Variation(crossover_rate=0.9, crossover_eta=15.0, mutation_rate=2.0 / STEPS, mutation_eta=10.0)


@kernel
def crosses(x: float, y: float, to_x: float, to_y: float, walls: Floats) -> bool:
    """Does a step meet a wall or leave the unit square?"""
    if not (0.0 <= to_x <= 1.0 and 0.0 <= to_y <= 1.0):
        return True
    for wall in walls:
        a, b, c, d = wall[0], wall[1], wall[2], wall[3]
        one = (c - a) * (y - b) - (d - b) * (x - a)
        two = (c - a) * (to_y - b) - (d - b) * (to_x - a)
        three = (to_x - x) * (b - y) - (to_y - y) * (a - x)
        four = (to_x - x) * (d - y) - (to_y - y) * (c - x)
        if one * two <= 0.0 and three * four <= 0.0:
            return True
    return False


@kernel
def walk(turns: Floats, start: tuple[float, float], stride: float, walls: Floats) -> Floats:
    """Where each of ``turns`` (n, steps), in quarter turns, ends: (n, 2). A step into a wall is not made."""
    ends = np.empty((len(turns), 2))
    for row in range(len(turns)):
        x, y, heading = start[0], start[1], 0.0
        for turn in turns[row]:
            heading += turn * math.pi / 2
            to_x, to_y = x + stride * math.cos(heading), y + stride * math.sin(heading)
            if not crosses(x, y, to_x, to_y, walls):
                x, y = to_x, to_y
        ends[row, 0], ends[row, 1] = x, y
    return ends


def away(ends: Floats) -> Floats:
    """Distance (n,) of ``ends`` (n, 2) from the goal."""
    return np.hypot(*(ends - GOAL).T)


class Novel:
    """The archive of the novel, and who gets the places by it."""

    def __init__(self) -> None:
        self.ends, self.threshold = np.empty((0, 2)), np.nan

    def places(self, ends: Floats) -> npt.NDArray[np.int64]:
        """Rows of the population (n,), the most novel first."""
        rows, novelty = most_novel(
            euclidean(ends, self.ends), lambda row: euclidean(ends, ends[row : row + 1])[:, 0], POPULATION, NEIGHBOURS
        )
        entering, self.threshold = raised(self.threshold, novelty)
        self.ends = np.concatenate([self.ends, ends[rows[entering]]])[-NOVEL_MAX:]
        return rows


def by_fitness(ends: Floats) -> npt.NDArray[np.int64]:
    """Rows of the population (n,), the nearest to the goal first."""
    return survivors(-away(ends)[:, None], np.zeros(len(ends)), POPULATION)


def solved(seed: int, generations: int, novelty: bool) -> tuple[int | None, float]:
    """The generation that reached the goal, None if none did; and how near the search came."""
    low, high = np.full(STEPS, -1.0), np.full(STEPS, 1.0)
    population = np.random.Generator(np.random.Philox(seed)).uniform(-1, 1, (POPULATION, STEPS))
    places, nearest = Novel().places if novelty else by_fitness, math.inf
    ends = walk(population, START, STRIDE, WALLS)
    standing, nobody_crowded = np.arange(POPULATION, dtype=np.int32), np.zeros(POPULATION)
    for generation in range(generations):
        name = (np.uint64(seed), 0, generation)
        born = offspring(name, population, standing, nobody_crowded, low, high, VARIATION, POPULATION)
        population = np.concatenate([population, born])
        ends = np.concatenate([ends, walk(born, START, STRIDE, WALLS)])
        nearest = min(nearest, float(away(ends).min()))
        if nearest < NEAR:
            return generation, nearest
        rows = places(ends)
        population, ends = population[rows], ends[rows]
    return None, nearest


def bench_maze(repeats: int, scale: float) -> dict[str, Any]:
    """How many of ten seeds reach the goal by novelty, and by fitness alone, within the same budget."""
    generations = scaled(GENERATIONS, scale, 10)
    figures: dict[str, Any] = {"seeds": SEEDS, "evaluations_max": (generations + 1) * POPULATION}
    for name, novelty in (("novelty", True), ("fitness", False)):
        start = time.process_time()
        runs = [solved(seed, generations, novelty) for seed in range(SEEDS)]
        reached = [generation for generation, _ in runs if generation is not None]
        figures |= {
            f"{name}_solved": len(reached),
            f"{name}_evaluations_median": float(np.median(reached) + 2) * POPULATION if reached else None,
            f"{name}_nearest_median": float(np.median([nearest for _, nearest in runs])),
            f"{name}_cpu_s": time.process_time() - start,
        }
    return figures
