"""Differential evolution and the bare-bones swarm: closure, what a trial is made of, and minima found in a budget."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import Bounds, differential_evolution, rosen

from generator.swarm import RANDOM, Difference, leaders, positions, trials

Floats = npt.NDArray[np.float64]
KEY = np.uint64(9)
GENES = 5
LOW, HIGH = np.full(GENES, -5.0), np.full(GENES, 5.0)


def sphere(points: Floats) -> Floats:
    """Cost (n,) of ``points`` (n, g), least at 1, ..., 1."""
    return np.asarray(((points - 1.0) ** 2).sum(axis=1))


def rosenbrock(points: Floats) -> Floats:
    """Cost (n,) of ``points`` (n, g): a bent valley, least at 1, ..., 1."""
    return np.asarray(rosen(points.T))


def start(n: int, seed: int, genes: int = GENES) -> Floats:
    return -5.0 + 10.0 * np.random.Generator(np.random.Philox(seed)).random((n, genes))


def evolve(cost: Callable[[Floats], Floats], n: int, evaluations: int, seed: int, base: str, genes: int) -> float:
    """Least cost of a differential evolution in which a trial takes a member's place when it is no worse."""
    population = start(n, seed, genes)
    value = cost(population)
    for generation in range(evaluations // n - 1):
        row = int(value.argmin()) if base == "best" else RANDOM
        trial = trials((KEY, seed, generation), population, row, LOW[:genes], HIGH[:genes], Difference())
        found = cost(trial)
        better = found <= value
        population[better], value[better] = trial[better], found[better]
    return float(value.min())


def swarm(cost: Callable[[Floats], Floats], n: int, evaluations: int, seed: int, genes: int) -> float:
    """Least cost that a swarm on a ring, each member with one neighbour to either side, has found."""
    personal = start(n, seed, genes)
    value = cost(personal)
    for generation in range(evaluations // n - 1):
        moved = positions((KEY, seed, generation), personal, leaders(value, 1), LOW[:genes], HIGH[:genes], 0.0)
        found = cost(moved)
        better = found < value
        personal[better], value[better] = moved[better], found[better]
    return float(value.min())


@pytest.mark.parametrize(
    ("cost", "genes", "base", "evaluations"),
    [
        (sphere, 5, "best", 6_000),
        (sphere, 5, "random", 12_000),
        (rosenbrock, 2, "best", 6_000),
        (rosenbrock, 5, "random", 60_000),  # of five genes it has a second minimum, where the best may mislead
    ],
)
def test_differential_evolution_finds_the_minimum(
    cost: Callable[[Floats], Floats], genes: int, base: str, evaluations: int
) -> None:
    for seed in range(3):
        assert evolve(cost, 30, evaluations, seed, base, genes) < 1e-6


@pytest.mark.parametrize(("cost", "genes", "evaluations"), [(sphere, 5, 6_000), (rosenbrock, 2, 20_000)])
def test_the_bare_bones_swarm_finds_the_minimum(cost: Callable[[Floats], Floats], genes: int, evaluations: int) -> None:
    for seed in range(3):
        assert swarm(cost, 20, evaluations, seed, genes) < 1e-6


@pytest.mark.parametrize("cost", [sphere, rosenbrock])
def test_differential_evolution_comes_as_close_as_that_of_scipy(cost: Callable[[Floats], Floats]) -> None:
    n, generations, seeds = 50, 100, range(11)
    ours = [evolve(cost, n, n * (generations + 1), seed, "best", GENES) for seed in seeds]
    theirs = [
        differential_evolution(
            lambda x: cost(x.T),  # type: ignore[arg-type, misc]
            Bounds(LOW, HIGH),
            maxiter=generations,
            init=start(n, seed),
            tol=0.0,
            polish=False,
            updating="deferred",
            vectorized=True,
            rng=np.random.default_rng(seed),
        ).fun
        for seed in seeds
    ]
    assert abs(np.median(np.log10(ours)) - np.median(np.log10(theirs))) < 1.5


def test_a_trial_takes_genes_of_its_member_or_of_the_base_plus_a_difference() -> None:
    population = np.arange(1.0, 9.0)[:, None] * np.array([1.0, 10.0, 100.0])
    low, high = np.full(3, -1e6), np.full(3, 1e6)
    seen = set()
    for generation in range(300):
        found = trials((KEY, 0, generation), population, RANDOM, low, high, Difference(0.5, 0.5, 0.5))
        changed = found != population
        for row in range(8):
            shares = set(np.round(found[row] / population[0], 9)[changed[row]])
            assert len(shares) <= 1
            seen |= shares
    possible = {a + 0.5 * (b - c) for a in range(1, 9) for b in range(1, 9) for c in range(1, 9) if len({a, b, c}) == 3}
    assert seen == possible


def test_steps_stay_within_bounds_and_a_member_has_the_same_step_whatever_the_others() -> None:
    population = start(40, 3)
    wild = trials((KEY, 0, 0), population, RANDOM, LOW, HIGH, Difference(5.0, 9.0, 1.0))
    assert ((wild >= LOW) & (wild <= HIGH)).all()
    assert (wild != population).any(axis=1).all()
    moved = positions((KEY, 0, 0), population, np.zeros(40, np.int64), LOW, HIGH, 0.5)
    assert ((moved >= LOW) & (moved <= HIGH)).all()
    assert (moved[1:] != population[1:]).mean() == pytest.approx(0.5, abs=0.15)
    alone = positions((KEY, 0, 0), population[:7], np.zeros(7, np.int64), LOW, HIGH, 0.5)
    assert np.array_equal(alone, moved[:7])


def test_a_member_follows_the_best_within_reach_on_the_ring() -> None:
    cost = np.array([3.0, 1.0, 4.0, 1.5, 5.0, 0.5])
    assert leaders(cost, 1).tolist() == [5, 1, 1, 3, 5, 5]
    assert leaders(cost, 3).tolist() == [5] * 6
