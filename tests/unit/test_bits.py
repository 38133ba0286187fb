"""Single bits of words, against Python's own integers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common.bits import trailing_zeros

WORDS = st.integers(1, 2**64 - 1)


def test_each_single_bit_is_found():
    assert [trailing_zeros(np.uint64(1 << bit)) for bit in range(64)] == list(range(64))


@given(WORDS, st.integers(0, 63))
def test_bits_above_the_lowest_do_not_matter(word, shift):
    shifted = word << shift & 2**64 - 1
    if shifted:
        assert trailing_zeros(np.uint64(shifted)) == (shifted & -shifted).bit_length() - 1
