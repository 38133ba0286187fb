"""The fitness cache: figures of genomes that were measured before under exactly the same conditions."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.measure import Measures
from common.backtest.version import ENGINE_VERSION
from common.backtest.windows import Cut
from common.errors import TransientError
from common.genome.codec import genome_ids
from common.genome.layout import Population
from common.ports import Cache
from evaluator.cache_policy import CachePolicy
from evaluator.content import digest_of

Words = npt.NDArray[np.uint64]
_FIELDS = tuple(field.name for field in fields(Measures))
_SEAL_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def seals(keys: Words, figures: Words) -> Words:
    """A 64-bit check value of each row, shape (n,), of its key (n, 4) and its figures (n, k).

    Every step is a bijection of the state and of the word, so no change of a single word goes unnoticed; of a value
    that belongs to another key, or of noise, one in 2^64 does. No protection against somebody who forges values.
    """
    state = np.full(len(keys), figures.shape[1], np.uint64)
    for word in (*keys.T, *figures.T):
        state = (state ^ word) * _SEAL_FACTOR
        state ^= state >> _HALF
    return state


class FitnessCache:
    """Measures through a ``Cache``, which may forget, lose or mix up whatever it likes.

    ``clock`` gives seconds; ``engine`` names what measures, for CPU and devices agree to rounding only. Several threads
    may measure at once; ``hits`` and ``misses`` count the genomes it was asked for. Nothing of the vault may pass
    through here: every look at it must be one.
    """

    def __init__(
        self,
        cache: Cache,
        arenas: Sequence[Arena],
        clock: Callable[[], float],
        policy: CachePolicy | None = None,
        engine: str = "cpu",
    ) -> None:
        self._cache, self._clock = cache, clock
        self._arenas = digest_of(ENGINE_VERSION, engine, list(arenas))
        self._lock = threading.Lock()
        self.policy = policy or CachePolicy()
        self.hits = self.misses = 0

    def context(self, cuts: Sequence[Cut], costs: Floats, trades_min: int) -> bytes:
        """Names everything beside the genome that decides over figures: engine, instruments, windows, costs.

        Raises ValueError for windows that name a vault.
        """
        if any(cut.vault for cut in cuts):
            raise ValueError("the vault: no cache may stand between it and those who look at it")
        return digest_of(self._arenas, list(cuts), costs, trades_min)

    def measure(self, population: Population, context: bytes, evaluate: Callable[[Population], Measures]) -> Measures:
        """What ``evaluate`` gives for these genomes, called for those only that nobody has measured in this context."""
        with self._lock:
            asks, self.policy = self.policy.asks, self.policy.next()
        start = self._clock()
        if not asks:
            found = evaluate(population)
            self._learn(len(population), self._clock() - start)
            return found
        names, first, place = np.unique(genome_ids(population), return_index=True, return_inverse=True)
        keys = np.concatenate([names.view(np.uint64).reshape(-1, 2), _repeated(context, len(names))], axis=1)
        shapes = evaluate(population[:0])
        known, figures = self._remembered(keys, _table(shapes).shape[1])
        asked = self._clock()
        fresh = evaluate(population[first[~known]])
        measured = self._clock()
        figures[~known] = _table(fresh)
        self._remember(keys[~known], figures[~known])
        found = _measures(figures[place], shapes)
        count = int((~known).sum())
        self._learn(count, measured - asked, len(population), asked - start + self._clock() - measured)
        return found

    def close(self) -> None:
        """Let go of the cache."""
        self._cache.close()

    def _remembered(self, keys: Words, width: int) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Which keys the cache has a sound value for, shape (n,), and a table (n, width) with those rows filled."""
        try:
            values = self._cache.get_many(_rows_as_bytes(keys))
        except TransientError:  # it costs time; the policy sees that
            values = [None] * len(keys)
        size = 8 * (width + 1)
        rows = np.array([row for row, value in enumerate(values) if value is not None and len(value) == size], np.int64)
        found = np.frombuffer(b"".join(values[row] or b"" for row in rows), np.uint64).reshape(-1, width + 1)
        sound = seals(keys[rows], found[:, 1:]) == found[:, 0]
        known = np.zeros(len(keys), np.bool_)
        known[rows[sound]] = True
        table = np.empty((len(keys), width))
        table[rows[sound]] = found[sound, 1:].view(np.float64)
        return known, table

    def _remember(self, keys: Words, figures: Floats) -> None:
        words = figures.view(np.uint64)
        values = np.concatenate([seals(keys, words)[:, None], words], axis=1)
        try:
            self._cache.put_many(zip(_rows_as_bytes(keys), _rows_as_bytes(values), strict=True))
        except TransientError:
            return

    def _learn(self, evaluated: int, evaluation_s: float, asked: int = 0, lookup_s: float = 0.0) -> None:
        with self._lock:
            if asked:
                self.hits, self.misses = self.hits + asked - evaluated, self.misses + evaluated
            self.policy = self.policy.evaluated(evaluated, evaluation_s).asked(asked, asked - evaluated, lookup_s)


def _repeated(context: bytes, count: int) -> Words:
    return np.tile(np.frombuffer(context, np.uint64), (count, 1))


def _rows_as_bytes(table: Words) -> list[bytes]:
    """Each row of a table of words; little endian, as everything here is."""
    rows: list[bytes] = np.ascontiguousarray(table).view(f"V{8 * table.shape[1]}").ravel().tolist()
    return rows


def _table(found: Measures) -> Floats:
    """All figures of a genome in one row, in the order of the fields of ``Measures``."""
    return np.concatenate([_flat(getattr(found, name)) for name in _FIELDS], axis=1, dtype=np.float64)


def _measures(table: Floats, shapes: Measures) -> Measures:
    """The inverse of ``_table``; ``shapes`` has no rows."""
    found, first = {}, 0
    for name in _FIELDS:
        like = getattr(shapes, name)
        width = _flat(like).shape[1]
        found[name] = np.ascontiguousarray(table[:, first : first + width]).reshape(-1, *like.shape[1:])
        first += width
    return Measures(**found)


def _flat(array: Floats) -> Floats:
    return array.reshape(len(array), int(np.prod(array.shape[1:], dtype=np.int64)))
