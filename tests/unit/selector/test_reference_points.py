"""NSGA-III survival: points, scale, association and niching are pymoo's; what is drawn follows the stream alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymoo.algorithms.moo.nsga3 import HyperplaneNormalization, associate_to_niches
from pymoo.algorithms.moo.nsga3 import niching as pymoo_niching
from pymoo.util.ref_dirs import get_reference_directions
from pymoo.util.reference_direction import get_number_of_uniform_points

from common.random import new_stream
from selector.hyperplane import EXTREMES, IDEAL, NADIR, WORST, learned, no_memory
from selector.ranking import UNRANKED
from selector.reference_points import (
    associate,
    layers,
    niching,
    reference_points,
    simplex_lattice,
    standing_by_reference,
    survivors_by_reference,
)
from selector.survival import standing

KEY = np.uint64(5)


def stream(slot: int = 0) -> np.ndarray:
    return new_stream(KEY, 0, 0, slot)


def survive(objectives: np.ndarray, violation: np.ndarray, size: int, slot: int = 0) -> np.ndarray:
    m = objectives.shape[1]
    points = reference_points(size, m)
    return survivors_by_reference(objectives, violation, size, points, np.ones(m), stream(slot), no_memory(m))[0]


def hyperplanes(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    points = rng.random((n, m)) ** 2
    return points / points.sum(axis=1, keepdims=True) * (1 + rng.random((n, 1)))


CLOUDS = {
    "a hyperplane": hyperplanes,
    "normal": lambda rng, n, m: rng.normal(size=(n, m)),
    "one objective is constant": lambda rng, n, m: np.c_[rng.normal(size=(n, m - 1)), np.ones(n)],
    "copies": lambda rng, n, m: rng.normal(size=(3, m))[rng.integers(0, 3, n)],
    "scales apart": lambda rng, n, m: hyperplanes(rng, n, m) * 10.0 ** np.arange(m),
    "a line": lambda rng, n, m: np.c_[np.tile(rng.random((n, 1)), m - 1), np.zeros(n)],
}


@pytest.mark.parametrize(("objectives", "parts"), [(1, 1), (2, 99), (3, 1), (3, 12), (5, 6), (7, 3), (8, 3)])
def test_the_lattice_is_that_of_pymoo(objectives: int, parts: int) -> None:
    expected = get_reference_directions("das-dennis", objectives, n_partitions=parts)
    np.testing.assert_allclose(simplex_lattice(parts, objectives), expected, atol=1e-15)


def test_two_layers_are_those_of_pymoo() -> None:
    inner = get_reference_directions("das-dennis", 8, n_partitions=2, scaling=0.5)
    outer = get_reference_directions("das-dennis", 8, n_partitions=3)
    assert layers(156, 8) == (3, 2)
    np.testing.assert_allclose(reference_points(156, 8), np.r_[outer, inner], atol=1e-15)


@given(st.integers(1, 1500), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_no_larger_set_of_points_fits_the_population(size: int, objectives: int) -> None:
    points = reference_points(size, objectives)
    outer, inner = layers(size, objectives)
    assert len(np.unique(points.round(12), axis=0)) == len(points) <= max(size, objectives)
    np.testing.assert_allclose(points.sum(axis=1), 1)
    assert objectives == 1 or get_number_of_uniform_points(outer + 1, objectives) > size or inner > 0
    if inner:
        more = get_number_of_uniform_points(inner + 1, objectives) + get_number_of_uniform_points(outer, objectives)
        assert more > size or inner == outer


@pytest.mark.parametrize("objectives", [2, 3, 5, 7])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_ideal_extremes_and_nadir_are_those_of_pymoo_generation_after_generation(cloud: str, objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    peer, memory = HyperplaneNormalization(objectives), no_memory(objectives)
    for generation in range(6):
        costs = CLOUDS[cloud](rng, 40, objectives) * 0.8**generation
        front = standing(-costs, np.zeros(40), 40)[0] == 0
        peer.update(costs, nds=np.flatnonzero(front))
        memory = learned(costs, front, memory)
        np.testing.assert_array_equal(memory[IDEAL], peer.ideal_point)
        np.testing.assert_array_equal(memory[WORST], peer.worst_point)
        np.testing.assert_array_equal(memory[EXTREMES:], peer.extreme_points)
        np.testing.assert_allclose(memory[NADIR], peer.nadir_point, rtol=1e-9)


@pytest.mark.parametrize("cloud", ["a hyperplane", "normal", "scales apart"])
def test_association_is_that_of_pymoo(cloud: str) -> None:
    costs = CLOUDS[cloud](np.random.default_rng(2), 300, 4)
    memory = learned(costs, standing(-costs, np.zeros(300), 300)[0] == 0, no_memory(4))
    points = reference_points(100, 4)
    niche, distance = associate(costs, points, np.ones(4), memory)
    expected, far, _ = associate_to_niches(costs, points, memory[IDEAL], memory[NADIR].copy())
    np.testing.assert_array_equal(niche, expected)
    np.testing.assert_allclose(distance, far, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 59))
@settings(max_examples=60, deadline=None)
def test_niching_fills_the_points_as_pymoo_does(seed: int, wanted: int) -> None:
    rng = np.random.default_rng(seed)
    niche, distance = rng.integers(0, 12, 60), rng.random(60)
    before = rng.integers(0, 4, 12)
    ours, theirs = before.copy(), before.copy()
    chosen = niching(niche, distance, ours, wanted, stream(seed))
    pymoo_niching(np.arange(60), wanted, theirs, niche, distance, random_state=rng)
    assert len(set(chosen.tolist())) == wanted
    np.testing.assert_array_equal(ours, before + np.bincount(niche[chosen], minlength=12))
    np.testing.assert_array_equal(np.sort(ours), np.sort(theirs))
    for point in np.flatnonzero((before == 0) & (ours > 0)):
        nearest = np.flatnonzero(niche == point)
        assert nearest[distance[nearest].argmin()] in chosen


def test_among_points_with_equally_few_each_is_as_likely() -> None:
    niche, distance = np.repeat(np.arange(4), 5), np.zeros(20)
    first = [niche[niching(niche, distance, np.ones(4, np.int64), 1, stream(slot))[0]] for slot in range(4000)]
    seen = np.bincount(first, minlength=4)
    assert ((seen - 1000) ** 2 / 1000).sum() < 16.27  # chi-square, 3 degrees of freedom, 0.1 %


levels = st.integers(0, 5).map(float)


@given(st.lists(st.tuples(levels, levels, levels, levels), min_size=1, max_size=40), st.integers(1, 39))
@settings(max_examples=100, deadline=None)
def test_nobody_who_stays_is_of_a_worse_front_than_one_who_goes(rows: list[tuple[float, ...]], size: int) -> None:
    table = np.array(rows)
    objectives, violation = table[:, :3], table[:, 3] - 3
    kept = survive(objectives, violation, size)
    rank = standing(objectives, violation, len(table))[0]
    gone = np.setdiff1d(np.arange(len(table)), kept)
    assert (np.diff(kept) > 0).all()
    assert len(kept) == min(size, len(table))
    assert len(gone) == 0 or rank[kept].max() <= rank[gone].min()


def test_the_same_stream_draws_the_same_survivors_and_another_draws_others() -> None:
    objectives = -hyperplanes(np.random.default_rng(3), 400, 3)
    first, again, other = (survive(objectives, np.zeros(400), 150, slot) for slot in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_objective_that_weighs_more_comes_out_better() -> None:
    sphere = np.abs(np.random.default_rng(4).normal(size=(2000, 3)))
    objectives = -sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    points = reference_points(91, 3)
    means = [
        objectives[
            survivors_by_reference(objectives, np.zeros(2000), 91, points, weights, stream(), no_memory(3))[0]
        ].mean(axis=0)
        for weights in (np.ones(3), np.array([3.0, 1.0, 1.0]))
    ]
    assert means[1][0] > means[0][0] + 0.1


def test_room_is_one_over_the_members_of_the_point_and_nothing_behind_the_wanted_fronts() -> None:
    objectives = -hyperplanes(np.random.default_rng(6), 300, 3)
    memory = learned(-objectives, standing(objectives, np.zeros(300), 300)[0] == 0, no_memory(3))
    points = reference_points(60, 3)
    rank, room = standing_by_reference(objectives, np.zeros(300), 100, points, np.ones(3), memory)
    np.testing.assert_array_equal(rank, standing(objectives, np.zeros(300), 100)[0])
    niche = associate(-objectives, points, np.ones(3), memory)[0]
    for row in range(300):
        company = ((niche == niche[row]) & (rank != UNRANKED)).sum()
        assert room[row] == (0 if rank[row] == UNRANKED else 1 / company)


def test_where_nobody_is_feasible_the_least_violating_stay_and_nothing_is_learned() -> None:
    violation = np.array([0.5, 0.1, 0.9, 0.1, 0.3])
    memory = no_memory(3)
    points = reference_points(3, 3)
    kept, after = survivors_by_reference(np.zeros((5, 3)), violation, 3, points, np.ones(3), stream(), memory)
    assert kept.tolist() == [1, 3, 4]
    np.testing.assert_array_equal(after, memory)
    assert (standing_by_reference(np.zeros((5, 3)), violation, 5, points, np.ones(3), after)[1] > 0).all()
