"""A cache that forgets, evicts, fails, lies or mixes things up changes no answer; an honest one saves evaluations."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.adapters.memory_cache import MemoryCache
from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.measure import Measures, measure
from common.backtest.windows import Cut, cut
from common.errors import TransientError
from common.events.codec import encode
from common.events.spec import RunSpec, Windows
from common.genome.codec import genome_ids
from common.genome.layout import Population
from common.market.bars import Bars
from common.market.synthetic import noise
from evaluator.cache_policy import CachePolicy
from evaluator.fitness_cache import FitnessCache, seals
from evaluator.resources import Resources
from evaluator.service import service
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.evaluator.cohorts import proposed, run_on

ASKING = CachePolicy(turn=8)
"""It knows nothing yet and so asks, until it has learned better: these caches have no time to lose."""
COSTS = flat_costs(taker_fee_bps=2)


def clock() -> float:
    return 0.0


class Forgetful(MemoryCache):
    """Forgets every third value it is asked for."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [None if row % 3 == 0 else value for row, value in enumerate(super().get_many(keys))]


class Liar(MemoryCache):
    """Answers with what belongs to other keys, cut short, made longer, with a bit turned over, or made up."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        honest = super().get_many(keys)
        told: list[bytes | None] = []
        for row, value in enumerate(honest):
            other = honest[row - 1]
            if value is None:
                value = other or b"\x00" * 320
            bit = bytes([value[row % len(value)] ^ 1 << row % 8])
            flipped = value[: row % len(value)] + bit + value[row % len(value) + 1 :]
            told.append((other, value[:-8], value + b"\x00" * 8, flipped, b"", bytes(len(value)), value[::-1])[row % 7])
        return told


class Broken(MemoryCache):
    """Fails whenever it is called."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        raise TransientError("no connection")

    def put_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        raise TransientError("no connection")


CACHES = {
    "honest": MemoryCache,
    "evicting": lambda: MemoryCache(bytes_max=5000),
    "forgetful": Forgetful,
    "lying": Liar,
    "broken": Broken,
}


@pytest.fixture(scope="module")
def arenas() -> list[Arena]:
    return [prepare(noise(seed, 1500)) for seed in (1, 2)]


@pytest.fixture(scope="module")
def run(arenas) -> RunSpec:
    return run_on(arenas)


@pytest.fixture(scope="module")
def cuts(arenas) -> list[Cut]:
    return [cut(len(arena.bars), **Windows().model_dump()).sealed() for arena in arenas]


POOL = random_population(60, Settings(instruments=2), 11, 0, 0)
POOL["alleles"][7, 0] = 200  # one that may not exist


@pytest.mark.parametrize("kind", sorted(CACHES))
@given(
    cohorts=st.lists(
        st.tuples(st.sampled_from(["evolution", "seed"]), st.lists(st.integers(0, 59), min_size=1, max_size=40)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=15, deadline=None)
def test_no_cache_changes_a_byte_of_an_answer(kind, cohorts, run, arenas):
    kept = FitnessCache(CACHES[kind](), arenas, clock, ASKING)
    plain, cached = service(arenas), service(arenas, Resources(threads=1, batch=16, cache=kept))
    for turn, (purpose, rows) in enumerate(cohorts):
        event = proposed(run, POOL[rows], purpose, str(turn))
        _, [wanted] = plain.step(None, [event])
        _, [found] = cached.step(None, [event])
        assert encode(found, "evaluator") == encode(wanted, "evaluator")


class Counter:
    """Measures, and counts the rows."""

    def __init__(self, arenas: Sequence[Arena], cuts: Sequence[Cut]) -> None:
        self.arenas, self.cuts, self.rows = arenas, cuts, 0

    def __call__(self, population: Population) -> Measures:
        self.rows += len(population)
        return measure(population, self.arenas, self.cuts, COSTS, 40, False)


def test_what_was_measured_is_not_measured_again_nor_twice_in_one_cohort(arenas, cuts):
    cache, count = FitnessCache(MemoryCache(), arenas, clock, ASKING), Counter(arenas, cuts)
    context = cache.context(cuts, COSTS, 40)
    cache.measure(POOL[[0, 1, 1, 2, 0]], context, count)
    assert count.rows == 3
    cache.measure(POOL[[2, 3, 1]], context, count)
    assert count.rows == 4
    assert (cache.hits, cache.misses) == (4, 4)
    assert cache.policy.turn == ASKING.turn + 2


def test_values_of_a_lying_cache_are_measured_again(arenas, cuts):
    cache, count = FitnessCache(Liar(), arenas, clock, ASKING), Counter(arenas, cuts)
    for _ in range(2):
        cache.measure(POOL, cache.context(cuts, COSTS, 40), count)
    assert count.rows == 2 * len(POOL)


def test_a_read_of_the_vault_neither_asks_nor_tells_the_cache(run, arenas):
    class Untouched(MemoryCache):
        def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
            raise AssertionError("asked")

        def put_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
            raise AssertionError("told")

    evaluator = service(arenas, Resources(cache=FitnessCache(Untouched(), arenas, clock, ASKING)))
    one = POOL[:1]
    read = proposed(run, one, "promotion", cohort=genome_ids(one)[0].tobytes().hex())
    _, [found] = evaluator.step(None, [read])
    assert found.payload["evidence"][0, 2].any()
    with pytest.raises(AssertionError, match="asked"):
        evaluator.step(None, [proposed(run, one)])


def test_windows_with_a_vault_have_no_place_in_the_cache(arenas):
    whole = [cut(len(arena.bars), **Windows().model_dump()) for arena in arenas]
    with pytest.raises(ValueError, match="vault"):
        FitnessCache(MemoryCache(), arenas, clock).context(whole, COSTS, 40)


def test_every_circumstance_that_decides_figures_is_part_of_the_key(arenas, cuts, monkeypatch):
    def context(arenas=arenas, cuts=cuts, costs=COSTS, trades_min=40, engine="cpu"):
        return FitnessCache(MemoryCache(), arenas, clock, engine=engine).context(cuts, costs, trades_min)

    first = arenas[0]
    bank = first.arrays.bank.copy()
    bank[3, 2] ^= np.uint64(1)
    costs = COSTS.copy()
    costs[1, 1] += 1e-9
    shifted = replace(cuts[0], training=((cuts[0].training[0][0] + 1, cuts[0].training[0][1]), *cuts[0].training[1:]))
    others = [
        context([replace(first, bars=noise(3, 1500)), arenas[1]]),
        context([replace(first, bars_per_year=first.bars_per_year + 1), arenas[1]]),
        context([replace(first, arrays=first.arrays._replace(bank=bank)), arenas[1]]),
        context(arenas[::-1]),
        context(cuts=[shifted, cuts[1]]),
        context(costs=costs),
        context(trades_min=41),
        context(engine="cuda"),
    ]
    monkeypatch.setattr("evaluator.fitness_cache.ENGINE_VERSION", "another")
    others.append(context())
    monkeypatch.undo()
    assert context() == context()
    assert len({context(), *others}) == 1 + len(others)


def test_the_same_bars_read_again_give_the_same_key(arenas, cuts):
    bars = arenas[0].bars
    columns = (getattr(bars, name).copy() for name in ("ts_us", "open", "high", "low", "close", "volume"))
    again = prepare(Bars.make(bars.name, *columns))
    contexts = [FitnessCache(MemoryCache(), each, clock).context(cuts[:1], COSTS, 40) for each in ([again], arenas[:1])]
    assert contexts[0] == contexts[1]


@given(st.integers(0, 2**32), st.integers(0, 63), st.integers(0, 42))
@settings(max_examples=200, deadline=None)
def test_a_bit_turned_over_breaks_the_seal(seed, bit, word):
    row = np.random.Generator(np.random.Philox(seed)).integers(0, 2**64, (1, 43), np.uint64)
    changed = row.copy()
    changed[0, word] ^= np.uint64(1) << np.uint64(bit)
    assert seals(row[:, :4], row[:, 4:]) != seals(changed[:, :4], changed[:, 4:])
