"""Novelty: nearest neighbours are scikit-learn's, the chosen are told apart, the threshold keeps a steady pace."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from selector.novelty import ADDED_FIRST, LOWERED, RAISED, euclidean, most_novel, nearest, raised, sparseness


def chosen(points: np.ndarray, known: np.ndarray, wanted: int, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    def to_candidate(row: int) -> np.ndarray:
        return euclidean(points, points[row : row + 1])[:, 0]

    return most_novel(euclidean(points, known), to_candidate, wanted, neighbours)


@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 4), st.integers(1, 12), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_neighbours_are_those_of_scikit_learn(n: int, known: int, axes: int, neighbours: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, others = rng.normal(size=(n, axes)), rng.normal(size=(known, axes))
    found = nearest(euclidean(points, others), neighbours)
    count = min(neighbours, known)
    expected = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(others).kneighbors(points)[0]
    np.testing.assert_allclose(found[:, :count], expected, atol=1e-6)
    assert np.isinf(found[:, count:]).all()
    np.testing.assert_allclose(sparseness(found), expected.mean(axis=1), atol=1e-6)


@given(st.integers(1, 15), st.integers(0, 10), st.integers(1, 15), st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_each_choice_is_the_most_novel_beside_all_before_it(
    n: int, known: int, wanted: int, neighbours: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    points, others = rng.integers(0, 5, (n, 2)).astype(float), rng.integers(0, 5, (known, 2)).astype(float)
    rows, novelty = chosen(points, others, wanted, neighbours)
    assert len(set(rows.tolist())) == len(rows) == min(n, wanted)
    seen = others
    left = list(range(n))
    for row, told in zip(rows, novelty, strict=True):
        if len(seen):
            apart = np.sort(np.linalg.norm(points[left][:, None] - seen, axis=2), axis=1)[:, :neighbours].mean(axis=1)
        else:
            apart = np.full(len(left), np.inf)
        assert told == apart.max() or np.isclose(told, apart.max())
        assert np.isclose(apart[left.index(row)], apart.max()) or np.isinf(told)
        left.remove(row)
        seen = np.concatenate([seen, points[row : row + 1]])


def test_of_many_alike_one_is_novel() -> None:
    points = np.array([[9.0, 9.0]] * 5 + [[0.0, 3.0], [0.5, 0.0]])
    rows, _ = chosen(points, np.zeros((1, 2)), 3, 1)
    assert rows.tolist() == [0, 5, 6]


def test_the_first_threshold_lets_in_a_few_and_then_it_keeps_pace() -> None:
    novelty = np.arange(20.0, 0.0, -1.0)
    entering, threshold = raised(np.nan, novelty)
    assert entering.sum() == ADDED_FIRST
    assert threshold == RAISED * 12.0
    entering, lower = raised(threshold, np.array([14.0, 3.0]))
    assert not entering.any()
    assert lower == LOWERED * threshold
    entering, kept = raised(lower, np.array([lower + 1.0, lower]))
    assert entering.tolist() == [True, False]
    assert kept == lower


def test_whoever_is_alone_enters_and_sets_no_threshold() -> None:
    entering, threshold = raised(np.nan, np.array([np.inf]))
    assert entering.tolist() == [True]
    assert np.isnan(threshold)
