"""The condition bank: every primitive condition of the allele table as one bitmap over the bars of a market."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.errors import DataError
from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.features import FEATURES
from common.market.bank_pack import (
    RANK,
    SOURCE_AND_SIGN,
    Comparisons,
    Pieces,
    Words,
    pack_bars,
    pack_pieces,
    pieces_of,
    sources_of,
)
from common.market.bars import Bars
from common.market.indicators import feature_series
from common.market.quantile import RANK_BARS
from common.market.timeframes import coarser

_FEATURE_BY_TEXT = {feature.text: index for index, feature in enumerate(FEATURES)}
_FEATURE = np.array([_FEATURE_BY_TEXT[condition.feature.text] for condition in CONDITIONS])
_TIMEFRAME = np.array([TIMEFRAMES.index(condition.timeframe) for condition in CONDITIONS])
_SOURCE = np.array([SOURCE_AND_SIGN[condition.predicate][0] for condition in CONDITIONS])
_SIGN = np.array([SOURCE_AND_SIGN[condition.predicate][1] for condition in CONDITIONS])
_THRESHOLD = np.array([condition.threshold for condition in CONDITIONS])


@dataclass(frozen=True, slots=True)
class Bank:
    """Bitmaps ``words`` (conditions, ceil(bars / 64)): bit ``i & 63`` of word ``i >> 6`` is the truth at bar i.

    Row c is ``CONDITIONS[c]``, as known at the close of the bar. Bits past the last bar are 0.
    """

    words: Words
    bars: int


class _View(NamedTuple):
    """A timeframe, and what of it the words show that are to be written.

    ``bars`` are all its bars. The words look at values from ``first`` on, through ``pieces`` where it is a coarser one;
    None: value i of these is bit i.
    """

    bars: Bars
    first: int
    pieces: Pieces | None


def build_bank(bars: Bars, wanted: Sequence[int] | None = None, threads: int = 1) -> Bank:
    """Evaluate the conditions at positions ``wanted`` (None: all) on every bar; the other rows stay 0.

    A condition on a coarser timeframe holds its value from the last coarse bar that is complete at the close of the
    base bar. ``threads`` share the features; TA-Lib and the kernels run without the interpreter's lock. Raises
    IndexError for a position outside the table.
    """
    words = np.zeros((len(CONDITIONS), -(-len(bars) // 64)), dtype=np.uint64)
    _write(words, 0, bars, wanted, threads)
    return Bank(words, len(bars))


def extend(bank: Bank, old_bars: Bars, new_bars: Bars, wanted: Sequence[int] | None = None, threads: int = 1) -> Bank:
    """The bank of ``new_bars`` from the ``bank`` of ``old_bars``, with which they begin; bit by bit ``build_bank``'s.

    ``wanted`` is what the old one was built with. Only the words behind its last whole one are ranked and packed; the
    series themselves are computed anew, because a running average carries the rounding of all that went before. Raises
    DataError where the old bars are not the beginning of the new ones.
    """
    if bank.bars != len(old_bars) or not begins_with(new_bars, old_bars):
        raise DataError(f"bars {new_bars.name}: their first {bank.bars} are not those of the bank; build it anew")
    done = bank.bars // 64
    words = np.zeros((len(CONDITIONS), -(-len(new_bars) // 64)), dtype=np.uint64)
    words[:, :done] = bank.words[:, :done]
    _write(words, done, new_bars, wanted, threads)
    return Bank(words, len(new_bars))


def begins_with(bars: Bars, beginning: Bars) -> bool:
    """Whether the first bars are exactly those of ``beginning``, whatever the name."""
    count = len(beginning)
    return bars.bar_us == beginning.bar_us and all(
        np.array_equal(getattr(bars, field)[:count], getattr(beginning, field))
        for field in ("ts_us", "open", "high", "low", "close", "volume")
    )


def _write(words: Words, first_word: int, bars: Bars, wanted: Sequence[int] | None, threads: int) -> None:
    """Write the ``wanted`` rows of ``words`` from ``first_word`` on."""
    rows = np.arange(len(CONDITIONS)) if wanted is None else np.unique(np.asarray(wanted, dtype=np.int64))
    if len(rows) and not 0 <= rows[0] <= rows[-1] < len(CONDITIONS):
        raise IndexError(f"condition {rows[0]} to {rows[-1]}: the table has 0 to {len(CONDITIONS) - 1}")
    views = _views(bars, 64 * first_word, bool(_TIMEFRAME[rows].any()))
    series_of = _TIMEFRAME[rows] * len(FEATURES) + _FEATURE[rows]

    def fill(series: int) -> None:
        timeframe, feature = divmod(series, len(FEATURES))
        _fill_feature(feature, views[timeframe], rows[series_of == series], words[:, first_word:])

    wanted_series = np.unique(series_of).tolist()
    if threads == 1:
        for series in wanted_series:
            fill(series)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, wanted_series))


def _views(bars: Bars, first_bar: int, with_coarser: bool) -> list[_View]:
    """The timeframes as the bars from ``first_bar`` on see them."""
    views = [_View(bars, first_bar, None)]
    for view in coarser(bars) if with_coarser else ():
        known = view.known[first_bar:]
        first = max(int(known[0]), 0) if len(known) else 0
        views.append(_View(view.bars, first, pieces_of(np.where(known < 0, known, known - first))))
    return views


def _fill_feature(feature: int, view: _View, rows: npt.NDArray[np.int64], words: Words) -> None:
    """Write the ``rows`` of ``words``: conditions on one feature of one timeframe."""
    # A rank looks RANK_BARS back, a change one bar; what is before has no say in the words.
    before = min(view.first, RANK_BARS)
    values = feature_series(FEATURES[feature], view.bars)[view.first - before :]
    sources = sources_of(values, bool((_SOURCE[rows] == RANK).any()))
    comparisons = Comparisons(_SOURCE[rows], _SIGN[rows], _THRESHOLD[rows], rows)
    if view.pieces is None:
        pack_bars(sources[:, before:], comparisons, words)
    else:
        pack_pieces(sources[:, before:], comparisons, view.pieces, words)
