"""What a running loop tells of itself, by the names in the one file of names."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from common import telemetry
from common.adapters.memory_bus import MemoryBus
from common.adapters.sqlite_state import SqliteStates
from common.errors import ConfigurationError
from common.events.codec import encode
from common.events.event import Event
from common.events.public import DeploymentChanged
from common.ports import Record
from common.run.batch import Worker
from common.run.loop import run_service
from common.run.open import open_store
from common.run.watched import watched
from common.service import Service
from common.telemetry import Metrics, names, start_metrics
from common.telemetry.busy import Busy
from common.telemetry.metrics import metrics_to
from tests.unit.run.tiny import (
    ALERTS,
    BREEDER,
    DEPLOYER,
    METER,
    QUICK,
    SAMPLES,
    SEEDS,
    TIME_US,
    diary,
    event,
    seed,
    take,
    watch,
)
from tools.otlp_receiver import receiving

DEAD = f"{SEEDS}.dead"
Points = dict[tuple[str, ...], Any]


def read(reader: InMemoryMetricReader) -> dict[str, Points]:
    """By metric and label values; counters and gauges as numbers, histograms as (count, sum)."""
    found: dict[str, Points] = {}
    data = reader.get_metrics_data()
    labels = {metric.name: metric.labels for metric in names.METRICS}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:  # type: ignore[union-attr]
        for point in metric.data.data_points:
            at = tuple(str(point.attributes[label]) for label in labels[metric.name])  # type: ignore[index]
            value = (point.count, point.sum) if hasattr(point, "count") else point.value  # type: ignore[union-attr]
            found.setdefault(metric.name, {})[at] = value
    return found


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def metrics(reader: InMemoryMetricReader) -> Metrics:
    return metrics_to(reader, "diary", "run-1")


async def test_a_loop_counts_times_and_saves(tmp_path: Path, reader: InMemoryMetricReader, metrics: Metrics) -> None:
    bus, states, stop = MemoryBus(), SqliteStates(tmp_path / "states.sqlite"), asyncio.Event()
    answers, dead = await watch(bus, ALERTS), await watch(bus, DEAD)
    task = asyncio.create_task(run_service(diary(), bus, states, stop=stop, settings=QUICK, metrics=metrics))
    await asyncio.sleep(0)
    await bus.publish([encode(seed(text)) for text in ("a1", "a poisoned one", "b1")])
    await take(answers, 2)
    await take(dead, 1)
    during = read(reader)
    stop.set()
    await task
    found = read(reader)
    assert found["galapagos.records.consumed"] == {("diary", SEEDS): 3}
    assert found["galapagos.records.published"] == {("diary", ALERTS): 2, ("diary", DEAD): 1}
    assert found["galapagos.dead_letters"] == {("diary", SEEDS): 1}
    assert found["galapagos.rebalances"] == {("diary",): 1}
    steps, stepped_s = found["galapagos.step.duration"]["diary",]
    assert steps >= 2
    assert stepped_s > 0
    assert found["galapagos.publish.duration"]["diary",][0] >= 1
    assert found["galapagos.save.duration"]["diary",][0] == found["galapagos.snapshot.size"]["diary",][0] >= 1
    assert found["galapagos.snapshot.size"]["diary",][1] >= len(b"a1") + len(b"b1")
    assert set(during["galapagos.lag"]) == {("diary", SEEDS, str(number)) for number in range(bus.partitions)}
    assert "galapagos.lag" not in found  # who has left tells nothing any more
    await states.close()


async def test_lag_is_what_the_group_has_still_to_commit(reader: InMemoryMetricReader, metrics: Metrics) -> None:
    bus = MemoryBus(partitions=2)
    consumer = await bus.subscribe("diary", [SEEDS])
    with watched(bus, consumer, "diary", [SEEDS], metrics, every_s=0.001):
        await bus.publish([encode(seed(str(number))) for number in range(5)])
        records = await take(consumer, 5)
        for expected in (5, 0):
            for _ in range(1000):
                lags = read(reader).get("galapagos.lag", {})
                if sum(lags.values()) == expected and lags:
                    break
                await asyncio.sleep(0.005)
            assert sum(lags.values()) == expected
            await consumer.commit({(record.topic, record.partition): record.offset + 1 for record in records})


class _Broken(MemoryBus):
    """Its first answer is a bug."""

    asked = 0

    async def lag(self, group: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        self.asked += 1
        if self.asked == 1:
            raise KeyError("bug")
        return await super().lag(group, topics)


async def test_lags_are_told_again_after_any_failure(reader: InMemoryMetricReader, metrics: Metrics) -> None:
    bus = _Broken(partitions=2)
    consumer = await bus.subscribe("diary", [SEEDS])
    with watched(bus, consumer, "diary", [SEEDS], metrics, every_s=0.001):
        async with asyncio.timeout(60):
            while not read(reader).get("galapagos.lag"):
                await asyncio.sleep(0.005)
    assert bus.asked >= 2


def test_genomes_and_the_age_of_a_deployed_strategy_are_told(reader: InMemoryMetricReader, metrics: Metrics) -> None:
    tracer = telemetry.tracer_of(telemetry.start_tracing())
    bred = Worker(BREEDER, tracer, lambda: TIME_US, metrics=metrics).work({}, [_record(seed("a"))]).messages
    Worker(METER, tracer, lambda: TIME_US, metrics=metrics).work({}, [_record(bred[0])])
    champion = SAMPLES[DeploymentChanged].model_copy(update={"state": "paper", "born_us": TIME_US - 2_500_000})  # type: ignore[union-attr]

    def deploy(_: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
        return None, [each.answer(champion, "d1") for each in events]

    goes_live: Service[None] = replace(DEPLOYER, step=deploy)
    promoted = event(SAMPLES[DEPLOYER.consumes[0]], "niche")
    Worker(goes_live, tracer, lambda: TIME_US, metrics=metrics).work({}, [_record(promoted)])
    found = read(reader)
    size = len(SAMPLES[BREEDER.produces[0]])  # type: ignore[arg-type]
    assert found["galapagos.genomes"] == {
        ("generator", "evo.genome.proposed.v1"): size,
        ("evaluator", "evo.genome.evaluated.v1"): size,
    }
    assert found["galapagos.birth_to_deployment.duration"] == {("deployer",): (1, 2.5)}


def _record(what: Any) -> Any:
    message = encode(what) if isinstance(what, Event) else what
    return Record(message.topic, 0, 0, message.key, message.headers, message.value)


def test_occupation_is_the_share_of_time_in_steps_of_one_member() -> None:
    now_s = [0.0]
    busy = Busy(lambda: now_s[0])
    busy.members = 2
    busy.change(+1)
    now_s[0] = 4.0
    assert busy.share() == 0.5  # one of two members, and its step still goes on
    busy.change(+1)
    now_s[0] = 6.0
    busy.change(-1)
    busy.change(-1)
    now_s[0] = 8.0
    assert busy.share() == 0.5
    now_s[0] = 9.0
    assert busy.share() == 0.0


async def test_occupation_is_told_while_a_member_works(reader: InMemoryMetricReader, metrics: Metrics) -> None:
    with metrics.member("evaluator"), metrics.step("evaluator"):
        assert 0.0 < read(reader)["galapagos.occupancy"]["evaluator",] <= 1.0


def test_a_count_that_another_keeps_is_asked_for(reader: InMemoryMetricReader, metrics: Metrics) -> None:
    hits = [3]
    metrics.observe(names.CACHE_HITS, lambda: [(hits[0], {names.SERVICE: "evaluator"})])
    assert read(reader)["galapagos.cache.hits"] == {("evaluator",): 3}
    hits[0] = 7
    assert read(reader)["galapagos.cache.hits"] == {("evaluator",): 7}


def test_the_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=diary-2")
    reader = InMemoryMetricReader()
    metrics_to(reader, "diary", "run-1")
    attributes = reader.get_metrics_data().resource_metrics[0].resource.attributes  # type: ignore[union-attr]
    assert attributes["service.name"] == "galapagos-diary"
    assert attributes["service.instance.id"] == "diary-2"
    assert attributes["galapagos.run"] == "run-1"
    assert read(reader)["galapagos.start.time"]["diary",] > 1.7e9


def test_nobody_listens_by_default() -> None:
    off = start_metrics()
    assert not off.is_on
    with off.member("diary") as lags, off.step("diary"):
        off.add(names.DEAD_LETTERS, 1, service="diary", topic=SEEDS)
        assert lags == {}
    off.shutdown()


def test_another_exporter_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="use one of none, console, otlp"):
        start_metrics("prometheus")


def test_otlp_reaches_a_receiver(tmp_path: Path) -> None:
    store = open_store(f"chdb://{tmp_path / 'store'}")
    with receiving(store) as receiver:
        metrics = start_metrics("otlp", f"{receiver.url}/v1/metrics", service="diary")
        metrics.add(names.DEAD_LETTERS, 2, service="diary", topic=SEEDS)
        metrics.shutdown()
    store.close()
    assert {"galapagos.dead_letters", "galapagos.start.time"} <= receiver.metric_names
