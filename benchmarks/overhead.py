"""What evolution costs beside evaluations of 10 microseconds on two threads: ours, pymoo and pygmo.

Overhead = 1 - ideal / wall. The ideal is measured in the same turns: two threads that do the same evaluations and
nothing else. Population 100, thirty real genes.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import interleaved, peer_version, scaled
from benchmarks.turns import GENES, VARIATION, Baton, Ground, baton, finish, follow, keep_busy, lead
from selector.archive import add, empty_archive, grid_cells
from selector.survival import fittest, standing

POPULATION, GENERATIONS = 100, 300
EVALUATION_S = 10e-6
SHAPE = np.array([32, 32])
Floats = npt.NDArray[np.float64]
Work = Callable[[], object]
BOUNDS = (np.zeros(GENES), np.ones(GENES))


def calibrated() -> int:
    """Steps of a busy evaluation that take 10 microseconds, by the best of twenty tries."""
    keep_busy(1, 1)
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        keep_busy(1, 1_000_000)
        best = min(best, time.perf_counter() - start)
    return round(EVALUATION_S / best * 1e6)


def halves(pool: ThreadPoolExecutor, turns: int, generations: int) -> None:
    """The evaluations of a run, half of them in each of two threads, and nothing else."""
    count = POPULATION // 2 * generations
    helper = pool.submit(keep_busy, count, turns)
    keep_busy(count, turns)
    helper.result()


def genetic(pool: ThreadPoolExecutor, turns: int, generations: int, objectives: int) -> float:
    """A genetic algorithm of one objective, or NSGA-II of two: children and parents compete. Least first cost."""
    everybody, none = np.random.default_rng(1).random((2 * POPULATION, GENES)), np.zeros(2 * POPULATION)
    costs = np.full((2 * POPULATION, objectives), np.inf if objectives == 1 else 1e9)
    parents, cost = everybody[:POPULATION], costs[:POPULATION]
    rank, crowding, nobody = np.arange(POPULATION, dtype=np.int32), np.zeros(POPULATION), np.zeros(0, np.int64)
    ground = Ground(parents, rank, crowding, nobody, BOUNDS, everybody[POPULATION:], costs[POPULATION:], turns)
    with followed(pool, ground, generations) as baton:
        for _ in range(generations):
            lead(ground, baton, 0)
            if objectives == 1:
                kept = np.argsort(costs[:, 0], kind="stable")[:POPULATION]
            else:
                kept = fittest(-costs, none, POPULATION)
                rank[:], crowding[:] = standing(-costs[kept], none[kept], POPULATION)
            parents[:], cost[:] = everybody[kept], costs[kept]
    return float(cost[:, 0].min())


def map_elites(pool: ThreadPoolExecutor, turns: int, generations: int) -> float:
    """MAP-Elites with iso-line steps on a grid of 32 by 32 over two genes. Occupied cells."""
    archive = empty_archive(int(SHAPE.prod()), GENES, 2)
    children, cost = np.random.default_rng(1).random((POPULATION, GENES)), np.ones((POPULATION, 1))
    unranked, nothing, low, high = np.zeros(0, np.int32), np.zeros(0), np.zeros(2), np.ones(2)
    ground = Ground(archive.solution, unranked, nothing, archive.occupied, BOUNDS, children, cost, turns)
    with followed(pool, ground, generations) as baton:
        for _ in range(generations):
            seen = children[:, :2].copy()
            add(archive, grid_cells(seen, low, high, SHAPE), -cost[:, 0], children, seen)
            lead(ground, baton, int(archive.tally[0]))
    return float(archive.tally[0])


@contextmanager
def followed(pool: ThreadPoolExecutor, ground: Ground, generations: int) -> Iterator[Baton]:
    """A second thread helps with every generation meanwhile."""
    passed = baton(generations)
    helper = pool.submit(follow, ground, passed)
    try:
        yield passed
    finally:
        finish(passed)
        helper.result()


def pymoo_works(turns: int, generations: int) -> dict[str, Work]:
    """pymoo's GA and NSGA-II; its manual's starmap over a pool of two threads evaluates one child a call."""
    from multiprocessing.pool import ThreadPool

    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.optimize import minimize
    from pymoo.parallelization.starmap import StarmapParallelization

    class Busy(ElementwiseProblem):  # type: ignore[misc]
        def _evaluate(self, x: Floats, out: dict[str, Any], *_: Any, **__: Any) -> None:
            keep_busy(1, turns)
            out["F"] = [x[0], 1.0 - x[0] + x[1:].sum()][: self.n_obj]

    def work(kind: Any, objectives: int) -> None:
        with ThreadPool(2) as pool:
            runner = StarmapParallelization(pool.starmap)
            problem = Busy(n_var=GENES, n_obj=objectives, xl=0.0, xu=1.0, elementwise_runner=runner)
            crossover = SBX(eta=VARIATION.crossover_eta, prob=VARIATION.crossover_rate)
            algorithm = kind(pop_size=POPULATION, crossover=crossover, mutation=PM(eta=VARIATION.mutation_eta))
            minimize(problem, algorithm, ("n_gen", generations), seed=1)

    return {"pymoo_ga": lambda: work(GA, 1), "pymoo_nsga2": lambda: work(NSGA2, 2)}


def pygmo_works(pool: ThreadPoolExecutor, turns: int, generations: int) -> dict[str, Work]:
    """pygmo's NSGA-II with a batch evaluator: a call for a generation, of which each of two threads does half."""
    import pygmo

    class Busy:
        def get_bounds(self) -> tuple[list[float], list[float]]:
            return [0.0] * GENES, [1.0] * GENES

        def get_nobj(self) -> int:
            return 2

        def fitness(self, x: Floats) -> list[float]:
            return [x[0], 1.0 - x[0] + x[1:].sum()]

        def batch_fitness(self, x: Floats) -> Floats:
            rows = x.reshape(-1, GENES)
            helper = pool.submit(keep_busy, len(rows) // 2, turns)
            keep_busy(len(rows) - len(rows) // 2, turns)
            helper.result()
            return np.stack((rows[:, 0], 1.0 - rows[:, 0] + rows[:, 1:].sum(axis=1)), axis=1).ravel()

    def work() -> None:
        method = pygmo.nsga2(
            generations, VARIATION.crossover_rate, VARIATION.crossover_eta, 1 / GENES, VARIATION.mutation_eta, seed=1
        )
        method.set_bfe(pygmo.bfe())
        pygmo.algorithm(method).evolve(pygmo.population(pygmo.problem(Busy()), POPULATION, seed=1))

    return {"pygmo_nsga2": work}


def bench_overhead(repeats: int, scale: float) -> dict[str, Any]:
    """Overhead of each algorithm; the peers run fewer generations, and their ideal is that of as many evaluations."""
    turns, generations = calibrated(), scaled(GENERATIONS, scale, 2)
    found: dict[str, Any] = {}
    with ThreadPoolExecutor(1) as pool:
        works: dict[str, Work] = {
            "ideal": lambda: halves(pool, turns, generations),
            "ga": lambda: genetic(pool, turns, generations, 1),
            "map_elites": lambda: map_elites(pool, turns, generations),
            "nsga2": lambda: genetic(pool, turns, generations, 2),
        }
        for name, make in (
            ("pymoo", lambda: pymoo_works(turns, generations)),
            ("pygmo", lambda: pygmo_works(pool, turns, generations)),
        ):
            found[f"{name}_version"], found[f"{name}_absent"] = peer_version(name)
            works |= make() if found[f"{name}_version"] else {}  # type: ignore[no-untyped-call]
        seconds = interleaved(works, repeats, time.perf_counter)
    ideal = seconds.pop("ideal")
    return {
        **found,
        "evaluation_us": ideal * 2e6 / (POPULATION * generations),
        **{f"overhead_{name}": 1.0 - ideal / taken for name, taken in seconds.items()},
    }
