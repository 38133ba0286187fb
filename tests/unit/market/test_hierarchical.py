"""Hierarchical risk parity against the algorithm of the paper on SciPy, and against figures of skfolio."""

import numpy as np
import pytest
import scipy.cluster.hierarchy as sch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from common.market.hierarchical import correlation, hierarchical_weights, make_tree

SKFOLIO = [
    0.5293578287321554,
    0.1444826769856955,
    0.07922574116137301,
    0.14056993527757325,
    0.023059981256103264,
    0.017721639429006578,
    0.04774533650663941,
    0.017836860651453543,
]


def weights_of(covariance, legs=None):
    k = len(covariance)
    chosen = np.arange(k) if legs is None else np.asarray(legs)
    weights = np.zeros(k)
    hierarchical_weights(covariance, chosen, len(chosen), make_tree(k), weights)
    return weights


def of_the_paper(covariance):
    """López de Prado 2016, snippets 16.1 to 16.4, the linkage and the order of its leaves by SciPy."""
    deviation = np.sqrt(np.diag(covariance))
    near = np.clip(covariance / np.outer(deviation, deviation), -1, 1)
    distance = np.sqrt((1 - near) / 2)
    order = sch.leaves_list(sch.linkage(pdist(distance), "single"))

    def variance(items):
        part = covariance[np.ix_(items, items)]
        inverse = 1 / np.diag(part)
        inverse /= inverse.sum()
        return inverse @ part @ inverse

    weights, clusters = np.ones(len(covariance)), [order]
    while clusters:
        halves = [(c[: len(c) // 2], c[len(c) // 2 :]) for c in clusters if len(c) > 1]
        for left, right in halves:
            alpha = 1 - variance(left) / (variance(left) + variance(right))
            weights[left] *= alpha
            weights[right] *= 1 - alpha
        clusters = [half for pair in halves for half in pair]
    return weights


def random_covariance(legs, seed):
    draw = np.random.default_rng(seed)
    factors = draw.normal(size=(max(legs // 2, 1), legs))
    returns = draw.normal(size=(250, len(factors))) @ factors + draw.normal(size=(250, legs)) * draw.uniform(
        0.2, 3, legs
    )
    return np.atleast_2d(np.cov(returns.T * 0.01))


def noise(t, k):
    return (t * (7919 * k + 31) + t * t * (104729 + k)) % 10007 / 10007 - 0.5


@settings(max_examples=60)
@given(st.integers(1, 16), st.integers(0, 2**32))
def test_weights_are_those_of_the_paper(legs, seed):
    covariance = random_covariance(legs, seed)
    expected = of_the_paper(covariance) if legs > 1 else np.ones(1)
    np.testing.assert_allclose(weights_of(covariance), expected, rtol=1e-9)


def test_weights_are_those_of_skfolio():
    # HierarchicalRiskParity of skfolio 1.12.2 with single linkage, no optimal ordering, and for distance the paper's:
    # Euclidean between the columns of PearsonDistance. It is not installed here, and needs no more than this once.
    t = np.arange(1, 251)
    common, second = noise(t, 90), noise(t, 91)
    columns = [
        0.01 * (1 + i / 3) * (noise(t, i) + (common if i % 3 else 0.4 * second) * (0.4 + 0.15 * i)) for i in range(8)
    ]
    np.testing.assert_allclose(weights_of(np.cov(columns)), SKFOLIO, rtol=1e-12)


@given(st.integers(2, 8), st.integers(0, 2**32))
def test_only_the_legs_named_get_weight_and_it_sums_to_one(legs, seed):
    covariance = random_covariance(legs, seed)
    named = np.random.default_rng(seed).permutation(legs)[: max(legs // 2, 1)]
    weights = weights_of(covariance, named)
    assert weights.sum() == pytest.approx(1)
    assert set(np.flatnonzero(weights)) == set(named)
    np.testing.assert_allclose(weights[named], weights_of(covariance[np.ix_(named, named)]), rtol=1e-9)


def test_two_legs_share_inversely_to_their_variance():
    np.testing.assert_allclose(weights_of(np.array([[1.0, 0.3], [0.3, 4.0]])), [0.8, 0.2])


def test_equal_series_and_hedges_without_risk_still_share_everything():
    same = weights_of(np.full((3, 3), 0.04))
    assert same.sum() == pytest.approx(1)
    # Two pairs, each of which cancels out: neither half has a variance to go by.
    hedges = np.kron(np.eye(2), np.array([[1.0, -1.0], [-1.0, 1.0]]))
    np.testing.assert_allclose(weights_of(hedges), 0.25)


def test_a_correlation_stays_within_one_and_is_zero_where_nothing_is_known():
    above = np.array([[0.1, 0.1 + 1e-16], [0.1 + 1e-16, 0.1]]) * 1.1
    assert correlation(above, 0, 1) <= 1
    assert correlation(np.array([[0.0, 0.0], [0.0, 1.0]]), 0, 1) == 0
    assert correlation(np.array([[np.nan, np.nan], [np.nan, 1.0]]), 0, 1) == 0
