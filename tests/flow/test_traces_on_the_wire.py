"""Spans leave over OTLP, arrive in ClickHouse, and one trace there leads from a published seed to its deployment."""

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.adapters.sqlite_state import SqliteStates
from common.errors import TransientError
from common.events.codec import decode, encode
from common.events.event import Event, event_id
from common.events.public import GenomeSeeded
from common.events.trace import parse
from common.genome.codec import to_json
from common.ports import Bus, Consumer, Record, Store
from common.run import topics
from common.run.folder import RunFolder
from common.run.loop import run_service
from common.run.open import open_bus, open_store
from common.run.retry import LoopSettings
from common.service import Service
from common.telemetry import names, start_metrics, start_tracing, tracer_of
from generator.experts import expert_population
from generator.service import SERVICE as GENERATOR
from tests.unit.run.tiny import DEPLOYER, JUDGE, METER, RUN, watch
from tools.otlp_receiver import Receiver, receiving
from tools.tidy import ROOT

EVALUATED, DEPLOYED = "evo.genome.evaluated.v1", "evo.deployment.changed.v1"
THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SERVICES: tuple[Service[Any], ...] = (GENERATOR, METER, JUDGE, DEPLOYER)
WAY = [
    "generator.consume evo.genome.seeded.v1",
    "generator.publish evo.genome.proposed.v1",
    "evaluator.consume evo.genome.proposed.v1",
    "evaluator.publish evo.genome.evaluated.v1",
    "selector.publish evo.champion.promoted.v1",
    "deployer.consume evo.champion.promoted.v1",
    "deployer.publish evo.deployment.changed.v1",
]


@pytest.fixture(params=["in one process", "on servers"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Store]]:
    """The URL of a bus, and a store: in memory with chdb, then Kafka with ClickHouse."""
    bus, url = "memory://", f"chdb://{tmp_path / 'store'}"
    if request.param == "on servers":
        bus = f"{request.getfixturevalue('kafka_url')}/traces-{tmp_path.name[-1]}"
        url = request.getfixturevalue("clickhouse_url").rpartition("/")[0] + "/traces"
    store = open_store(url)
    store.execute("DROP TABLE IF EXISTS spans")
    yield bus, store
    store.close()


def seeded(name: str, trace: str = "") -> Event:
    """A seed by a person, who may bring a trace along; the genome is always the same one, and so is its island."""
    payload = GenomeSeeded(genome=to_json(expert_population()[0]), note=name)
    return Event(payload, "run", RUN, event_id(RUN, payload, (name,)), trace=trace)


async def seed_to_deployment(bus: Bus, states: SqliteStates, endpoint: str, seed: Event) -> str:
    """Run four services, each with a tracer of its own as in a process of its own; the deployment's traceparent."""
    await bus.create(topics.plans())
    deployments, evaluated, stop = await watch(bus, DEPLOYED), await watch(bus, EVALUATED), asyncio.Event()
    settings = LoopSettings(wait_s=0.01, records_max=1)
    tracings = [start_tracing("otlp", f"{endpoint}/v1/traces", service=each.name, run=RUN.run_id) for each in SERVICES]
    metrics = start_metrics("otlp", f"{endpoint}/v1/metrics", run=RUN.run_id)
    tasks = [
        asyncio.create_task(
            run_service(each, bus, states, stop=stop, settings=settings, tracer=tracer_of(tracing), metrics=metrics)
        )
        for each, tracing in zip(SERVICES, tracings, strict=True)
    ]
    await asyncio.sleep(0)
    await bus.publish([encode(seed)])
    await one(evaluated)  # cohorts of two seeds may overtake each other
    await bus.publish([encode(seeded("the second lets the judge promote the first"))])
    record = await one(deployments)
    stop.set()
    await asyncio.gather(*tasks)
    for tracing in (*tracings, metrics):
        await asyncio.to_thread(tracing.shutdown)
    return decode(record.topic, record.key, record.headers, record.value).trace


async def one(consumer: Consumer) -> Record:
    """The next record; a real broker and a process that starts may take their time."""
    async with asyncio.timeout(120):
        while not (found := await consumer.fetch(records_max=1, bytes_max=1 << 30, wait_s=0.5)):
            pass
    return found[0]


def spans_of(store: Store, trace: str) -> list[dict[str, Any]]:
    """The spans of a traceparent's trace, as the store has them."""
    ids = parse(trace)
    assert ids is not None
    return store.query(f"SELECT * FROM spans FINAL WHERE trace_id = '{ids[0]:032x}'").to_pylist()


def path_to(spans: list[dict[str, Any]], trace: str) -> list[str]:
    """The names of the spans from the root to the one that the traceparent names; fails where a parent is missing."""
    ids = parse(trace)
    assert ids is not None
    by_id = {span["span_id"]: span for span in spans}
    at, found = f"{ids[1]:016x}", []
    while at in by_id:
        found.append(by_id[at]["name"])
        at = by_id[at]["parent_id"]
    assert at in ("", THEIRS[36:52])
    return found[::-1]


@pytest.mark.parametrize("trace", ["", THEIRS], ids=["new trace", "the publisher's trace"])
async def test_one_trace_in_the_store_leads_from_a_seed_to_its_deployment(
    places: tuple[str, Store], tmp_path: Path, trace: str
) -> None:
    bus, store = open_bus(places[0]), places[1]
    states = SqliteStates(tmp_path / "states.sqlite")
    with receiving(store) as receiver:
        deployed = await seed_to_deployment(bus, states, receiver.url, seeded("the first", trace))
    await bus.close()
    await states.close()
    spans = spans_of(store, deployed)
    assert path_to(spans, deployed) == WAY
    # What the judge published later stems from what it remembered of the birth: its reading is a branch of its own.
    assert {span["name"] for span in spans} == {*WAY, "selector.consume evo.genome.evaluated.v1"}
    assert trace[:36] in deployed
    assert {span["parent_id"] for span in spans} <= {span["span_id"] for span in spans} | {"", trace[36:52]}
    assert {span["service"] for span in spans} == {f"galapagos-{each.name}" for each in SERVICES}
    assert {span["run_id"] for span in spans} == {RUN.run_id}
    told = {metric.name for metric in names.METRICS}
    assert {"galapagos.step.duration", "galapagos.genomes"} <= receiver.metric_names <= told


async def test_a_process_tells_of_itself_until_its_end(
    kafka_url: str, prepared: Callable[..., RunFolder], tmp_path: Path
) -> None:
    """A real ``python -m generator`` answers a seed on Kafka and is stopped: by then its spans are in the store."""
    folder, store = prepared(), open_store(f"chdb://{tmp_path / 'store'}")
    url = f"{kafka_url}/told"
    bus, spec = open_bus(url), folder.spec()
    await bus.create(topics.plans())
    proposals = await watch(bus, "evo.genome.proposed.v1")
    payload = GenomeSeeded(genome=to_json(expert_population()[0]), note="mine")
    await bus.publish([encode(Event(payload, "run", spec, event_id(spec, payload, ("mine",)), trace=THEIRS))])
    with receiving(store) as receiver:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GALAPAGOS_", "OTEL_"))
        }
        environment |= {"GALAPAGOS_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        environment["PYTHONPATH"] = f"{ROOT / 'libs'}:{ROOT / 'services'}"
        command = [sys.executable, "-m", "generator", "--run", str(folder.path), "--bus", url]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
        try:
            record = await one(proposals)
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = await asyncio.wait_for(process.communicate(), 60)
    await bus.close()
    trace = decode(record.topic, record.key, record.headers, record.value).trace
    spans = spans_of(store, trace)
    store.close()
    assert process.returncode == 0, said.decode()
    assert path_to(spans, trace) == WAY[:2]
    assert {(span["service"], span["run_id"]) for span in spans} == {("galapagos-generator", spec.run_id)}
    assert {"galapagos.start.time", "galapagos.genomes", "galapagos.records.consumed"} <= receiver.metric_names


def post(receiver: Receiver, path: str, body: bytes, **headers: str) -> int:
    request = urllib.request.Request(receiver.url + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


class Down:
    """A store that takes tables and no rows."""

    def execute(self, statement: str) -> None:
        return

    def insert(self, table: str, rows: Any) -> None:
        raise TransientError(f"{table}: down")

    def query(self, sql: str) -> Any:
        return None

    def close(self) -> None:
        return


def test_a_receiver_answers_as_senders_expect() -> None:
    with receiving(Down()) as receiver:
        assert post(receiver, "/v1/logs", b"") == 404
        assert post(receiver, "/v1/traces", b"\xff\xff") == 400
        assert post(receiver, "/v1/traces", b"no gzip", **{"Content-Encoding": "gzip"}) == 400
        assert post(receiver, "/v1/traces", b"") == 200
        assert post(receiver, "/v1/traces", ONE_SPAN) == 503


ONE_SPAN = bytes.fromhex("0a0a120812060a0200012a00")
"""A request with one span in it, of hardly more than a trace id."""
