"""Quantum-inspired bits: chances turn toward the best, sets are drawn by them and are never empty unless they may."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.genome.codec import valid
from common.kernel import kernel
from common.random import new_stream
from generator import quantum
from generator.initialise import random_population
from generator.quantum import UNSETTLED
from generator.tables import MASK_BITS, MASK_MAY_BE_EMPTY, MASKS, Genes, Settings, pack, unpack

KEY = np.uint64(5)
HAN_AND_KIM = math.sin(0.01 * math.pi)
CHANCE = st.floats(UNSETTLED, 1.0 - UNSETTLED)


@kernel
def _observed(chances: npt.NDArray[np.float64], may_be_empty: bool, count: int) -> npt.NDArray[np.int64]:
    stream = new_stream(KEY, 1, 2, 3)
    return np.array([quantum.observe(stream, chances, may_be_empty) for _ in range(count)])


@kernel
def _one_max(bits: int, population: int, generations: int, sine: float) -> int:
    """Most ones that a quantum-inspired search (the paper's, without migration) has seen."""
    chances = np.full((population, bits), 0.5)
    best, most = 0, 0
    for generation in range(generations):
        for row in range(population):
            stream = new_stream(KEY, 0, generation, row)
            mask = quantum.observe(stream, chances[row], True)
            ones = 0
            for bit in range(bits):
                ones += mask >> bit & 1
            if ones > most:
                best, most = mask, ones
            quantum.rotate(chances[row], mask, best, sine)
    return most


@kernel
def _bred(parents: Genes, settings: Settings) -> Genes:
    children = Genes(
        parents.alleles.copy(),
        parents.reals.copy(),
        parents.masks.copy(),
        parents.trees.copy(),
        parents.feature_sources.copy(),
    )
    n = len(parents.masks)
    for row in range(n):
        family = np.array([row, (row + 1) % n, (row + 2) % n])
        stream, room = new_stream(KEY, 0, 0, row), (np.empty(quantum.MASK_WIDTH), np.empty(3, np.uint32))
        quantum.quantum_crossover(stream, children, row, parents, family, family[1], settings, room)
    return children


@given(CHANCE, st.integers(0, 1), st.floats(0.0, 1.0))
@settings(max_examples=200, deadline=None)
def test_a_rotation_is_that_of_the_amplitudes(chance: float, on: int, sine: float) -> None:
    angle = math.asin(math.sqrt(chance)) + (math.asin(sine) if on else -math.asin(sine))
    wanted = math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2
    assert quantum.rotated(chance, on, sine) == pytest.approx(min(max(wanted, UNSETTLED), 1 - UNSETTLED), abs=1e-9)


@given(st.lists(CHANCE, min_size=1, max_size=24), st.integers(0, 2**24 - 1))
@settings(max_examples=50, deadline=None)
def test_rotations_toward_the_best_end_at_its_bits(chances: list[float], best: int) -> None:
    turned = np.array(chances)
    wanted = best & ((1 << len(chances)) - 1)
    for _ in range(60):
        quantum.rotate(turned, ~wanted, wanted, HAN_AND_KIM)
    on = (wanted >> np.arange(len(chances)) & 1).astype(bool)
    assert np.array_equal(turned, np.where(on, 1 - UNSETTLED, UNSETTLED))


@given(st.lists(CHANCE, min_size=1, max_size=24), st.integers(0, 2**24 - 1))
@settings(max_examples=50, deadline=None)
def test_bits_that_agree_with_the_best_are_not_turned(chances: list[float], best: int) -> None:
    turned = np.array(chances)
    quantum.rotate(turned, best, best, HAN_AND_KIM)
    assert turned.tolist() == chances


def test_chances_are_the_shares_of_the_parents() -> None:
    masks = np.array([0b0011, 0b0001, 0b0101, 0b0001], np.uint32)
    chances = np.empty(4)
    quantum.estimate(masks, chances)
    assert chances.tolist() == [1 - UNSETTLED, 0.25, 0.25, UNSETTLED]


def test_bits_are_on_with_their_chances_and_independent() -> None:
    chances = np.array([0.1, 0.5, 0.9, 0.3])
    drawn = np.bincount(_observed(chances, True, 100_000), minlength=16)
    on = np.arange(16)[:, None] >> np.arange(4) & 1
    expected = np.where(on, chances, 1 - chances).prod(axis=1)
    assert stats.chisquare(drawn, 100_000 * expected).pvalue > 1e-3


def test_a_set_that_may_not_be_empty_has_the_chances_given_that_it_is_not() -> None:
    chances = np.array([0.1, 0.02, 0.2, 0.05])
    drawn = np.bincount(_observed(chances, False, 100_000), minlength=16)
    on = np.arange(16)[:, None] >> np.arange(4) & 1
    joint = np.where(on, chances, 1 - chances).prod(axis=1)
    assert drawn[0] == 0
    often = np.arange(16)[100_000 * joint / (1 - joint[0]) > 5][1:]
    expected = 100_000 * joint[often] / (1 - joint[0])
    assert stats.chisquare(drawn[often], expected * drawn[often].sum() / expected.sum()).pvalue > 1e-3


@given(st.lists(CHANCE, min_size=1, max_size=32))
@settings(max_examples=50, deadline=None)
def test_no_set_is_empty_that_may_not_be(chances: list[float]) -> None:
    drawn = _observed(np.array(chances), False, 200)
    assert ((drawn > 0) & (drawn < 1 << len(chances))).all()


def test_it_finds_the_full_set_of_thirty_bits() -> None:
    assert _one_max(30, 10, 300, HAN_AND_KIM) == 30


def test_children_change_in_their_sets_alone_and_are_genomes() -> None:
    settings = Settings(instruments=4, hours=True)
    parents = random_population(400, settings, 5, 0, 0)
    children = _bred(unpack(parents), settings)
    bred = pack(children)
    assert valid(bred).all()
    same = ["alleles", "reals", "trees"]
    assert all(np.array_equal(bred[name], parents[name]) for name in same)
    assert (bred["masks"] != parents["masks"]).any()
    for slot in MASKS:
        assert (children.masks[:, slot] >> MASK_BITS[slot] == 0).all()
        assert MASK_MAY_BE_EMPTY[slot] or (children.masks[:, slot] > 0).all()
