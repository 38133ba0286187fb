"""The tessellation: nearest centres are SciPy's, cells are as even as scikit-learn's, the same centres every time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans

from selector.cvt import centres, nearest_of, tree_of


@given(st.integers(1, 200), st.integers(1, 5), st.integers(1, 50), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_nearest_centre_is_that_of_scipy(cells: int, axes: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    middle, points = rng.random((cells, axes)), rng.uniform(-0.5, 1.5, (count, axes))
    assert nearest_of(tree_of(middle), points).tolist() == cKDTree(middle).query(points)[1].tolist()


@given(st.integers(1, 60), st.integers(1, 3), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_of_equally_near_centres_the_first_is_taken(cells: int, axes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    middle, points = rng.integers(0, 3, (cells, axes)).astype(float), rng.integers(0, 6, (20, axes)) / 2.0
    apart = ((points[:, None] - middle) ** 2).sum(axis=2)
    assert nearest_of(tree_of(middle), points).tolist() == apart.argmin(axis=1).tolist()


def test_what_is_no_number_has_no_cell() -> None:
    assert nearest_of(tree_of(np.zeros((3, 2))), np.array([[np.nan, 0.0], [0.0, 0.0]])).tolist() == [-1, 0]


@pytest.mark.parametrize(("cells", "axes"), [(1, 2), (64, 2), (100, 3)])
def test_cells_are_as_even_as_those_of_scikit_learn(cells: int, axes: int) -> None:
    middle = centres(cells, axes, 50 * cells, 20)
    assert ((middle > 0) & (middle < 1)).all()
    points = np.random.default_rng(1).random((20_000, axes))
    peer = KMeans(cells, n_init=1, random_state=1, max_iter=50).fit(points[: 50 * cells]).cluster_centers_
    ours, theirs = (np.mean(cKDTree(found).query(points)[0] ** 2) for found in (middle, peer))
    assert ours <= 1.05 * theirs
    share = np.bincount(nearest_of(tree_of(middle), points), minlength=cells) / len(points)
    assert share.min() > 0.3 / cells


def test_centres_are_always_the_same() -> None:
    assert centres(50, 3, 500, 5).tobytes() == centres(50, 3, 500, 5).tobytes()
    assert centres(50, 3, 500, 5).tobytes() != centres(51, 3, 510, 5)[:50].tobytes()
