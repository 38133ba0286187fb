"""Packed words are NumPy's packed bits of the comparison, on the bars themselves and through coarser ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market.bank_pack import Comparisons, pack_bars, pack_pieces, pieces_of

SOURCE, SIGN, THRESHOLD, ROW = (
    np.array([0, 1, 2, 0]),
    np.array([1.0, -1.0, 1.0, -1.0]),
    np.array([0.0, 0.3, 0.5, 0.0]),
    np.array([4, 0, 2, 1]),  # row 3 is nobody's
)
COMPARISONS = Comparisons(SOURCE, SIGN, THRESHOLD, ROW)


def _sources(count: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    sources = draw.integers(-2, 3, (3, count)) / 4.0
    sources[draw.random((3, count)) < 0.1] = np.nan
    return sources


def _expected(truth: np.ndarray, words: int) -> np.ndarray:
    packed = np.zeros(8 * words, np.uint8)
    bits = np.packbits(truth, bitorder="little")
    packed[: len(bits)] = bits
    return packed.view("<u8")


def _truths(sources: np.ndarray) -> np.ndarray:
    """(4, values): the comparisons as words say them, above and below."""
    return np.array([sources[0] > 0.0, sources[1] < 0.3, sources[2] > 0.5, sources[0] < 0.0])


@given(st.integers(0, 400), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_bars_themselves(count: int, seed: int) -> None:
    sources = _sources(count, seed)
    words = np.full((5, -(-count // 64)), 7, np.uint64)
    pack_bars(sources, COMPARISONS, words)
    for row, truth in zip(ROW, _truths(sources), strict=True):
        np.testing.assert_array_equal(words[row], _expected(truth, words.shape[1]))
    assert (words[3] == 7).all()


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 150)), max_size=12), st.integers(0, 200), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_through_coarser_bars_of_any_length(steps: list[tuple[int, int]], unknown: int, seed: int) -> None:
    """Runs of base bars, before which nothing is known; between two runs a coarse bar may never be the last known."""
    jumps, lengths = np.array(steps, np.int64).reshape(-1, 2).T
    known = np.concatenate((np.full(unknown, -1), np.repeat(np.cumsum(jumps) - 1, lengths))).astype(np.int32)
    sources = _sources(int(jumps.sum()), seed)
    words = np.full((5, -(-len(known) // 64)), 7, np.uint64)
    pack_pieces(sources, COMPARISONS, pieces_of(known), words)
    for row, truth in zip(ROW, _truths(sources), strict=True):
        spread = np.append(truth, False)[known]  # the place of -1 is the last
        np.testing.assert_array_equal(words[row], _expected(spread, words.shape[1]))
    assert (words[3] == 7).all()
