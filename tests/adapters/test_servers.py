"""The servers of tools.servers are the real ones, come back with their data, and go when they are told to."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from clickhouse_driver import Client
from redis import Redis

from tools.servers import Servers, ServersError, process, readiness, temporary
from tools.tidy import ROOT


@pytest.fixture(scope="module")
def own(servers: Servers) -> Iterator[Servers]:
    """A set of this file's own, which its tests may kill; asking for the shared one first settles what is missing."""
    assert servers.urls
    with temporary() as mine:
        mine.start()
        yield mine


def states(servers: Servers) -> dict[str, str]:
    return {row.name: row.state for row in servers.status()}


def bootstrap(servers: Servers) -> str:
    return servers.urls["kafka"].removeprefix("kafka://")


async def produce(brokers: str, topic: str, *values: bytes, copies: int = 0) -> None:
    """Send with acks=all; with ``copies`` make the topic first."""
    if copies:
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, 1, copies)])
        finally:
            await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=brokers, enable_idempotence=True, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(brokers: str, topic: str, count: int) -> list[bytes]:
    """The first ``count`` values of a topic."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=brokers, auto_offset_reset="earliest") as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 60)).value for _ in range(count)]


async def test_each_url_serves(own: Servers) -> None:
    assert states(own) == {"kafka-1": "ready", "redis": "ready", "clickhouse": "ready"}
    await produce(bootstrap(own), "greetings", b"hello", copies=1)
    assert await consume(bootstrap(own), "greetings", 1) == [b"hello"]
    with Redis.from_url(own.urls["redis"]) as redis:
        assert redis.set("greeting", b"hello")
        assert redis.get("greeting") == b"hello"
        assert redis.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
    client = Client.from_url(own.urls["clickhouse"])
    assert client.execute("SELECT number FROM numbers(3)") == [(0,), (1,), (2,)]
    client.disconnect()


def test_a_second_start_leaves_what_runs_alone(own: Servers) -> None:
    before = own.pids, own.urls
    again = Servers(own.folder)
    again.start()
    assert (again.pids, again.urls) == before
    with pytest.raises(ServersError, match="1 broker"):
        again.start(brokers=3)


def test_they_listen_on_loopback_only(own: Servers) -> None:
    ports = {f"{port:04X}" for row in own.status() for port in row.ports.values()}
    heard = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    ours = [row[1].split(":") for row in heard if row[3] == "0A" and row[1].split(":")[1] in ports]
    assert {port for _, port in ours} == ports
    assert {address for address, _ in ours} <= {"0100007F", "0000000000000000FFFF00000100007F"}


async def test_a_killed_broker_is_down_and_comes_back_with_its_data(own: Servers) -> None:
    values = [b"%d" % number for number in range(50)]
    await produce(bootstrap(own), "survivors", *values, copies=1)
    own.kill("kafka-1")
    assert states(own) == {"kafka-1": "down", "redis": "ready", "clickhouse": "ready"}
    with pytest.raises(ServersError, match="does not run"):
        own.pause("kafka-1")
    url = own.urls["kafka"]
    own.start()
    assert states(own)["kafka-1"] == "ready"
    assert own.urls["kafka"] == url
    assert await consume(bootstrap(own), "survivors", 50) == values


def test_clickhouse_comes_back_with_its_data(own: Servers) -> None:
    client = Client.from_url(own.urls["clickhouse"])
    client.execute("CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n")
    client.execute("INSERT INTO kept VALUES", [(1,), (2,)])
    client.disconnect()
    own.stop_one("clickhouse")
    assert states(own)["clickhouse"] == "down"
    own.start_one("clickhouse")
    client = Client.from_url(own.urls["clickhouse"])
    assert client.execute("SELECT sum(n) FROM kept") == [(3,)]
    client.disconnect()


def test_a_paused_server_is_said_to_be(own: Servers) -> None:
    own.pause("redis")
    assert states(own)["redis"] == "paused"
    own.resume("redis")
    assert states(own)["redis"] == "ready"


def test_stop_leaves_no_process_and_wipe_no_folder(servers: Servers) -> None:
    assert servers.urls
    with temporary() as mine:
        mine.start(only=["redis", "clickhouse"])
        pids = [pid for pid in mine.pids.values() if pid]
        assert len(pids) == 2
        assert mine.stop() == ["redis", "clickhouse"]
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        assert (mine.folder / "clickhouse" / "data").is_dir()
        assert mine.stop(wipe=True) == []
        assert not mine.folder.exists()


def test_a_broker_that_cannot_start_shows_its_log(servers: Servers) -> None:
    assert servers.urls
    with temporary() as mine:
        broken = mine.folder / "kafka-1" / "data" / "meta.properties"
        broken.parent.mkdir(parents=True)
        broken.write_text("version=no number\n")
        with pytest.raises(ServersError, match=r"(?s)kafka-1 ended at its start.*server\.log.*no number"):
            mine.start(only=["kafka"])


STARTS_AND_WAITS = """
import signal
from tools.servers import temporary
with temporary() as servers:
    servers.start(only=["redis"])
    print(servers.folder, servers.pids["redis"], flush=True)
    signal.pause()
"""


def test_servers_go_when_their_program_is_killed(redis_url: str) -> None:
    assert redis_url
    with subprocess.Popen([sys.executable, "-c", STARTS_AND_WAITS], cwd=ROOT, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        folder, pid = program.stdout.readline().split()
        redis = process.identify(int(pid))
        assert redis is not None
        os.kill(program.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(os.fsdecode(folder)).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.alive(redis)
    assert not Path(os.fsdecode(folder)).exists()


@pytest.mark.proof
async def test_three_brokers_serve_without_one_of_them(servers: Servers) -> None:
    assert servers.urls
    with temporary() as three:
        three.start(brokers=3, only=["kafka"])
        ports = [urlparse(f"//{address}").port or 0 for address in bootstrap(three).split(",")]
        assert [readiness.brokers_known(port) for port in ports] == [{1, 2, 3}] * 3
        await produce(bootstrap(three), "orders", b"before", copies=3)
        three.kill("kafka-2")
        await produce(bootstrap(three), "orders", b"during")
        assert states(three) == {"kafka-1": "ready", "kafka-2": "down", "kafka-3": "ready"}
        three.start_one("kafka-2")
        await produce(bootstrap(three), "orders", b"after")
        assert await consume(bootstrap(three), "orders", 3) == [b"before", b"during", b"after"]
