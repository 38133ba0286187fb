"""Adding to an archive: a batch equals one by one, owners give way only to better ones, all figures are pyribs'."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribs.archives import GridArchive

from selector.archive import (
    EMPTY,
    IMPROVED,
    NEW,
    REJECTED,
    Archive,
    add,
    empty_archive,
    grid_cells,
    judge,
    statistics,
)

CELLS, GENES = 7, 3
ROWS = st.lists(
    st.tuples(st.integers(-1, CELLS - 1), st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, np.nan, np.inf, -np.inf])),
    max_size=40,
)


def columns(rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cells, scores, and solutions and descriptors that name their row."""
    cell = np.array([row[0] for row in rows], np.int64)
    score = np.array([row[1] for row in rows], np.float64)
    number = np.arange(len(rows), dtype=np.float64)[:, None]
    return cell, score, number * np.ones(GENES), number * np.ones(2)


def filled(rows: list[tuple[int, float]], batch: int) -> Archive:
    archive = empty_archive(CELLS, GENES, 2)
    arrays = columns(rows)
    for start in range(0, len(rows), batch):
        add(archive, *(array[start : start + batch] for array in arrays))
    return archive


@given(ROWS, st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_a_batch_equals_one_by_one(rows: list[tuple[int, float]], batch: int) -> None:
    one_by_one, in_batches = filled(rows, 1), filled(rows, batch)
    for one, other in zip(one_by_one, in_batches, strict=True):
        assert one.tobytes() == other.tobytes()


@given(ROWS, st.integers(1, 10))
@settings(max_examples=100, deadline=None)
def test_the_owner_of_a_cell_is_the_first_of_its_best(rows: list[tuple[int, float]], batch: int) -> None:
    archive = filled(rows, batch)
    best: dict[int, tuple[float, int]] = {}
    for number, (cell, score) in enumerate(rows):
        if cell >= 0 and np.isfinite(score) and score > best.get(cell, (-np.inf, 0))[0]:
            best[cell] = (score, number)
    for cell in range(CELLS):
        score, number = best.get(cell, (EMPTY, 0))
        assert archive.score[cell] == score
        assert (archive.solution[cell] == number).all()
        assert (archive.descriptor[cell] == number).all()
    figures = statistics(archive, offset=-2.0)
    assert sorted(archive.occupied[: figures.elites].tolist()) == sorted(best)
    assert figures.coverage == pytest.approx(len(best) / CELLS)
    assert figures.qd_score == pytest.approx(sum(score + 2.0 for score, _ in best.values()))
    assert figures.best == max((score for score, _ in best.values()), default=EMPTY)


@given(ROWS, ROWS)
@settings(max_examples=60, deadline=None)
def test_no_cell_gets_worse(first: list[tuple[int, float]], second: list[tuple[int, float]]) -> None:
    archive = filled(first, 40)
    before = archive.score.copy()
    add(archive, *columns(second))
    assert (archive.score >= before).all()


def test_what_is_no_number_is_rejected_and_changes_nothing() -> None:
    archive = empty_archive(CELLS, GENES, 2)
    status, gain = add(archive, *columns([(0, np.nan), (1, np.inf), (2, -np.inf), (-1, 1.0)]))
    assert (status == REJECTED).all()
    assert (gain == EMPTY).all()
    assert statistics(archive).elites == 0
    low, high = np.zeros(2), np.ones(2)
    assert grid_cells(np.array([[np.nan, 0.5], [0.5, np.nan]]), low, high, np.array([3, 3])).tolist() == [-1, -1]


def test_status_and_gain_are_told_against_the_archive_before_the_batch() -> None:
    archive = filled([(0, 1.0)], 1)
    status, gain = add(archive, *columns([(0, 3.0), (0, 2.0), (0, 0.5), (1, 4.0), (1, 5.0)]))
    assert status.tolist() == [IMPROVED, IMPROVED, REJECTED, NEW, NEW]
    assert gain.tolist() == [2.0, 1.0, -0.5, 4.0, 5.0]
    assert judge(archive.score, np.array([0, 1]), np.array([3.0, 5.5]))[1].tolist() == [0.0, 0.5]


def test_cells_status_gains_elites_and_figures_are_those_of_pyribs() -> None:
    rng = np.random.default_rng(3)
    shape, low, high = np.array([6, 5, 4]), np.array([-1.0, 0.0, 2.0]), np.array([1.0, 3.0, 2.5])
    ours = empty_archive(int(shape.prod()), GENES, 3)
    peer = GridArchive(
        solution_dim=GENES,
        dims=shape.tolist(),
        ranges=list(zip(low, high, strict=True)),
        qd_score_offset=-5.0,
        epsilon=0.0,
    )
    for batch in range(20):
        solution, score = rng.normal(size=(30, GENES)), rng.normal(size=30) + batch / 10
        descriptor = low + (high - low) * rng.uniform(-0.2, 1.2, (30, 3))
        cell = grid_cells(descriptor, low, high, shape)
        assert cell.tolist() == peer.index_of(descriptor).tolist()
        told = peer.add(solution, score, descriptor)
        status, gain = add(ours, cell, score, solution, descriptor)
        assert status.tolist() == told["status"].tolist()
        np.testing.assert_allclose(gain, told["value"], atol=1e-12)
        figures = statistics(ours, offset=-5.0)
        assert figures.elites == peer.stats.num_elites
        assert figures.qd_score == pytest.approx(peer.stats.qd_score)
        assert figures.best == peer.stats.obj_max
    elites = peer.data(return_type="dict")
    np.testing.assert_array_equal(ours.solution[elites["index"]], elites["solution"])
    np.testing.assert_array_equal(ours.score[elites["index"]], elites["objective"])
