"""What every cache must do: forget at will, never lie."""

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.adapters.memory_cache import MemoryCache
from common.ports import Cache
from common.run.open import open_cache

CACHES: dict[str, Callable[[], Cache]] = {"memory": lambda: open_cache("memory://?bytes_max=1000000")}


@pytest.fixture(params=sorted(CACHES))
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    opened = CACHES[request.param]()
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
    cache.put_many(items)
    assert cache.get_many([key for key, _ in items]) == [value for _, value in items]


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
