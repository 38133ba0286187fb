"""Adapters by URL."""

from pathlib import Path

import pytest

from common.adapters.memory_bus import MemoryBus
from common.adapters.memory_cache import MemoryCache
from common.errors import ConfigurationError
from common.run.open import check_urls, open_bus, open_cache, open_states, open_store


async def test_settings_ride_in_the_url() -> None:
    bus = open_bus("memory://?partitions=3&retention_bytes=1000")
    assert isinstance(bus, MemoryBus)
    assert (bus.partitions, bus.retention_bytes) == (3, 1000)
    cache = open_cache("memory://?bytes_max=10")
    assert isinstance(cache, MemoryCache)
    assert cache.bytes_max == 10


@pytest.mark.parametrize(
    ("opener", "url", "match"),
    [
        (open_bus, "rabbit://host", "bus 'rabbit://host' is not allowed; use memory://"),
        (open_bus, "", "use memory://"),
        (open_bus, "memory://?partitons=3", "unknown setting 'partitons'; use partitions"),
        (open_bus, "memory://?partitions=0", "partitions='0' is not allowed; use a whole number above 0"),
        (open_bus, "memory://?partitions=many", "partitions='many'"),
        (open_cache, "disk://", "use memory://"),
        (open_cache, "memory://?bytes_max=-1", "bytes_max='-1'"),
        (open_store, "memory://", "use chdb://"),
        (open_store, "clickhouse://me:secret@host:99999/d", "store 'clickhouse://host:99999/d' is not allowed (Port"),
        (open_cache, "redis://[host/0", "cache 'redis://[host/0' is not allowed (Invalid"),
        (open_store, "chdb://", "the folder is missing"),
        (open_store, "chdb://x?fast=1", "unknown setting 'fast'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(opener, url: str, match: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError) as caught:
        opener(url)
    assert match in str(caught.value)


@pytest.mark.parametrize(
    ("urls", "match"),
    [
        ({"store": "host:9000", "bus": "kafka://host:9092"}, "store 'host:9000' is not allowed; use chdb://"),
        ({"cache": "memcached://me:secret@host"}, "cache 'memcached://host' is not allowed; use memory://"),
        ({"bus": "kafka://host:99999"}, "port"),
        ({"bus": "kafka://host"}, "use kafka://host:port"),
    ],
)
def test_what_can_be_no_url_is_said_before_anything_is_opened(urls: dict[str, str], match: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_urls(**urls)
    assert match in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_state_file_is_made_with_its_folders(tmp_path: Path) -> None:
    store = open_states(tmp_path / "a" / "b" / "states.sqlite")
    assert await store.load("s", "log") == {}
    await store.close()


def test_a_state_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="name a file that can be written"):
        open_states(tmp_path / "file" / "states.sqlite")
