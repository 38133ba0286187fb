"""Survival: fronts and crowding equal pymoo's, constraint domination equals its definition, order does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymoo.operators.survival.rank_and_crowding.metrics import FunctionalDiversity, calc_crowding_distance
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from selector.ordering import lexicographic, stable
from selector.ranking import UNRANKED
from selector.survival import fittest, standing, survivors


def pymoo_ranks(points: np.ndarray) -> np.ndarray:
    return NonDominatedSorting().do(-points, return_rank=True)[1]


def by_definition(objectives: np.ndarray, violation: np.ndarray) -> np.ndarray:
    """Constrained ranks, peeled front by front from Deb's definition of domination."""
    n = len(violation)
    excess = np.maximum(violation, 0)
    dominates = np.zeros((n, n), bool)
    for a in range(n):
        for b in range(n):
            if excess[a] == excess[b] == 0:
                dominates[a, b] = (objectives[a] >= objectives[b]).all() and (objectives[a] > objectives[b]).any()
            else:
                dominates[a, b] = excess[a] < excess[b]
    rank, front = np.full(n, -1), 0
    while (rank < 0).any():
        left = rank < 0
        rank[left & ~dominates[left].any(axis=0)] = front
        front += 1
    return rank


SHAPES = {
    "continuous": lambda rng, n, m: rng.normal(size=(n, m)),
    "ties": lambda rng, n, m: rng.integers(0, 4, (n, m)).astype(float),
    "copies": lambda rng, n, m: rng.normal(size=(5, m))[rng.integers(0, 5, n)],
    "all equal": lambda rng, n, m: np.ones((n, m)),
    "a chain": lambda rng, n, m: np.repeat(rng.permutation(n).astype(float)[:, None], m, axis=1),
    "one front": lambda rng, n, m: np.c_[np.arange(n), -np.arange(n), np.zeros((n, m))][:, :m].astype(float),
    "nearly a chain": lambda rng, n, m: rng.normal(size=(n, 1)) + 0.01 * rng.normal(size=(n, m)),
    "signed zeros": lambda rng, n, m: rng.choice([0.0, -0.0, 1.0], (n, m)),
    "huge and tiny": lambda rng, n, m: rng.choice([-1e300, 1e-300, 0.0, 1e300], (n, m)) / 4,
}


@pytest.mark.parametrize("objectives", [1, 2, 3, 7])
@pytest.mark.parametrize("shape", SHAPES)
def test_fronts_equal_those_of_pymoo(shape: str, objectives: int) -> None:
    rng = np.random.default_rng(len(shape) + objectives)
    for size in (1, 2, 63, 64, 65, 400):
        points = SHAPES[shape](rng, size, objectives)
        rank, _ = standing(points, np.zeros(size), size)
        np.testing.assert_array_equal(rank, pymoo_ranks(points))


def test_fronts_equal_those_of_pymoo_beyond_one_chunk_of_rows() -> None:
    points = np.random.default_rng(1).integers(0, 50, (2560, 6)).astype(float)
    rank, _ = standing(points, np.zeros(2560), 2560)
    np.testing.assert_array_equal(rank, pymoo_ranks(points))


@pytest.mark.parametrize("wanted", [1, 7, 100, 399])
@pytest.mark.parametrize("shape", ["continuous", "ties", "a chain", "nearly a chain", "copies"])
def test_ranking_stops_with_the_front_that_completes_the_wanted_rows(shape: str, wanted: int) -> None:
    points = SHAPES[shape](np.random.default_rng(wanted), 400, 3)
    rank, _ = standing(points, np.zeros(400), wanted)
    full = pymoo_ranks(points)
    last = np.sort(full)[wanted - 1]
    np.testing.assert_array_equal(rank, np.where(full <= last, full, UNRANKED))


def crowding_of_one_front(points: np.ndarray) -> np.ndarray:
    """Rows that violate the constraints alike stand on one front, whatever their objectives."""
    rank, crowding = standing(points, np.ones(len(points)), len(points))
    assert not rank.any()
    return crowding


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "huge and tiny"])
@pytest.mark.parametrize("objectives", [2, 7])
def test_crowding_distance_equals_that_of_pymoo(shape: str, objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    for size in (1, 2, 3, 50, 200):
        points = SHAPES[shape](rng, size, objectives)
        expected = FunctionalDiversity(calc_crowding_distance, filter_out_duplicates=True).do(points)
        np.testing.assert_allclose(crowding_of_one_front(points), expected, rtol=1e-12)


def test_crowding_is_counted_within_a_front() -> None:
    points = np.random.default_rng(3).normal(size=(300, 3))
    rank, crowding = standing(points, np.zeros(300), 300)
    for front in range(rank.max() + 1):
        np.testing.assert_array_equal(crowding[rank == front], crowding_of_one_front(points[rank == front]))


levels = st.integers(0, 3).map(float)


@given(
    st.lists(st.tuples(levels, levels, levels, st.sampled_from([-0.5, 0.0, 0.0, 0.25, 0.5])), min_size=1, max_size=24)
)
@settings(max_examples=150, deadline=None)
def test_constraint_domination_is_that_of_its_definition(rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows)
    rank, _ = standing(table[:, :3], table[:, 3], len(table))
    np.testing.assert_array_equal(rank, by_definition(table[:, :3], table[:, 3]))


@given(st.lists(st.tuples(levels, levels, levels), min_size=2, max_size=40), st.integers(1, 39))
@settings(max_examples=150, deadline=None)
def test_nobody_who_stays_is_of_a_worse_front_than_one_who_goes(rows: list[tuple[float, ...]], size: int) -> None:
    table = np.array(rows)
    objectives, violation = table[:, :2], table[:, 2] - 1
    kept = survivors(objectives, violation, size)
    rank = by_definition(objectives, violation)
    gone = np.setdiff1d(np.arange(len(table)), kept)
    assert len(kept) == len(set(kept.tolist())) == min(size, len(table))
    assert len(gone) == 0 or rank[kept].max() <= rank[gone].min()


def test_survivors_stand_in_the_order_of_their_own_standing() -> None:
    rng = np.random.default_rng(5)
    objectives, violation = rng.normal(size=(500, 4)), np.where(rng.random(500) < 0.5, rng.random(500), 0)
    kept = survivors(objectives, violation, 300)
    rank, crowding = standing(objectives[kept], violation[kept], 300)
    np.testing.assert_array_equal(np.lexsort((kept, -crowding, rank)), np.arange(300))


def test_the_least_crowded_of_the_last_front_stay() -> None:
    points = np.array([[0.0, 10.0], [1.0, 9.0], [1.1, 8.9], [5.0, 5.0], [10.0, 0.0]])
    assert sorted(survivors(points, np.zeros(5), 3)) == [0, 3, 4]


def test_copies_make_way_for_what_differs() -> None:
    points = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    assert sorted(survivors(points, np.zeros(5), 3)) == [0, 3, 4]


def test_an_empty_population_survives_as_nobody() -> None:
    assert len(survivors(np.empty((0, 6)), np.empty(0), 8)) == 0


def pruned_by_definition(points: np.ndarray, size: int) -> list[int]:
    """One front: the most crowded goes, the last of equals, and distances are counted anew, over the first extent."""
    left = list(range(len(points)))
    extent = np.ptp(points, axis=0)
    while len(left) > size:
        room = np.zeros(len(left))
        for column in np.flatnonzero(extent > 0):
            order = np.argsort(points[left, column], kind="stable")
            values = points[left, column][order]
            width = np.r_[np.inf, values[2:] - values[:-2], np.inf] if len(left) > 1 else [np.inf]
            room[order] += np.asarray(width) / extent[column]
        del left[len(left) - 1 - int(np.argmin(room[::-1]))]
    return left


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 39), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_the_most_crowded_make_way_one_at_a_time(seed: int, count: int, size: int, objectives: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, objectives))
    kept = fittest(points, np.ones(count), min(size, count))
    assert kept.tolist() == pruned_by_definition(points, size)


@pytest.mark.parametrize("shape", SHAPES)
def test_ties_left_in_any_order_by_the_sort_change_nothing(shape: str) -> None:
    rng = np.random.default_rng(9)
    points = SHAPES[shape](rng, 90, 3)
    violation = rng.choice([0.0, 0.5, 1.0], 90)
    expected = np.lexsort((np.arange(90), *(-points.T[::-1]), violation))
    for column in points.T:
        shuffled = rng.permutation(90)
        ascending = shuffled[np.argsort(column[shuffled], kind="stable")]
        stable(ascending, column)
        np.testing.assert_array_equal(ascending, np.argsort(column, kind="stable"))
    rows = rng.permutation(90)
    rows = rows[np.argsort(violation[rows], kind="stable")]
    lexicographic(rows, violation, np.ascontiguousarray(points.T), 0)
    np.testing.assert_array_equal(rows, expected)
