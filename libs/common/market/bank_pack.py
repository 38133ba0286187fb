"""Packing conditions into the words of the bank: compare once per bar of a timeframe, then set bits by the word."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.conditions import Predicate
from common.kernel import kernel
from common.market.quantile import quantile_rank

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


VALUE, RANK, CHANGE = range(3)
SOURCE_AND_SIGN: dict[Predicate, tuple[int, float]] = {
    "above": (VALUE, 1.0),
    "below": (VALUE, -1.0),
    "above_quantile": (RANK, 1.0),
    "below_quantile": (RANK, -1.0),
    "rising": (CHANGE, 1.0),
    "falling": (CHANGE, -1.0),
}
"""A predicate is "sign * source > sign * threshold", the source being the series, its rank or its change since the bar
before of the same timeframe. NaN compares false, so what is unknown is never true."""


def sources_of(values: Floats, ranked: bool = True) -> Floats:
    """The series, its rank (NaN where not ``ranked``: nobody asks) and its change, (3, T), of ``values`` (T,)."""
    sources = np.full((3, len(values)), np.nan)
    sources[VALUE] = values
    if ranked:
        sources[RANK] = quantile_rank(values)
    sources[CHANGE, 1:] = np.diff(values)
    return sources


class Pieces(NamedTuple):
    """The base bars cut where a word ends or another coarse bar becomes the last known one.

    The pieces of word w are ``first[w]`` to ``first[w + 1] - 1``; piece p shows coarse bar ``shows[p]`` at the bits
    ``mask[p]`` of its word. Bars before the first complete coarse bar are in no piece.
    """

    first: npt.NDArray[np.int64]
    shows: npt.NDArray[np.int64]
    mask: Words


def pieces_of(known: npt.NDArray[np.int32]) -> Pieces:
    """Cut the base bars of ``known`` (T,), the last complete coarse bar at each, or -1; bar 0 is bit 0 of word 0."""
    bars = len(known)
    starts = np.flatnonzero((np.diff(known, prepend=-1) != 0) | (np.arange(bars) % 64 == 0))
    lengths = np.diff(starts, append=bars).astype(np.uint64)
    mask = ~np.uint64(0) >> (np.uint64(64) - lengths) << (starts % 64).astype(np.uint64)
    shown = known[starts] >= 0
    first = np.searchsorted(starts[shown], np.arange(0, bars + 64, 64)[: -(-bars // 64) + 1])
    return Pieces(first, known[starts][shown].astype(np.int64), mask[shown])


class Comparisons(NamedTuple):
    """Conditions on one feature, each array (C,): ``sign * sources[source] > sign * threshold``, and its ``row``."""

    source: npt.NDArray[np.int64]
    sign: Floats
    threshold: Floats
    row: npt.NDArray[np.int64]


@kernel
def pack_bars(sources: Floats, comparisons: Comparisons, words: Words) -> None:
    """Write the rows of ``comparisons`` in ``words`` (rows, W): bit i is the truth of value i of ``sources`` (3, T).

    Bits past the last value are 0.
    """
    count = words.shape[1]
    truth = np.zeros(64 * count, np.uint8)
    eights = truth.view(np.uint64)
    for index in range(len(comparisons.row)):
        _compare(sources[comparisons.source[index]], comparisons.sign[index], comparisons.threshold[index], truth)
        row = words[comparisons.row[index]]
        for word in range(count):
            bits = np.uint64(0)
            for eight in range(8):
                # The product moves the lowest bit of byte k, bit 8 k, to bit 56 + k; no two bits meet on the way.
                byte = (eights[8 * word + eight] * np.uint64(0x0102040810204080)) >> np.uint64(56)
                bits |= byte << np.uint64(8 * eight)
            row[word] = bits


@kernel
def pack_pieces(sources: Floats, comparisons: Comparisons, pieces: Pieces, words: Words) -> None:
    """Write the rows of ``comparisons`` in ``words`` (rows, W): a bar has the truth of the coarse bar that it shows.

    ``sources`` is (3, K), a value for each coarse bar.
    """
    truth = np.zeros(sources.shape[1], np.uint8)
    for index in range(len(comparisons.row)):
        _compare(sources[comparisons.source[index]], comparisons.sign[index], comparisons.threshold[index], truth)
        row = words[comparisons.row[index]]
        for word in range(len(row)):
            bits = np.uint64(0)
            for piece in range(pieces.first[word], pieces.first[word + 1]):
                bits |= pieces.mask[piece] * np.uint64(truth[pieces.shows[piece]])
            row[word] = bits


@kernel
def _compare(values: Floats, sign: float, threshold: float, truth: npt.NDArray[np.uint8]) -> None:
    limit = sign * threshold
    for bar in range(len(values)):
        truth[bar] = sign * values[bar] > limit
