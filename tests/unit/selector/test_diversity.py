"""Diversity: each measure is what its definition says, nothing differs among copies, all of it is told and recorded."""

import ast
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

import selector
from common.events.cohorts import ParentsSelected
from generator.generation import settings_of
from generator.initialise import random_population
from recorder.tables import DIVERSITIES
from selector.archive import CELLS
from selector.distance import distances, genotypes
from selector.diversity import MEASURES, cell_entropy, diversities, mean_difference, vendi_score
from selector.state import MEMBER
from tests.unit.selector.island_world import SMALL, World


def members(size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = np.zeros(size, MEMBER)
    genomes = random_population(size, settings_of(SMALL), SMALL.stream_key, 0, seed, first_slot=0)
    found["genome"] = genomes.view(MEMBER["genome"])
    found["descriptor"] = rng.uniform(0, [300, 1, 1], (size, 3))
    found["objectives"] = rng.normal(size=(size, 7))
    return found


@given(st.integers(0, 12), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_mean_difference_is_that_of_all_pairs(n: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).random((n, columns))
    pairs = [np.abs(values[a] - values[b]).mean() for a, b in combinations(range(n), 2)]
    assert mean_difference(values) == pytest.approx(np.mean(pairs) if pairs else 0.0)


@given(st.lists(st.integers(0, CELLS - 1), min_size=2, max_size=40))
@settings(max_examples=40, deadline=None)
def test_cell_entropy_is_that_of_scipy_over_the_greatest_possible(cells: list[int]) -> None:
    expected = entropy(np.unique(cells, return_counts=True)[1]) / np.log(len(cells))
    assert cell_entropy(np.array(cells)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("kinds", "copies"), [(1, 5), (4, 1), (3, 7)])
def test_the_vendi_score_counts_kinds_that_have_nothing_in_common(kinds: int, copies: int) -> None:
    same = np.repeat(np.arange(kinds), copies)
    assert vendi_score((same[:, None] == same).astype(float)) == pytest.approx(kinds)


@given(st.integers(2, 40), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_one_less_the_distance_of_genomes_is_positive_semidefinite(size: int, seed: int) -> None:
    found = genotypes(members(size, seed)["genome"])
    similarity = 1.0 - distances(found, found)
    assert np.linalg.eigvalsh(similarity).min() > -1e-9
    assert 1 <= vendi_score(similarity) <= size


@given(st.integers(0, 200))
@settings(max_examples=15, deadline=None)
def test_the_distance_of_genomes_is_a_metric(seed: int) -> None:
    found = genotypes(members(9, seed)["genome"])
    apart = distances(found, found)
    assert (np.diag(apart) == 0).all()
    np.testing.assert_array_equal(apart, apart.T)
    assert ((apart >= 0) & (apart <= 1)).all()
    assert (apart[:, None, :] <= apart[:, :, None] + apart[None, :, :] + 1e-12).all()


def test_copies_do_not_differ_and_strangers_do_in_every_measure() -> None:
    strangers = members(80)
    copies = np.repeat(strangers[:1], 80)
    for name, value in diversities(copies, copies["objectives"]).items():
        assert value == pytest.approx(1.0 if name == "vendi" else 0.0), name
    apart = diversities(strangers, strangers["objectives"])
    assert all(apart[name] > 0.1 for name in MEASURES)
    assert all(apart[name] <= 1.0 for name in MEASURES if name != "vendi")
    assert diversities(strangers[:0], strangers["objectives"][:0]) == dict.fromkeys(MEASURES, 0.0)


def test_every_close_tells_all_measures_and_the_store_has_a_column_for_each() -> None:
    world = World()
    world.start()
    world.settle()
    told = [event.payload.header.summary for event in world.published if isinstance(event.payload, ParentsSelected)]
    assert all(tuple(summary.diversities) == MEASURES == DIVERSITIES for summary in told)
    assert all(summary.diversities["genetic"] == summary.diversity for summary in told)


@given(st.integers(2, 40), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_vendi_score_is_that_of_lapack(size: int, seed: int) -> None:
    found = genotypes(members(size, seed)["genome"])
    similarity = 1.0 - distances(found, found)
    values = np.linalg.eigvalsh(similarity / size)
    assert vendi_score(similarity) == pytest.approx(np.exp(entropy(np.clip(values, 0, 1))), rel=1e-9)


def test_nothing_that_an_island_says_comes_from_a_library_whose_sums_depend_on_the_machine() -> None:
    sources = sorted(Path(selector.__file__).parent.glob("*.py"))
    assert sources
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else None
            assert name not in ("linalg", "dot", "matmul", "einsum", "inner"), f"{source.name}:{node.lineno}"
            assert not isinstance(node, ast.MatMult), source.name
