"""The condition bank: every primitive condition of the allele table as one bitmap over the bars of a market."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.genome.conditions import CONDITIONS, TIMEFRAMES, Predicate
from common.genome.features import FEATURES
from common.kernel import kernel
from common.market.bars import Bars
from common.market.indicators import feature_series
from common.market.quantile import quantile_rank
from common.market.timeframes import Coarse, coarser

# A condition is "sign * source > sign * threshold", the source being the feature, its rank or its change since the
# previous bar of the same timeframe. NaN compares false, so what is unknown is never true.
_VALUE, _RANK, _CHANGE = range(3)
_SOURCE_AND_SIGN: dict[Predicate, tuple[int, float]] = {
    "above": (_VALUE, 1.0),
    "below": (_VALUE, -1.0),
    "above_quantile": (_RANK, 1.0),
    "below_quantile": (_RANK, -1.0),
    "rising": (_CHANGE, 1.0),
    "falling": (_CHANGE, -1.0),
}
_FEATURE_BY_TEXT = {feature.text: index for index, feature in enumerate(FEATURES)}
_FEATURE = np.array([_FEATURE_BY_TEXT[condition.feature.text] for condition in CONDITIONS])
_TIMEFRAME = np.array([TIMEFRAMES.index(condition.timeframe) for condition in CONDITIONS])
_SOURCE = np.array([_SOURCE_AND_SIGN[condition.predicate][0] for condition in CONDITIONS])
_SIGN = np.array([_SOURCE_AND_SIGN[condition.predicate][1] for condition in CONDITIONS])
_THRESHOLD = np.array([condition.threshold for condition in CONDITIONS])


@dataclass(frozen=True, slots=True)
class Bank:
    """Bitmaps ``words`` (conditions, ceil(bars / 64)): bit ``i & 63`` of word ``i >> 6`` is the truth at bar i.

    Row c is ``CONDITIONS[c]``, as known at the close of the bar. Bits past the last bar are 0.
    """

    words: npt.NDArray[np.uint64]
    bars: int


def build_bank(bars: Bars, wanted: Sequence[int] | None = None, threads: int = 1) -> Bank:
    """Evaluate the conditions at positions ``wanted`` (None: all) on every bar; the other rows stay 0.

    A condition on a coarser timeframe holds its value from the last coarse bar that is complete at the close of the
    base bar. ``threads`` share the features; TA-Lib and the kernels run without the interpreter's lock. Raises
    IndexError for a position outside the table.
    """
    rows = np.arange(len(CONDITIONS)) if wanted is None else np.unique(np.asarray(wanted, dtype=np.int64))
    if len(rows) and not 0 <= rows[0] <= rows[-1] < len(CONDITIONS):
        raise IndexError(f"condition {rows[0]} to {rows[-1]}: the table has 0 to {len(CONDITIONS) - 1}")
    words = np.zeros((len(CONDITIONS), -(-len(bars) // 64)), dtype=np.uint64)
    views = [Coarse(bars, np.arange(len(bars), dtype=np.int32))]
    if _TIMEFRAME[rows].any():
        views += coarser(bars)
    series_of = _TIMEFRAME[rows] * len(FEATURES) + _FEATURE[rows]

    def fill(series: int) -> None:
        timeframe, feature = divmod(series, len(FEATURES))
        _fill_feature(feature, views[timeframe], rows[series_of == series], words)

    wanted_series = np.unique(series_of).tolist()
    if threads == 1:
        for series in wanted_series:
            fill(series)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, wanted_series))
    return Bank(words, len(bars))


def _fill_feature(feature: int, view: Coarse, rows: npt.NDArray[np.int64], words: npt.NDArray[np.uint64]) -> None:
    """Write the ``rows`` of ``words``: conditions on one feature of one timeframe."""
    sources = np.full((3, len(view.bars)), np.nan)
    sources[_VALUE] = feature_series(FEATURES[feature], view.bars)
    if (_SOURCE[rows] == _RANK).any():
        sources[_RANK] = quantile_rank(sources[_VALUE])
    sources[_CHANGE, 1:] = np.diff(sources[_VALUE])
    _pack(sources, _SOURCE[rows], _SIGN[rows], _THRESHOLD[rows], view.known, rows, words)


@kernel
def _pack(
    sources: npt.NDArray[np.float64],
    source: npt.NDArray[np.int64],
    sign: npt.NDArray[np.float64],
    threshold: npt.NDArray[np.float64],
    known: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint64],
) -> None:
    """Compare on the coarse bars, then spread over the base bars through ``known`` (-1: nothing complete yet)."""
    truth = np.zeros(sources.shape[1] + 1, np.uint64)  # the last place is what an index of -1 reads: false
    for place in range(len(rows)):
        values = sources[source[place]]
        limit = sign[place] * threshold[place]
        for bar in range(len(values)):
            truth[bar] = sign[place] * values[bar] > limit
        row = words[rows[place]]
        for word in range(len(row)):
            bits = np.uint64(0)
            for bar in range(64 * word, min(64 * word + 64, len(known))):
                bits |= truth[known[bar]] << np.uint64(bar & 63)
            row[word] = bits
