"""Steps of real genes: closure, and the distributions of pymoo, SciPy and the papers."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymoo.operators.crossover.sbx import cross_sbx
from pymoo.operators.mutation.pm import mut_pm
from scipy import stats

from common.kernel import kernel
from common.random import new_stream
from generator import real

Floats = npt.NDArray[np.float64]
SBX, POLYNOMIAL, ARITHMETIC, HEURISTIC, DIFFERENTIAL, BARE_BONES = range(6)
SIZE = 20_000
CASES = [
    (0.2, 0.7, 0.0, 1.0, 15.0),
    (0.01, 0.99, 0.0, 1.0, 2.0),
    (-3.0, -2.9, -3.0, 8.0, 20.0),
    (4.0, -1.0, -5.0, 5.0, 0.0),
]


@kernel
def _steps(kind: int, n: int, a: float, b: float, low: float, high: float, eta: float) -> Floats:
    """(n, 2): what ``kind`` makes of genes ``a`` and ``b``; the second column is a's own where there is one result."""
    stream = new_stream(np.uint64(7), 1, 2, 3)
    out = np.empty((n, 2))
    for index in range(n):
        out[index, 1] = a
        if kind == SBX:
            out[index] = real.sbx(stream, a, b, low, high, eta)
        elif kind == POLYNOMIAL:
            out[index, 0] = real.polynomial(stream, a, low, high, eta)
        elif kind == ARITHMETIC:
            out[index, 0] = real.arithmetic(stream, a, b)
        elif kind == HEURISTIC:
            out[index, 0] = real.heuristic(stream, a, b, low, high)
        elif kind == DIFFERENTIAL:
            out[index, 0] = real.differential(a, b, a, eta, low, high)
        else:
            out[index, 0] = real.bare_bones(stream, a, b, low, high)
    return out


def _alike(ours: Floats, theirs: Floats) -> bool:
    return bool(stats.ks_2samp(ours, theirs).pvalue > 1e-3)


@pytest.mark.parametrize(("a", "b", "low", "high", "eta"), CASES)
def test_sbx_spreads_children_as_pymoo_does(a: float, b: float, low: float, high: float, eta: float) -> None:
    ours = _steps(SBX, SIZE, a, b, low, high, eta)
    parents = np.broadcast_to(np.array([a, b])[:, None, None], (2, SIZE, 1))
    column = np.full((SIZE, 1), eta)
    bounds = np.array([low]), np.array([high])
    randomness = np.random.default_rng(3)
    theirs = cross_sbx(parents, *bounds, column, 1.0, np.full((SIZE, 1), 0.5), random_state=randomness)[:, :, 0].T
    assert _alike(ours[:, 0], theirs[:, 0])
    assert _alike(ours.min(axis=1), theirs.min(axis=1))
    assert _alike(ours.max(axis=1), theirs.max(axis=1))
    assert _alike(ours.sum(axis=1), theirs.sum(axis=1))


@pytest.mark.parametrize(
    ("x", "low", "high", "eta"), [(0.5, 0.0, 1.0, 20.0), (0.0, 0.0, 1.0, 5.0), (7.9, -3.0, 8.0, 1.0)]
)
def test_polynomial_mutation_steps_as_pymoo_does(x: float, low: float, high: float, eta: float) -> None:
    ours = _steps(POLYNOMIAL, SIZE, x, x, low, high, eta)[:, 0]
    theirs = mut_pm(
        np.full((SIZE, 1), x),
        np.array([low]),
        np.array([high]),
        np.full(SIZE, eta),
        np.ones(SIZE),
        False,
        random_state=np.random.default_rng(3),
    )
    assert _alike(ours, theirs[:, 0])


def test_arithmetic_is_uniform_between_the_parents_and_heuristic_beyond_the_better() -> None:
    between = _steps(ARITHMETIC, SIZE, 5.0, 2.0, 0.0, 9.0, 0.0)[:, 0]
    assert stats.kstest(between, stats.uniform(2.0, 3.0).cdf).pvalue > 1e-3
    beyond = _steps(HEURISTIC, SIZE, 5.0, 2.0, 0.0, 9.0, 0.0)[:, 0]
    assert stats.kstest(beyond, stats.uniform(5.0, 3.0).cdf).pvalue > 1e-3
    cut_off = _steps(HEURISTIC, SIZE, 2.0, 5.0, 1.0, 9.0, 0.0)[:, 0]
    assert stats.kstest(cut_off, stats.uniform(1.0, 1.0).cdf).pvalue > 1e-3


def test_bare_bones_is_normal_around_the_middle_as_wide_as_the_bests_are_apart() -> None:
    drawn = _steps(BARE_BONES, SIZE, 1.0, 3.0, -1e6, 1e6, 0.0)[:, 0]
    assert stats.kstest(drawn, stats.norm(2.0, 2.0).cdf).pvalue > 1e-3


def test_the_reflected_normal_is_folded_at_the_walls() -> None:
    drawn = _steps(BARE_BONES, SIZE, 0.0, 0.5, 0.0, 0.6, 0.0)[:, 0]
    normal = stats.norm(0.25, 0.5)

    turns = 1.2 * np.arange(-5, 6)[:, None]
    x = np.sort(drawn)
    folded = (normal.cdf(turns + x) - normal.cdf(turns - x)).sum(axis=0)
    assert stats.kstest(folded, "uniform").pvalue > 1e-3


def test_differential_steps_by_the_difference_and_bounces_off_the_bounds() -> None:
    assert real.differential(1.0, 4.0, 2.0, 0.5, 0.0, 5.0) == 2.0
    assert real.differential(4.5, 4.0, 2.0, 0.5, 0.0, 5.0) == 4.5
    assert real.differential(0.5, 2.0, 4.0, 0.5, 0.0, 5.0) == 0.5
    assert real.differential(0.0, 12.0, 0.0, 1.0, 0.0, 5.0) == 2.0


BOUND = st.floats(-1e6, 1e6)
SHARE = st.floats(0.0, 1.0)


@given(BOUND, st.floats(0.0, 1e6), SHARE, SHARE, st.floats(0.0, 100.0), st.sampled_from(range(6)))
@settings(max_examples=300, deadline=None)
def test_no_step_leaves_the_bounds(low: float, extent: float, p: float, q: float, eta: float, kind: int) -> None:
    high = low + extent
    a, b = (min(low + share * extent, high) for share in (p, q))
    children = _steps(kind, 20, a, b, low, high, eta)
    assert ((children >= low) & (children <= high)).all()


@kernel
def _powers(bases: Floats, exponent: float) -> Floats:
    """One call each, as the steps of a single gene make it."""
    out = np.empty(len(bases))
    for index in range(len(bases)):
        out[index] = real.power(bases[index], exponent)
    return out


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=40), st.floats(-101.0, 101.0))
@settings(max_examples=300, deadline=None)
def test_power_is_that_of_the_c_library_one_by_one_and_in_vectors(bases: list[float], exponent: float) -> None:
    values = np.zeros(48)
    values[: len(bases)] = bases
    real.powers(values, len(bases), exponent)
    ours = _powers(np.array(bases), exponent)
    assert np.array_equal(ours, values[: len(bases)])
    theirs = np.exp(np.clip(exponent * np.log(np.array(bases, np.longdouble)), -700.0, 700.0))
    assert np.allclose(np.asarray(ours / theirs, float), 1.0, rtol=2e-13, atol=0.0)


@given(BOUND, BOUND, BOUND)
@settings(max_examples=100, deadline=None)
def test_equal_parents_and_closed_ranges_hand_the_gene_on(a: float, b: float, x: float) -> None:
    assert (_steps(SBX, 3, a, a, min(a, b), max(a, b), 15.0) == a).all()
    assert (_steps(POLYNOMIAL, 3, x, x, x, x, 15.0) == x).all()
