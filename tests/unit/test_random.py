"""Random streams: bit-equal to NumPy's Philox, keyed, with the distributions they claim."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common import random
from common.kernel import kernel

WORD = st.integers(0, 2**64 - 1)
NAME = st.integers(0, 2**32 - 1)


@kernel
def _draw(kind: int, key: int, n: int, low: float, high: float) -> npt.NDArray[np.float64]:
    stream = random.new_stream(key, 1, 2, 3)
    out = np.empty(n)
    for index in range(n):
        if kind == 0:
            out[index] = random.uniform(stream)
        elif kind == 1:
            out[index] = random.normal(stream)
        elif kind == 2:
            out[index] = random.below(stream, np.int64(high))
        else:
            out[index] = random.log_uniform(stream, low, high)
    return out


@given(st.lists(WORD, min_size=6, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_block_equals_that_of_numpy_for_any_key_and_counter(words: list[int]) -> None:
    counter = sum(word << 64 * index for index, word in enumerate(words[2:]))
    before = (counter - 1) % 2**256  # NumPy counts up before it draws
    theirs = np.random.Philox(key=words[0] + (words[1] << 64), counter=before).random_raw(4)
    assert random.philox(*(np.uint64(word) for word in words)) == tuple(theirs)


@given(WORD, NAME, NAME, NAME)
@settings(max_examples=50, deadline=None)
def test_a_stream_equals_that_of_numpy_over_many_blocks(key: int, island: int, generation: int, slot: int) -> None:
    theirs = np.random.Philox(key=np.array([key, 0], np.uint64), counter=[0, slot, generation, island]).random_raw(41)
    stream = random.new_stream(np.uint64(key), island, generation, slot)
    assert [int(random.next_u64(stream)) for _ in range(41)] == theirs.tolist()


def test_uniform_numbers_are_those_of_the_numpy_generator() -> None:
    theirs = np.random.Generator(np.random.Philox(key=[5, 0], counter=[0, 3, 2, 1])).random(1000)
    assert np.array_equal(_draw(0, 5, 1000, 0.0, 1.0), theirs)


def test_neighbouring_names_give_unrelated_streams() -> None:
    names = [(k, i, g, s) for k in (0, 1) for i in (0, 1) for g in (0, 1) for s in (0, 1)]
    streams = [random.new_stream(*name) for name in names]
    words = [int(random.next_u64(stream)) for stream in streams for _ in range(8)]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 2**40])
def test_integers_are_uniform_below_their_bound(n: int) -> None:
    drawn = _draw(2, 11, 20_000, 0.0, float(n))
    assert drawn.min() >= 0
    assert drawn.max() < n
    cells = min(n, 100)
    counts = np.bincount((drawn * cells // n).astype(np.int64), minlength=cells)
    if cells > 1:
        assert stats.chisquare(counts).pvalue > 1e-4


def test_normal_numbers_follow_the_normal_law() -> None:
    assert stats.kstest(_draw(1, 3, 100_000, 0.0, 1.0), "norm").pvalue > 1e-3
    assert np.abs(_draw(1, 3, 100_000, 0.0, 1.0)).max() > 3.9  # tails are there


def test_logarithms_of_log_uniform_numbers_are_uniform() -> None:
    drawn = _draw(3, 4, 50_000, 0.5, 40.0)
    assert drawn.min() >= 0.5
    assert drawn.max() <= 40.0
    assert stats.kstest(np.log(drawn / 0.5) / np.log(80.0), "uniform").pvalue > 1e-3


@given(st.floats(1e-300, 1e300))
@settings(max_examples=300, deadline=None)
def test_logarithm_agrees_with_the_library(x: float) -> None:
    assert random.logarithm(x) == pytest.approx(math.log(x), rel=4e-16, abs=4e-16)


@given(st.floats(-20, 20))
@settings(max_examples=300, deadline=None)
def test_exponential_agrees_with_the_library(x: float) -> None:
    assert random.exponential(x) == pytest.approx(math.exp(x), rel=1e-13)
