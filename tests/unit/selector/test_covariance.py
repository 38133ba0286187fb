"""The CMA-ME emitter: axes are NumPy's eigenvectors, a valley is descended, what is flat ends, its record is all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.emitting import emit_normals
from selector.archive import IMPROVED, NEW, REJECTED
from selector.covariance import (
    LARGEST,
    RESTARTS,
    STEP,
    TOLD,
    Emitter,
    eigen,
    emitter,
    improve,
    improvement_order,
    new_emitters,
    restart,
)

GENES = 6
EVERYWHERE = (np.full(GENES, -np.inf), np.full(GENES, np.inf))


def start(step: float = 0.5) -> Emitter:
    return emitter(new_emitters(1, np.zeros(GENES), step))


def sample(state: Emitter, generation: int, count: int = 24) -> np.ndarray:
    children = np.empty((count, len(state.mean)))
    emit_normals((np.uint64(3), 0, generation, 0), state.mean, state.figures[STEP] * state.axes, EVERYWHERE, children)
    return children


@given(st.integers(1, 12), st.integers(0, 2**32), st.sampled_from([1e-8, 1.0, 1e6]))
@settings(max_examples=40, deadline=None)
def test_eigenvectors_are_those_of_numpy(size: int, seed: int, scale: float) -> None:
    root = np.random.default_rng(seed).normal(size=(size, size)) * scale
    matrix = root @ root.T
    values, vectors = eigen(matrix)
    largest = np.abs(matrix).max() * size
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(matrix), atol=1e-13 * largest)
    np.testing.assert_allclose(vectors @ np.diag(values) @ vectors.T, matrix, atol=1e-13 * largest)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(size), atol=1e-12)


@given(st.lists(st.tuples(st.sampled_from([REJECTED, IMPROVED, NEW]), st.integers(-3, 3).map(float)), min_size=1))
@settings(max_examples=60, deadline=None)
def test_new_cells_stand_before_improvements_and_ties_keep_their_order(rows: list[tuple[np.uint8, float]]) -> None:
    status, gain = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    expected = sorted(range(len(rows)), key=lambda row: (-int(rows[row][0]), -rows[row][1], row))
    assert improvement_order(status, gain).tolist() == expected


def test_a_long_valley_is_descended_and_the_axes_learn_its_shape() -> None:
    state = start()
    stretch = 10.0 ** np.linspace(0, 2, GENES)
    value = np.inf
    for generation in range(250):
        children = sample(state, generation)
        badness = (stretch * (children - 1.0) ** 2).sum(axis=1)
        status = np.where(badness <= np.median(badness), IMPROVED, REJECTED).astype(np.uint8)
        improve(state, children, status, -badness)
        value = badness.min()
    assert value < 1e-8
    covariance = state.axes @ state.axes.T
    assert covariance[0, 0] / covariance[-1, -1] == pytest.approx(100, rel=0.9)
    np.testing.assert_allclose(state.inverse_root @ covariance @ state.inverse_root, np.eye(GENES), atol=1e-9)


def test_an_archive_that_takes_nothing_ends_the_emitter_and_it_begins_anew() -> None:
    state = start()
    children = sample(state, 0)
    nothing = np.zeros(len(children), np.uint8)
    before = state.mean.copy()
    assert improve(state, children, nothing, np.full(len(children), -1.0))
    assert (state.mean == before).all()
    restart(state, np.ones(GENES), 0.25)
    assert state.mean.tolist() == [1.0] * GENES
    assert state.figures[[STEP, TOLD, LARGEST, RESTARTS]].tolist() == [0.25, 0.0, 1.0, 1.0]
    np.testing.assert_array_equal(state.axes, np.eye(GENES))


def test_equal_gains_of_all_end_the_emitter() -> None:
    state = start()
    children = sample(state, 0)
    assert improve(state, children, np.full(len(children), NEW), np.full(len(children), 7.0))


def test_one_parent_moves_the_mean_to_itself() -> None:
    state = start()
    children = sample(state, 0)
    status, gain = np.zeros(len(children), np.uint8), -np.arange(len(children), dtype=float)
    status[5] = NEW
    assert not improve(state, children, status, gain)
    np.testing.assert_allclose(state.mean, children[5], atol=1e-15)
    assert np.isfinite(state.covariance).all()
    assert state.figures[STEP] > 0


def test_a_record_holds_all_that_the_next_update_follows_from() -> None:
    straight, resumed = new_emitters(1, np.zeros(GENES), 0.5), new_emitters(1, np.zeros(GENES), 0.5)
    for generation in range(12):
        for records in (straight, resumed):
            children = sample(emitter(records), generation)
            improve(emitter(records), children, (children[:, 0] > 0).astype(np.uint8), children.sum(axis=1))
        resumed = np.frombuffer(resumed.tobytes(), resumed.dtype).copy()
    assert straight.tobytes() == resumed.tobytes()
