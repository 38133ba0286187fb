"""The Bloom filter: nothing that was put in is missed, strangers are few, text brings it back."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.bloom import PLACES, from_text, known, no_words, put, to_text


def ids(first: int, count: int) -> np.ndarray:
    digests = [hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(first, first + count)]
    return np.frombuffer(b"".join(digests), "V16")


@given(st.integers(0, 400), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_nothing_that_was_put_in_is_missed(count: int, size: int) -> None:
    words = no_words(size)
    put(words, ids(0, count))
    assert known(words, ids(0, count)).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_as_many_strangers_are_taken_for_known_as_theory_says(bits: int) -> None:
    words = no_words(4096, bits)
    assert 64 * len(words) == 4096 * bits
    put(words, ids(0, 4096))
    expected = (1 - np.exp(-PLACES / bits)) ** PLACES
    found = known(words, ids(10_000, 40_000)).mean()
    assert found == pytest.approx(expected, abs=5 * np.sqrt(expected / 40_000))


def test_it_comes_back_from_its_text() -> None:
    words = no_words(100)
    put(words, ids(0, 100))
    np.testing.assert_array_equal(from_text(to_text(words)), words)
    assert not known(from_text(""), ids(0, 3)).any()
    for broken in ("x", "AAAA", to_text(np.zeros(3, np.uint64))):
        with pytest.raises(ValueError, match="filter of"):
            from_text(broken)
