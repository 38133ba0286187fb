"""The bitmaps of engineered features: computed when a genome first asks, kept while memory lasts."""

from collections import OrderedDict
from collections.abc import Hashable
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from common.genome.conditions import TIMEFRAMES
from common.genome.features import FEATURES
from common.genome.genes import ALLELE_GENES
from common.genome.layout import TREE_TOKENS, TREES, Population
from common.genome.slots import (
    OPERANDS,
    PREDICATES,
    SLOT_BASE,
    SLOT_PREDICATES,
    SOURCES,
    TRANSFORM_GENES,
    TRANSFORM_SLOT,
    TRANSFORMS,
)
from common.genome.tree import TOKEN_LIMIT
from common.market.bank_pack import SOURCE_AND_SIGN, Comparisons, pack_bars, sources_of
from common.market.bars import Bars
from common.market.engineered_component import principal_component
from common.market.engineered_series import Series, delayed, transformed
from common.market.indicators import feature_series
from common.market.timeframes import Coarse, coarser

ROWS_MAX = SLOT_BASE - TOKEN_LIMIT
"""So many bitmaps have a token; no more can go with one call."""
LEAVES_MAX = len(TREES) * ((TREE_TOKENS + 1) // 2)
"""So many tokens of a genome ask something, at most; the others join answers."""
GENOMES_MAX = ROWS_MAX // LEAVES_MAX
"""So many genomes never need more than ROWS_MAX bitmaps."""
MEMORY_BYTES = 64 << 20
TOKEN_BYTES = 256
"""What ``rows`` takes at most, beside the bitmap, to find out which bitmap a token asks for; a test measures it."""

_TESTS = Comparisons(
    np.array([SOURCE_AND_SIGN[predicate][0] for predicate, _ in SLOT_PREDICATES]),
    np.array([SOURCE_AND_SIGN[predicate][1] for predicate, _ in SLOT_PREDICATES]),
    np.array([threshold for _, threshold in SLOT_PREDICATES]),
    np.arange(PREDICATES),
)
_WINDOWS = tuple(int(bars) for bars in ALLELE_GENES[TRANSFORM_SLOT + 1].alleles)
_LAGS = tuple(int(bars) for bars in ALLELE_GENES[TRANSFORM_SLOT + 2].alleles)
_HAS_WINDOW = np.array([name in {"zscore", "rank", "difference", "log"} for name in TRANSFORMS])
_PRODUCT, _COMPONENT = TRANSFORMS.index("product"), TRANSFORMS.index("principal_component")
_GROUPS = [feature.indicator.group for feature in FEATURES]
_GROUP_MAX = max(map(_GROUPS.count, _GROUPS))
_SERIES_MORE = 16
_COMPONENT_SOURCE = np.array([_GROUPS.index(group) * len(TIMEFRAMES) + at for group in _GROUPS for at in range(3)])
"""The component of a source is that of its group: it goes by the group's first feature on the same timeframe."""
# A key holds transform, source a, source b, window and lag, at these bits; a row's identity is key * 16 + predicate.
_A, _B, _WINDOW, _LAG = 4, 16, 28, 32
_PREDICATE_BITS = 4
Ids = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


class _Memory:
    """Arrays by key up to ``bytes_max``; the least recently used go first. Safe for threads."""

    def __init__(self, bytes_max: int) -> None:
        self._arrays: OrderedDict[Hashable, npt.NDArray[Any]] = OrderedDict()
        self._bytes, self._bytes_max = 0, bytes_max
        self._lock = Lock()

    def get(self, key: Hashable) -> npt.NDArray[Any] | None:
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: Hashable, array: npt.NDArray[Any]) -> None:
        with self._lock:
            if key in self._arrays:
                return
            self._arrays[key] = array
            self._bytes += array.nbytes
            while self._bytes > self._bytes_max:
                self._bytes -= self._arrays.popitem(last=False)[1].nbytes

    @property
    def held_bytes(self) -> int:
        return self._bytes


class EngineeredBank:
    """Bitmaps of the engineered features of any genome over the bars of one market.

    A miss computes the twelve bitmaps of a slot together: they share the series and its rank, and mutation asks for the
    neighbours next. Bitmaps and the series under them share ``memory_bytes``; what was dropped is computed anew, equal.
    Several threads may ask at once.
    """

    def __init__(self, bars: Bars, memory_bytes: int = MEMORY_BYTES) -> None:
        self._bars = bars
        self._words = -(-len(bars) // 64)
        self._memory = _Memory(memory_bytes)

    @property
    def held_bytes(self) -> int:
        """What the bitmaps and series take at present, at most ``memory_bytes``."""
        return self._memory.held_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of one bitmap."""
        return 8 * self._words

    @property
    def work_bytes(self) -> int:
        """What it takes at most to compute the bitmaps of a slot: the series of the largest group, and some more."""
        return (_GROUP_MAX + _SERIES_MORE) * self._words * 64 * 8

    def rows(self, population: Population) -> tuple[Words, npt.NDArray[np.uint16]]:
        """``extra`` (k, words) and ``trees`` (n, 4, TREE_TOKENS), whose slot tokens are TOKEN_LIMIT + row of ``extra``.

        Bit ``i & 63`` of word ``i >> 6`` is the truth at bar i, known at its close; bits past the last bar are 0. Equal
        questions share a row. Raises ValueError for more than ROWS_MAX rows, which GENOMES_MAX genomes never need.
        """
        trees = np.array(population["trees"], order="C")
        asked = np.nonzero(trees >= SLOT_BASE)
        if not len(asked[0]):
            return np.zeros((0, self._words), np.uint64), trees
        slot, predicate = np.divmod(trees[asked].astype(np.int64) - SLOT_BASE, PREDICATES)
        ids = keys_of(population, asked[0], slot) << _PREDICATE_BITS | predicate
        wanted, row = np.unique(ids, return_inverse=True)
        if len(wanted) > ROWS_MAX:
            raise ValueError(f"population: {len(wanted)} engineered bitmaps; ask for at most {GENOMES_MAX} genomes")
        trees[asked] = TOKEN_LIMIT + row
        extra = np.empty((len(wanted), self._words), np.uint64)
        key = -1
        for place, identity in enumerate(wanted.tolist()):
            if identity >> _PREDICATE_BITS != key:
                key = identity >> _PREDICATE_BITS
                bitmaps = self._bitmaps(key)
            extra[place] = bitmaps[identity & (1 << _PREDICATE_BITS) - 1]
        return extra, trees

    def series(self, key: int) -> Series:
        """The engineered series (T,) of a key, NaN where unknown."""
        transform, a, b = key & 15, key >> _A & 4095, key >> _B & 4095
        window, lag = _WINDOWS[key >> _WINDOW & 15], _LAGS[key >> _LAG & 15]
        if transform == _COMPONENT:
            return delayed(self._component(a), lag)
        second = self._source(b) if OPERANDS[transform] == 2 else np.empty(0)
        return delayed(transformed(TRANSFORMS[transform], self._source(a), second, window), lag)

    def _bitmaps(self, key: int) -> Words:
        """(PREDICATES, words) of a slot."""
        found = self._memory.get(key)
        if found is None:
            found = np.zeros((PREDICATES, self._words), np.uint64)
            pack_bars(sources_of(self.series(key)), _TESTS, found)
            self._memory.put(key, found)
        return found

    def _source(self, source: int) -> Series:
        """A feature on a timeframe, spread over the base bars."""
        found = self._memory.get(("source", source))
        if found is None:
            feature, timeframe = divmod(source, len(TIMEFRAMES))
            found = self._spread(feature, timeframe)
            self._memory.put(("source", source), found)
        return found

    def _component(self, source: int) -> Series:
        found = self._memory.get(("component", source))
        if found is None:
            feature, timeframe = divmod(source, len(TIMEFRAMES))
            members = [index for index, group in enumerate(_GROUPS) if group == _GROUPS[feature]]
            features = np.empty((len(members), len(self._bars)))
            for row, member in enumerate(members):
                features[row] = self._spread(member, timeframe)
            found = principal_component(features)
            self._memory.put(("component", source), found)
        return found

    def _spread(self, feature: int, timeframe: int) -> Series:
        if timeframe == 0:
            return feature_series(FEATURES[feature], self._bars)
        view = self._coarse[timeframe - 1]
        series = np.append(feature_series(FEATURES[feature], view.bars), np.nan)
        return series[view.known]  # -1, nothing complete yet, reads the NaN at the end

    @cached_property
    def _coarse(self) -> tuple[Coarse, Coarse]:
        return coarser(self._bars)


def keys_of(population: Population, place: npt.NDArray[np.intp], slot: npt.NDArray[np.int64]) -> Ids:
    """The key (k,) of slot ``slot[i]`` of genome ``place[i]``, of the genes that have a say in its series alone."""
    genes = TRANSFORM_GENES[slot]
    alleles = population["alleles"]
    transform, window, lag = (alleles[place, genes + part].astype(np.int64) for part in range(3))
    a, b = (population["feature_sources"][place, slot, part].astype(np.int64) for part in range(2))
    b = np.where(OPERANDS[transform] == 2, b, 0)
    swapped = (transform == _PRODUCT) & (b < a)
    a, b = np.where(swapped, b, a), np.where(swapped, a, b)
    a = np.where(transform == _COMPONENT, _COMPONENT_SOURCE[np.minimum(a, SOURCES - 1)], a)
    window = np.where(_HAS_WINDOW[transform], window, 0)
    return transform | a << _A | b << _B | window << _WINDOW | lag << _LAG
