"""The maze of the benchmark: its walls hold, and novelty finds the way out that fitness alone does not."""

import numpy as np

from benchmarks.maze import GOAL, START, STEPS, STRIDE, WALLS, away, solved, walk


def test_straight_ahead_ends_at_the_bottom_of_the_pocket() -> None:
    end = walk(np.zeros((1, STEPS)), START, STRIDE, WALLS)[0]
    assert end[1] == START[1]
    assert WALLS[0, 0] - STRIDE <= end[0] < WALLS[0, 0]


def test_nobody_stands_where_no_way_leads() -> None:
    closed = np.concatenate([WALLS, [[0.1, 0.2, 0.1, 0.8]]])
    turns = np.random.default_rng(1).uniform(-1, 1, (2000, STEPS)) * np.linspace(0.01, 1, 2000)[:, None]
    ends = walk(turns, START, STRIDE, closed)
    assert (ends > [0.1, 0.2]).all()
    assert (ends < [0.75, 0.8]).all()
    assert away(ends).min() > 0.1


def test_the_way_out_ends_at_the_goal() -> None:
    headings = np.repeat([np.pi, np.pi / 2, 0.0, -np.pi / 2], [14, 10, 20, 10])
    turns = np.diff(headings, prepend=0.0) / (np.pi / 2)
    corner = walk(turns[None, : 14 + 10], START, STRIDE, WALLS)[0]
    np.testing.assert_allclose(corner, [START[0] - 14 * STRIDE, START[1] + 10 * STRIDE])
    above = walk(turns[None, : 14 + 10 + 20], START, STRIDE, WALLS)[0]
    np.testing.assert_allclose(above, [corner[0] + 20 * STRIDE, corner[1]])
    assert np.hypot(*(walk(turns[None], START, STRIDE, WALLS)[0] - GOAL)) < STRIDE


def test_novelty_gets_out_and_fitness_stays_in() -> None:
    generation, nearest = solved(seed=3, generations=100, novelty=True)
    assert generation is not None
    assert nearest < 0.05
    generation, nearest = solved(seed=3, generations=100, novelty=False)
    assert generation is None
    assert nearest > 0.05
