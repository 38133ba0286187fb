"""The fitness cache on a real Redis that forgets, lies or goes: answers stay those of the engine, byte by byte."""

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
import redis

from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.measure import Measures, measure
from common.backtest.windows import Cut, cut
from common.events.spec import Windows
from common.genome.layout import Population
from common.market.synthetic import noise
from common.run.open import open_cache
from evaluator.cache_policy import CachePolicy
from evaluator.fitness_cache import FitnessCache
from generator.initialise import random_population
from generator.tables import Settings
from tools.servers import temporary

COSTS = flat_costs(taker_fee_bps=2)
POOL = random_population(40, Settings(instruments=1), 11, 0, 0)


class Engine:
    """Measures through a cache, as evaluators do, and counts the rows that the cache did not have."""

    def __init__(self, url: str) -> None:
        self.arenas: list[Arena] = [prepare(noise(1, 1500))]
        self.cuts: list[Cut] = [cut(len(arena.bars), **Windows().model_dump()).sealed() for arena in self.arenas]
        self.cache = FitnessCache(open_cache(url), self.arenas, lambda: 0.0, CachePolicy(turn=8))
        self.context = self.cache.context(self.cuts, COSTS, 40)
        self.wanted = self.evaluate(POOL)

    def evaluate(self, population: Population) -> Measures:
        return measure(population, self.arenas, self.cuts, COSTS, 40, False)

    def measured(self) -> int:
        """How many of the pool had to be measured; the answer is checked."""
        rows = 0

        def count(population: Population) -> Measures:
            nonlocal rows
            rows += len(population)
            return self.evaluate(population)

        found = self.cache.measure(POOL, self.context, count)
        for field in fields(Measures):
            assert getattr(found, field.name).tobytes() == getattr(self.wanted, field.name).tobytes()
        return rows


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url.rpartition("/")[0] + "/8") as opened:
        opened.flushdb()
        yield opened


@pytest.fixture
def engine(redis_url: str) -> Iterator[Engine]:
    opened = Engine(redis_url.rpartition("/")[0] + "/8")
    yield opened
    opened.cache.close()


def test_what_one_evaluator_measured_another_has(client: "redis.Redis", engine: Engine, redis_url: str) -> None:
    assert engine.measured() == len(POOL)
    assert engine.measured() == 0
    other = Engine(redis_url.rpartition("/")[0] + "/8")
    assert other.measured() == 0
    other.cache.close()


def test_everything_is_measured_again_after_flushall(client: "redis.Redis", engine: Engine) -> None:
    engine.measured()
    client.flushall()
    assert engine.measured() == len(POOL)
    assert engine.measured() == 0


def test_wrong_bytes_under_a_key_are_recognised_and_replaced(client: "redis.Redis", engine: Engine) -> None:
    engine.measured()
    keys = sorted(client.keys("*"))
    assert len(keys) == len(POOL)
    values = client.mget(keys)
    noise_bytes = np.random.default_rng(3).bytes(len(values[0]))
    lies = [values[1], values[0], noise_bytes, values[3][:-8], values[4] + bytes(8), b"", bytes(len(values[6]))]
    flipped = bytearray(values[7])
    flipped[len(flipped) // 2] ^= 1
    lies.append(bytes(flipped))
    client.mset(dict(zip(keys, lies, strict=False)))
    assert engine.measured() == len(lies)
    assert engine.measured() == 0


def test_entries_of_other_circumstances_are_no_answers(client: "redis.Redis", engine: Engine) -> None:
    """Another engine's figures differ in the last bits: they have keys of their own, and do not pass under others."""
    engine.measured()
    theirs = FitnessCache(
        open_cache(client_url(client)), engine.arenas, lambda: 0.0, CachePolicy(turn=8), engine="cuda"
    )
    theirs.measure(POOL, theirs.context(engine.cuts, COSTS, 40), engine.evaluate)
    theirs.close()
    keys = sorted(client.keys("*"))
    assert len(keys) == 2 * len(POOL)
    values = client.mget(keys)
    client.mset(dict(zip(keys, values[1:] + values[:1], strict=True)))
    assert engine.measured() == len(POOL)


def client_url(client: "redis.Redis") -> str:
    settings = client.connection_pool.connection_kwargs
    return f"redis://{settings['host']}:{settings['port']}/{settings['db']}"


def test_without_a_server_everything_is_measured_and_with_it_again_is_known() -> None:
    with temporary() as servers:
        servers.start(only=["redis"])
        engine = Engine(servers.urls["redis"])
        assert engine.measured() == len(POOL)
        servers.kill("redis")
        assert engine.measured() == len(POOL)
        engine.cache.close()
        servers.start_one("redis")
        again = Engine(servers.urls["redis"])
        assert again.measured() == len(POOL)
        assert again.measured() == 0
        again.cache.close()
