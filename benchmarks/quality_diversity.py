"""Quality diversity beside pyribs: additions to a grid archive a second, and the QD-score of equal budgets."""

import math
import statistics as figures_of
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.clock import interleaved, peer_version, scaled
from common.kernel import kernel
from generator.emitting import emit_lines, emit_normals
from selector.archive import Archive, add, empty_archive, grid_cells, statistics
from selector.covariance import STEP, emitter, improve, new_emitters, restart

Floats = npt.NDArray[np.float64]
SHAPE = np.array([100, 100])
EVALUATIONS, SEEDS = 100_000, 5
EMITTERS, BATCH = 15, 36
ADDED, ADD_BATCH, ADD_GENES = 50_000, 1000, 20


class Problem(NamedTuple):
    """What is illuminated: ``evaluate`` gives scores (n,) up to 100 and descriptors (n, 2) within ``reach``."""

    evaluate: Callable[[Floats], tuple[Floats, Floats]]
    genes: int
    bound: float
    reach: float
    iso: float
    line: float
    step: float


@kernel
def sphere(solutions: Floats) -> tuple[Floats, Floats]:
    """The sphere, moved to 2.048, and the sums of each half of the genes, folded beyond 5.12 (Fontaine 2020)."""
    n, genes = solutions.shape
    score, descriptor = np.empty(n), np.zeros((n, 2))
    worst = (5.12 + 2.048) ** 2 * genes
    for row in range(n):
        total = 0.0
        for gene in range(genes):
            x = solutions[row, gene]
            total += (x - 2.048) ** 2
            descriptor[row, 0 if gene < genes // 2 else 1] += x if abs(x) <= 5.12 else 5.12 / x
        score[row] = 100.0 * (1.0 - total / worst)
    return score, descriptor


@kernel
def arm(solutions: Floats) -> tuple[Floats, Floats]:
    """A planar arm of links of length 1: how alike its angles are, and where its hand is (Cully 2015)."""
    n, genes = solutions.shape
    score, descriptor = np.empty(n), np.zeros((n, 2))
    for row in range(n):
        angle = 0.0
        for gene in range(genes):
            angle += solutions[row, gene]
            descriptor[row, 0] += math.cos(angle)
            descriptor[row, 1] += math.sin(angle)
        score[row] = 100.0 * (1.0 - solutions[row].std() / math.pi)
    return score, descriptor


PROBLEMS = {
    "sphere": Problem(sphere, 20, math.inf, 51.2, iso=0.5, line=0.2, step=0.5),
    "arm": Problem(arm, 12, math.pi, 12.0, iso=0.1, line=0.2, step=0.2),
}


def _place(problem: Problem, archive: Archive, solutions: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    score, descriptor = problem.evaluate(solutions)
    reach = np.full(2, problem.reach)
    return add(archive, grid_cells(descriptor, -reach, reach, SHAPE), score, solutions, descriptor)


def lines(problem: Problem, seed: int, evaluations: int) -> Archive:
    """MAP-Elites with iso-line steps, composed of the product's kernels."""
    archive = empty_archive(int(SHAPE.prod()), problem.genes, 2)
    bound, iso = np.full(problem.genes, problem.bound), np.full(problem.genes, problem.iso)
    children = np.empty((EMITTERS * BATCH, problem.genes))
    for generation in range(evaluations // len(children)):
        rows = archive.occupied[: max(int(archive.tally[0]), 1)]  # before the first, cell 0 holds a row of zeros
        emit_lines(
            (np.uint64(seed), 0, generation, 0), archive.solution, rows, (-bound, bound), iso, problem.line, children
        )
        _place(problem, archive, children)
    return archive


def covariance(problem: Problem, seed: int, evaluations: int) -> Archive:
    """CMA-ME with improvement emitters, composed of the product's kernels."""
    archive = empty_archive(int(SHAPE.prod()), problem.genes, 2)
    bound = np.full(problem.genes, problem.bound)
    records = new_emitters(EMITTERS, np.zeros(problem.genes), problem.step)
    emitters = [emitter(records, row) for row in range(EMITTERS)]
    children = np.empty((EMITTERS * BATCH, problem.genes))
    draw = np.random.Generator(np.random.Philox(seed))
    for generation in range(evaluations // len(children)):
        for index, state in enumerate(emitters):
            name = (np.uint64(seed), 0, generation, index * BATCH)
            own = children[index * BATCH : (index + 1) * BATCH]
            emit_normals(name, state.mean, state.figures[STEP] * state.axes, (-bound, bound), own)
        status, gain = _place(problem, archive, children)
        for index, state in enumerate(emitters):
            own_rows = slice(index * BATCH, (index + 1) * BATCH)
            if improve(state, children[own_rows], status[own_rows], gain[own_rows]):
                elite = archive.occupied[draw.integers(int(archive.tally[0]))]
                restart(state, archive.solution[elite].copy(), problem.step)
    return archive


def peer(problem: Problem, kind: str, seed: int, evaluations: int) -> float:
    """The QD-score that pyribs reaches with the same problem, settings and budget."""
    from ribs.archives import GridArchive
    from ribs.emitters import EvolutionStrategyEmitter, IsoLineEmitter
    from ribs.schedulers import Scheduler

    reach = (-problem.reach, problem.reach)
    archive = GridArchive(solution_dim=problem.genes, dims=SHAPE.tolist(), ranges=[reach, reach], seed=seed)
    own: dict[str, Any] = {"x0": np.zeros(problem.genes)}
    if math.isfinite(problem.bound):
        own |= {"lower_bounds": np.full(problem.genes, -problem.bound)}
        own |= {"upper_bounds": np.full(problem.genes, problem.bound)}
    emitters: list[Any]
    if kind == "iso-line":
        own |= {"iso_sigma": problem.iso, "line_sigma": problem.line, "batch_size": EMITTERS * BATCH}
        emitters = [IsoLineEmitter(archive, seed=seed, **own)]
    else:
        sources: list[Any] = np.random.SeedSequence(seed).spawn(EMITTERS)
        own |= {"sigma0": problem.step, "batch_size": BATCH}
        emitters = [EvolutionStrategyEmitter(archive, seed=source, **own) for source in sources]
    scheduler = Scheduler(archive, emitters)
    for _ in range(evaluations // (EMITTERS * BATCH)):
        scheduler.tell(*problem.evaluate(scheduler.ask()))
    return float(archive.stats.qd_score)


def addition_speed(repeats: int, scale: float, version: str | None) -> dict[str, Any]:
    """Additions a second in batches of 1,000, with status and statistics, of 20 genes to 100 x 100 cells."""
    random = np.random.Generator(np.random.Philox(5))
    count = scaled(ADDED, scale, ADD_BATCH) // ADD_BATCH
    solutions = random.normal(0, 2, (count, ADD_BATCH, ADD_GENES))
    scores = random.normal(0, 1, (count, ADD_BATCH)) + np.arange(count)[:, None] / 10
    descriptors = random.uniform(-1, 1, (count, ADD_BATCH, 2))
    low, high = np.full(2, -1.0), np.full(2, 1.0)

    def ours() -> list[Any]:
        archive, seen = empty_archive(int(SHAPE.prod()), ADD_GENES, 2), []
        for batch in range(count):
            cell = grid_cells(descriptors[batch], low, high, SHAPE)
            status, _ = add(archive, cell, scores[batch], solutions[batch], descriptors[batch])
            seen.append((status, statistics(archive)))
        return seen

    works: dict[str, Callable[[], object]] = {"ours": ours}
    if version:
        from ribs.archives import GridArchive

        def theirs() -> list[Any]:
            archive = GridArchive(solution_dim=ADD_GENES, dims=SHAPE.tolist(), ranges=[(-1, 1), (-1, 1)])
            return [
                (archive.add(solutions[batch], scores[batch], descriptors[batch])["status"], archive.stats)
                for batch in range(count)
            ]

        works["peer"] = theirs
    seconds = interleaved(works, repeats)
    added = count * ADD_BATCH
    return {
        "additions_per_second": added / seconds["ours"],
        "pyribs_additions_per_second": added / seconds["peer"] if version else None,
        "ratio_additions_to_pyribs": seconds["peer"] / seconds["ours"] if version else None,
    }


def _score_of(archive: Archive) -> float:
    return statistics(archive).qd_score


def _timed(work: Callable[[int], float], seeds: range) -> tuple[list[float], float]:
    start = time.process_time()
    scores = [work(seed) for seed in seeds]
    return scores, (time.process_time() - start) / len(seeds)


def comparison(name: str, kind: str, evaluations: int, version: str | None) -> dict[str, Any]:
    """QD-scores of one problem and one emitter: medians over the seeds, and CPU seconds a run."""
    problem, ours = PROBLEMS[name], lines if kind == "iso-line" else covariance
    ours(problem, 0, 2 * EMITTERS * BATCH)  # compile
    scores, own_s = _timed(lambda seed: _score_of(ours(problem, seed, evaluations)), range(SEEDS))
    own = figures_of.median(scores)
    row: dict[str, Any] = {"problem": name, "emitter": kind, "qd_score": own, "least": min(scores), "cpu_s": own_s}
    if version:
        peers, peer_s = _timed(lambda seed: peer(problem, kind, seed, evaluations), range(SEEDS))
        theirs = figures_of.median(peers)
        row |= {"pyribs_qd_score": theirs, "pyribs_cpu_s": peer_s, "ratio_to_pyribs": own / theirs}
    return row


def bench_quality_diversity(repeats: int, scale: float) -> dict[str, Any]:
    """Additions a second, and QD-scores after 100,000 evaluations over five seeds, ours and those of pyribs."""
    version, absent = peer_version("ribs")
    evaluations = scaled(EVALUATIONS, scale, 4 * EMITTERS * BATCH)
    return {
        "pyribs_version": version,
        "pyribs_absent": absent,
        "evaluations": evaluations,
        **addition_speed(repeats, scale, version),
        "qd_scores": [
            comparison(name, kind, evaluations, version) for name in PROBLEMS for kind in ("iso-line", "CMA-ME")
        ],
    }
