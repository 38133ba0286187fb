"""Emitters: iso-line steps have the spread of their paper, samples have the covariance that they are told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from common.random import new_stream
from generator.emitting import emit_lines, emit_normals, fill_normals

KEY = np.uint64(11)
WIDE = (np.full(3, -np.inf), np.full(3, np.inf))


def lines(elites: np.ndarray, iso: float, line: float, count: int, bounds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    children = np.empty((count, elites.shape[1]))
    rows = np.arange(len(elites))
    emit_lines((KEY, 0, 0, 0), elites, rows, bounds, np.full(elites.shape[1], iso), line, children)
    return children


@pytest.mark.parametrize("count", [1, 2, 7, 20_001])
def test_normals_are_normal_and_independent(count: int) -> None:
    numbers = np.empty(count)
    fill_normals(new_stream(KEY, 0, 0, count), numbers)
    assert kstest(numbers, "norm").pvalue > 1e-3
    if count > 2:
        lag = min(abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) * np.sqrt(count), 10)
        assert lag < 4


def test_a_step_from_one_elite_alone_is_isotropic() -> None:
    children = lines(np.array([[1.0, 2.0, 3.0]]), 0.5, 0.2, 20_000, WIDE)
    for gene in range(3):
        assert kstest((children[:, gene] - gene - 1) / 0.5, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(children.T) - np.eye(3)).max() < 0.03


def test_a_step_between_two_elites_is_long_along_their_line() -> None:
    elites = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]])
    children = lines(elites, 0.01, 0.2, 40_000, WIDE)
    near = np.linalg.norm(children - elites[0], axis=1) < np.linalg.norm(children - elites[1], axis=1)
    along = (children - np.where(near[:, None], elites[0], elites[1])) @ [0.6, 0.8, 0.0]
    across = children @ [0.8, -0.6, 0.0]
    assert across.std() == pytest.approx(0.01, rel=0.05)
    # Half of the pairs are an elite and itself; of the others the line has a deviation of 0.2 * 5.
    assert (np.abs(along) < 0.05).mean() == pytest.approx(0.5 + 0.5 * 0.04, abs=0.03)
    assert (np.abs(along) > 1.0).mean() == pytest.approx(0.5 * 0.317, abs=0.02)


def test_samples_have_the_mean_and_covariance_that_they_are_told() -> None:
    axes = np.array([[1.0, 0.0, 0.0], [2.0, 0.5, 0.0], [-1.0, 0.3, 0.1]])
    children = np.empty((60_000, 3))
    emit_normals((KEY, 0, 0, 0), np.array([1.0, 2.0, 3.0]), axes, WIDE, children)
    np.testing.assert_allclose(children.mean(axis=0), [1, 2, 3], atol=0.03)
    np.testing.assert_allclose(np.cov(children.T), axes @ axes.T, atol=0.08)


@given(st.integers(0, 2**63), st.floats(0.0, 5.0), st.floats(0.0, 3.0), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_no_child_leaves_the_bounds(key: int, iso: float, line: float, elites: int) -> None:
    low, high = np.array([-1.0, 0.0, 2.0]), np.array([1.0, 0.0, 2.5])
    parents = low + (high - low) * np.random.default_rng(elites).random((elites, 3))
    children = np.empty((8, 3))
    emit_lines((np.uint64(key), 1, 2, 3), parents, np.arange(elites), (low, high), np.full(3, iso), line, children)
    assert ((low <= children) & (children <= high)).all()
    emit_normals((np.uint64(key), 1, 2, 3), parents[0], iso * np.eye(3), (low, high), children)
    assert ((low <= children) & (children <= high)).all()


def test_a_child_is_a_function_of_its_name_alone() -> None:
    elites = np.random.default_rng(1).normal(size=(5, 3))
    all_at_once, one_by_one = np.empty((6, 3)), np.empty((6, 3))
    iso = np.full(3, 0.1)
    emit_lines((KEY, 4, 5, 0), elites, np.arange(5), WIDE, iso, 0.2, all_at_once)
    for slot in range(6):
        emit_lines((KEY, 4, 5, slot), elites, np.arange(5), WIDE, iso, 0.2, one_by_one[slot : slot + 1])
    assert all_at_once.tobytes() == one_by_one.tobytes()
