"""NSGA-II and NSGA-III from our kernels beside pymoo and pygmo: volume reached, time of a run, time of a sort.

Same problems, budget and operators: population 100, 20,000 evaluations, SBX (0.9, 15) on half of the genes, polynomial
mutation (1/n, 20) of every child. Ours and pymoo measure no copy of a member again; pygmo does.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import interleaved, peer_version, scaled
from benchmarks.problems import DTLZ2, PROBLEMS, ZDT1, Problem, costs
from common.kernel import kernel
from common.random import new_stream
from generator.offspring import Variation, offspring
from selector.hyperplane import no_memory
from selector.reference_points import reference_points, standing_by_reference, survivors_by_reference
from selector.survival import fittest, standing

Floats = npt.NDArray[np.float64]
SIZE, EVALUATIONS, SEEDS = 100, 20_000, 20
SPARE = 20
"""Children bred beyond the population, for copies that are dropped."""
SORTED = (1_000, 10_000)
SORTED_OBJECTIVES = 4
Run = Callable[[Problem, int], Floats]


@kernel
def fresh(parents: Floats, children: Floats, wanted: int) -> Floats:
    """The first ``wanted`` of ``children`` (c, g) that equal no row of ``parents`` (n, g) and no earlier child."""
    kept = np.empty((wanted, children.shape[1]))
    count = 0
    for child in children:
        copy = False
        for row in range(len(parents)):
            copy |= child[0] == parents[row, 0] and (child == parents[row]).all()
        for row in range(count):
            copy |= child[0] == kept[row, 0] and (child == kept[row]).all()
        if not copy and count < wanted:
            kept[count] = child
            count += 1
    return kept[:count]


def _first(problem: Problem, seed: int) -> Floats:
    """The first generation (n, g), drawn evenly."""
    low, high = problem.bounds()
    return np.random.Generator(np.random.Philox(seed)).uniform(low, high, (SIZE, problem.genes))


def _children(problem: Problem, seed: int, generation: int, parents: Floats, standings: tuple[Any, Any]) -> Floats:
    variation = Variation(0.9, 15.0, 1.0 / problem.genes, 20.0)
    name = np.uint64(seed), 0, generation
    born = offspring(name, parents, *standings, *problem.bounds(), variation, SIZE + SPARE)
    return fresh(parents, born, SIZE)


def nsga2(problem: Problem, seed: int) -> Floats:
    """Costs (n, m) of the last population."""
    genes = _first(problem, seed)
    objectives, feasible = -costs(problem.code, genes, problem.objectives), np.zeros(2 * SIZE)
    for generation in range(EVALUATIONS // SIZE - 1):
        standings = standing(objectives, feasible[:SIZE], SIZE)
        born = _children(problem, seed, generation, genes, standings)
        genes = np.concatenate((genes, born))
        objectives = np.concatenate((objectives, -costs(problem.code, born, problem.objectives)))
        kept = fittest(objectives, feasible[: len(objectives)], SIZE)
        genes, objectives = genes[kept], objectives[kept]
    return -objectives


def nsga3(problem: Problem, seed: int) -> Floats:
    """Costs (n, m) of the last population, with as many reference points as fit: 91 for three objectives."""
    m = problem.objectives
    points, weights, memory = reference_points(SIZE, m), np.ones(m), no_memory(m)
    genes = _first(problem, seed)
    objectives, feasible = -costs(problem.code, genes, m), np.zeros(2 * SIZE)
    for generation in range(EVALUATIONS // SIZE):
        stream = new_stream(np.uint64(seed), 1, generation, 0)
        given = objectives, feasible[: len(objectives)], SIZE, points, weights
        kept, memory = survivors_by_reference(*given, stream, memory)
        genes, objectives = genes[kept], objectives[kept]
        if generation == EVALUATIONS // SIZE - 1:
            break
        standings = standing_by_reference(objectives, feasible[:SIZE], SIZE, points, weights, memory)
        born = _children(problem, seed, generation, genes, standings)
        genes = np.concatenate((genes, born))
        objectives = np.concatenate((objectives, -costs(problem.code, born, m)))
    return -objectives


def pymoo_run(algorithm: str) -> Run:
    """The same by pymoo: ``nsga2``, or ``nsga3`` with the 91 points of 12 parts."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.moo.nsga3 import NSGA3
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.optimize import minimize
    from pymoo.problems import get_problem
    from pymoo.util.ref_dirs import get_reference_directions

    def run(problem: Problem, seed: int) -> Floats:
        operators = {"pop_size": SIZE, "crossover": SBX(prob=0.9, eta=15), "mutation": PM(prob=1.0, eta=20)}
        if algorithm == "nsga2":
            chosen = NSGA2(**operators)
        else:
            chosen = NSGA3(get_reference_directions("das-dennis", 3, n_partitions=12), **operators)
        found = minimize(get_problem(problem.name), chosen, ("n_eval", EVALUATIONS), seed=seed)
        return np.asarray(found.pop.get("F"))

    return run


def pygmo_run(problem: Problem, seed: int) -> Floats:
    """ZDT1 by pygmo's NSGA-II in C++."""
    import pygmo

    population = pygmo.population(pygmo.problem(pygmo.zdt(1, problem.genes)), SIZE, seed=seed)
    settings = {"gen": EVALUATIONS // SIZE - 1, "cr": 0.9, "eta_c": 15.0, "m": 1.0 / problem.genes, "eta_m": 20.0}
    return np.asarray(pygmo.algorithm(pygmo.nsga2(**settings, seed=seed)).evolve(population).get_f())


def volumes(problem: Problem, ours: Run, peer: Run, seeds: int) -> dict[str, Any]:
    """Median volumes over seeds, and the chance (Mann-Whitney) that ours are as low as this without being below."""
    from moocore import hypervolume  # type: ignore[import-untyped]
    from scipy.stats import mannwhitneyu

    ref = np.array(problem.reference)
    own, other = ([hypervolume(run(problem, seed), ref=ref) for seed in range(seeds)] for run in (ours, peer))
    return {
        "volume": float(np.median(own)),
        "pymoo_volume": float(np.median(other)),
        "p_below_pymoo": float(mannwhitneyu(own, other, alternative="less").pvalue),
    }


def sorts(repeats: int) -> dict[str, Any]:
    """Milliseconds of CPU of fronts and crowding of all rows, ours and pymoo's, at both sizes."""
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    found: dict[str, Any] = {}
    for size in SORTED:
        points = np.random.Generator(np.random.Philox(3)).normal(size=(size, SORTED_OBJECTIVES))

        def ours(points: Floats = points) -> object:
            return standing(points, np.zeros(len(points)), len(points))

        def peer(points: Floats = points) -> object:
            return [calc_crowding_distance(-points[front]) for front in NonDominatedSorting().do(-points)]

        seconds = interleaved({"ours": ours, "pymoo": peer}, repeats)
        found[f"{size}"] = {
            "ms": seconds["ours"] * 1e3,
            "pymoo_ms": seconds["pymoo"] * 1e3,
            "share_of_pymoo": seconds["ours"] / seconds["pymoo"],
        }
    return found


def bench_multiobjective(repeats: int, scale: float) -> dict[str, Any]:
    """Median volumes of NSGA-II and NSGA-III over seeds beside pymoo's, seconds of a run, milliseconds of a sort."""
    versions = {name: peer_version(name) for name in ("pymoo", "moocore", "pygmo")}
    found: dict[str, Any] = {"versions": {name: known or absent for name, (known, absent) in versions.items()}}
    if versions["pymoo"][0] is None:
        return found
    seeds = scaled(SEEDS, scale, 3)
    peer = pymoo_run("nsga2")
    found["seeds"] = seeds
    found["nsga2"] = {problem.name: volumes(problem, nsga2, peer, seeds) for problem in PROBLEMS}
    found["nsga3"] = {"dtlz2": volumes(PROBLEMS[DTLZ2], nsga3, pymoo_run("nsga3"), seeds)}
    works: dict[str, Callable[[], object]] = {
        "ours": lambda: nsga2(PROBLEMS[ZDT1], 1),
        "pymoo": lambda: peer(PROBLEMS[ZDT1], 1),
    }
    if versions["pygmo"][0]:
        works["pygmo"] = lambda: pygmo_run(PROBLEMS[ZDT1], 1)
    seconds = interleaved(works, repeats, time.process_time)
    found["run_s"] = seconds
    found["times_faster"] = {name: seconds[name] / seconds["ours"] for name in works if name != "ours"}
    found["sort"] = sorts(repeats)
    return found
