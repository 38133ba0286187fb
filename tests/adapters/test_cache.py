"""What every cache must do: forget at will, never lie."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from common.adapters.memory_cache import MemoryCache
from common.adapters.redis_cache import COMMAND_BYTES, REST_S, RedisCache
from common.errors import ConfigurationError
from common.ports import Cache
from common.run.open import open_cache
from tools.servers import temporary


@pytest.fixture(params=["memory", "redis"])
def opener(request: pytest.FixtureRequest) -> Callable[[], Cache]:
    if request.param == "memory":
        return lambda: open_cache("memory://?bytes_max=1000000")
    url = request.getfixturevalue("redis_url").rpartition("/")[0] + "/9"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return lambda: open_cache(url)


@pytest.fixture
def cache(opener: Callable[[], Cache]) -> Iterator[Cache]:
    opened = opener()
    yield opened
    opened.close()


def test_values_come_in_the_order_of_the_keys(cache: Cache) -> None:
    cache.put_many([(b"a", b"1"), (b"b", b""), (bytes(range(256)), b"\x00\xff")])
    assert cache.get_many([bytes(range(256)), b"nothing", b"b", b"a", b"a"]) == [b"\x00\xff", None, b"", b"1", b"1"]


def test_a_second_value_replaces_the_first(cache: Cache) -> None:
    cache.put_many([(b"a", b"1"), (b"a", b"2")])
    cache.put_many([(b"a", b"3")])
    assert cache.get_many([b"a"]) == [b"3"]


def test_no_keys_are_no_values(cache: Cache) -> None:
    cache.put_many([])
    assert cache.get_many([]) == []


def test_thousands_of_keys_at_once(cache: Cache) -> None:
    items = [(index.to_bytes(16, "big"), index.to_bytes(8, "big")) for index in range(4000)]
    cache.put_many(iter(items))
    keys = [key for key, _ in items]
    assert cache.get_many([*keys, b"nothing", *keys[::-1]]) == [
        *(value for _, value in items),
        None,
        *(value for _, value in items[::-1]),
    ]


def test_threads_may_share_it(cache: Cache) -> None:
    wrong = []

    def use(number: int) -> None:
        for turn in range(200):
            key = f"{number}:{turn % 10}".encode()
            cache.put_many([(key, str(number).encode())])
            if cache.get_many([key])[0] not in (None, str(number).encode()):
                wrong.append(key)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400), st.booleans()), max_size=120))
def test_memory_stays_within_bounds_and_forgets_the_oldest_first(steps: list[tuple[int, int, bool]]) -> None:
    cache = MemoryCache(bytes_max=3000)
    model: dict[bytes, bytes] = {}
    for number, size, is_put in steps:
        key = bytes([number])
        if is_put:
            cache.put_many([(key, bytes(size))])
            model.pop(key, None)
            model[key] = bytes(size)
            while sum(1 + len(value) + 150 for value in model.values()) > 3000:
                del model[next(iter(model))]
        else:
            assert cache.get_many([key]) == [model.get(key)]
            if key in model:
                model[key] = model.pop(key)
        assert cache.size_bytes == sum(1 + len(value) + 150 for value in model.values()) <= 3000


def test_a_server_stopped_in_the_middle_is_missed_by_nobody_and_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    with temporary() as servers, caplog.at_level(logging.INFO):
        servers.start(only=["redis"])
        cache = RedisCache(servers.urls["redis"], clock=lambda: now[0])
        cache.put_many([(b"a", b"1")])
        assert cache.get_many([b"a"]) == [b"1"]
        servers.kill("redis")
        for _ in range(3):
            assert cache.get_many([b"a", b"b"]) == [None, None]
            cache.put_many([(b"a", b"2")])
            now[0] += REST_S
        assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
        servers.start_one("redis")
        now[0] += REST_S / 2
        assert cache.get_many([b"a"]) == [None]
        now[0] += REST_S
        cache.put_many([(b"a", b"3")])
        assert cache.get_many([b"a"]) == [b"3"]
        servers.kill("redis")
        servers.start_one("redis")
        cache.put_many([(b"a", b"4")])  # on a connection that died meanwhile
        assert cache.get_many([b"a"]) == [b"4"]
        cache.close()


def test_while_a_server_rests_it_is_not_asked() -> None:
    now = [0.0]
    with temporary() as servers:
        servers.start(only=["redis"])
        cache = RedisCache(servers.urls["redis"], clock=lambda: now[0])
        servers.kill("redis")
        assert cache.get_many([b"a"]) == [None]
        servers.start_one("redis")
        with redis.Redis.from_url(servers.urls["redis"]) as client:
            before = client.info("stats")["total_connections_received"]
            assert cache.get_many([b"a"]) == [None]
            assert client.info("stats")["total_connections_received"] == before
        cache.close()


def test_a_server_that_is_not_there_at_the_opening_may_come() -> None:
    now = [0.0]
    with temporary() as servers:
        servers.start(only=["redis"])
        servers.kill("redis")
        cache = RedisCache(servers.urls["redis"], clock=lambda: now[0])
        assert cache.get_many([b"a"]) == [None]
        servers.start_one("redis")
        now[0] += REST_S
        cache.put_many([(b"a", b"1")])
        assert cache.get_many([b"a"]) == [b"1"]
        cache.close()


def test_a_server_that_hangs_is_given_up_and_its_late_answers_are_nobodys() -> None:
    now = [0.0]
    with temporary() as servers:
        servers.start(only=["redis"])
        cache = RedisCache(servers.urls["redis"], clock=lambda: now[0])
        cache.put_many([(b"a", b"1"), (b"b", b"2")])
        servers.pause("redis")
        assert cache.get_many([b"a"]) == [None]
        servers.resume("redis")
        now[0] += REST_S
        assert cache.get_many([b"b"]) == [b"2"]
        cache.close()


def test_a_full_server_that_may_forget_nothing_still_answers(caplog: pytest.LogCaptureFixture) -> None:
    with temporary() as servers:
        servers.start(only=["redis"])
        cache = open_cache(servers.urls["redis"])
        cache.put_many([(b"a", b"1")])
        with redis.Redis.from_url(servers.urls["redis"]) as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1")
        cache.put_many([(b"b", b"2")])
        assert cache.get_many([b"a", b"b"]) == [b"1", None]
        assert [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
        cache.close()


def test_after_a_flush_everything_is_a_miss(redis_url: str) -> None:
    url = redis_url.rpartition("/")[0] + "/9"
    cache = open_cache(url)
    cache.put_many([(b"a", b"1")])
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    assert cache.get_many([b"a"]) == [None]
    cache.put_many([(b"a", b"2")])
    assert cache.get_many([b"a"]) == [b"2"]
    cache.close()


def test_commands_are_bounded_in_bytes_and_what_is_too_large_is_not_kept(redis_url: str) -> None:
    cache = open_cache(redis_url.rpartition("/")[0] + "/9")
    half = bytes(COMMAND_BYTES // 2)
    keys = [f"large {number}".encode() for number in range(4)]
    cache.put_many([*((key, half) for key in keys[:3]), (keys[3], 2 * half)])
    assert cache.get_many(keys) == [half, half, half, None]
    cache.close()


def test_a_server_that_asks_for_a_password_gets_it_or_says_so_at_once() -> None:
    with temporary() as servers:
        servers.start(only=["redis"])
        url = servers.urls["redis"]
        with redis.Redis.from_url(url) as client:
            client.config_set("requirepass", "pass word")
        place = url.removeprefix("redis://").rpartition("@")[2]
        cache = open_cache(f"redis://:pass%20word@{place}")
        cache.put_many([(b"a", b"1")])
        assert cache.get_many([b"a"]) == [b"1"]
        cache.close()
        for wrong in (url, f"redis://:secret@{place}"):
            with pytest.raises(ConfigurationError, match="check user, password") as caught:
                open_cache(wrong)
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis:///0", "redis://host/name", "redis://host:port/0", "redis://host/0?x=1"])
def test_a_url_without_sense_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_cache(url)
