"""A Bloom filter over 128-bit ids: says of every id that was put in that it is there, and of few others.

B. H. Bloom 1970; the places of an id are drawn from its two words (A. Kirsch and M. Mitzenmacher 2006), which a
cryptographic hash has mixed already.
"""

import base64
import binascii
from typing import Any

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

Words = npt.NDArray[np.uint64]
"""The bits of a filter, a power of two of words."""
PLACES = 4
"""Of an id in the filter: with 8 bits an id, one stranger in 40 is taken for known; with 16, one in 400.

Filters of one size may be joined (``|``): the outcome holds the ids of both, and is as full as if all had been put into
one, so size each for all."""
_SIX, _ONE, _LOW_SIX = np.uint64(6), np.uint64(1), np.uint64(63)


def no_words(ids: int, bits_per_id: int = 8) -> Words:
    """An empty filter with at least ``bits_per_id`` bits for each of so many ids."""
    return np.zeros(1 << max(0, (ids * bits_per_id - 1).bit_length() - 6), np.uint64)


def put(words: Words, ids: npt.NDArray[Any]) -> None:
    """Write ids (n,), 16 bytes each, into the filter."""
    _put(words, _pairs(ids))


def known(words: Words, ids: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the ids (n,), 16 bytes each, may have been put in; certainly those that were. None of no filter."""
    return _known(words, _pairs(ids)) if len(words) else np.zeros(len(ids), np.bool_)


def to_text(words: Words) -> str:
    """The filter as base64."""
    return base64.b64encode(words.astype("<u8").tobytes()).decode()


def from_text(text: str) -> Words:
    """The inverse of ``to_text``; raises ValueError for what is no filter."""
    try:
        words = np.frombuffer(base64.b64decode(text, validate=True), "<u8").astype(np.uint64)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a filter of {len(text)} characters is not base64 of whole words ({error})") from error
    if len(words) & (len(words) - 1):
        raise ValueError(f"a filter of {len(words)} words; wanted a power of two")
    return words


def _pairs(ids: npt.NDArray[Any]) -> Words:
    return np.ascontiguousarray(ids).view("<u8").astype(np.uint64, copy=False).reshape(-1, 2)


@kernel
def _put(words: Words, pairs: Words) -> None:
    mask = np.uint64(64 * len(words) - 1)
    for row in range(len(pairs)):
        place, stride = pairs[row, 0], pairs[row, 1] | _ONE
        for _ in range(PLACES):
            bit = place & mask
            words[np.int64(bit >> _SIX)] |= _ONE << (bit & _LOW_SIX)
            place += stride


@kernel
def _known(words: Words, pairs: Words) -> npt.NDArray[np.bool_]:
    mask = np.uint64(64 * len(words) - 1)
    found = np.ones(len(pairs), np.bool_)
    for row in range(len(pairs)):
        place, stride = pairs[row, 0], pairs[row, 1] | _ONE
        for _ in range(PLACES):
            bit = place & mask
            if not words[np.int64(bit >> _SIX)] & (_ONE << (bit & _LOW_SIX)):
                found[row] = False
                break
            place += stride
    return found
