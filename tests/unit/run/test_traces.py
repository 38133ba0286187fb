"""One trace runs from a birth to the deployment, through bytes, threads and a restart of nothing."""

import asyncio
from collections import Counter

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from common.adapters.memory_bus import MemoryBus
from common.adapters.sqlite_state import SqliteStates
from common.events.codec import decode, encode, user_message
from common.events.public import ControlIssued, GenomeSeeded
from common.events.trace import parse
from common.run.loop import run_service
from common.run.retry import LoopSettings
from common.telemetry import start_tracing, tracer_of
from tests.unit.run.tiny import BREEDER, DEPLOYER, JUDGE, METER, RUN, diary, event, take, watch


async def pipeline(tmp_path, births: int) -> tuple[list[ReadableSpan], list[str]]:  # type: ignore[no-untyped-def]
    """The spans of a run with so many births, and the traceparents of the deployments."""
    exporter, provider = InMemorySpanExporter(), start_tracing("none")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    bus, states, stop = MemoryBus(), SqliteStates(tmp_path / "states.sqlite"), asyncio.Event()
    deployments = await watch(bus, "evo.deployment.changed.v1")
    settings = LoopSettings(wait_s=0.01, records_max=1)
    tasks = [
        asyncio.create_task(run_service(service, bus, states, stop=stop, settings=settings, tracer=tracer_of(provider)))
        for service in (BREEDER, METER, JUDGE, DEPLOYER)
    ]
    await asyncio.sleep(0)
    for number in range(births):
        await bus.publish([encode(event(ControlIssued(action="start"), "run", str(number)), "cli")])
    records = await take(deployments, 1)
    stop.set()
    await asyncio.gather(*tasks)
    await states.close()
    return list(exporter.get_finished_spans()), [decode(*record[:1], *record[3:]).trace for record in records]


async def test_one_connected_trace_from_birth_to_deployment(tmp_path) -> None:  # type: ignore[no-untyped-def]
    spans, traces = await pipeline(tmp_path, births=2)
    ids = parse(traces[0])
    assert ids is not None
    mine = {span.context.span_id: span for span in spans if span.context.trace_id == ids[0]}
    roots = [span for span in mine.values() if span.parent is None]
    assert [root.name for root in roots] == ["generator.publish evo.genome.proposed.v1"]
    assert all(span.parent.span_id in mine for span in mine.values() if span.parent is not None)
    names = Counter(span.name for span in mine.values())
    # The island's second birth let the judge promote the first: the way leads through the memory of a state.
    assert names == {
        "generator.publish evo.genome.proposed.v1": 1,
        "evaluator.consume evo.genome.proposed.v1": 1,
        "evaluator.publish evo.genome.evaluated.v1": 1,
        "selector.consume evo.genome.evaluated.v1": 1,
        "selector.publish evo.champion.promoted.v1": 1,
        "deployer.consume evo.champion.promoted.v1": 1,
        "deployer.publish evo.deployment.changed.v1": 1,
    }
    purposes = {span.name: span.attributes.get("galapagos.purpose") for span in mine.values()}
    assert {name for name, purpose in purposes.items() if purpose == "evolution"} == {
        "generator.publish evo.genome.proposed.v1",
        "evaluator.publish evo.genome.evaluated.v1",
    }
    kinds = {name.split()[0].split(".")[1]: span.kind for span in mine.values() for name in [span.name]}
    assert kinds == {"publish": SpanKind.PRODUCER, "consume": SpanKind.CONSUMER}


async def test_a_birth_is_linked_to_its_cause(tmp_path) -> None:  # type: ignore[no-untyped-def]
    spans, _ = await pipeline(tmp_path, births=2)
    births = [span for span in spans if span.name == "generator.publish evo.genome.proposed.v1"]
    causes = {span.context.trace_id for span in spans if span.name == "generator.consume evo.control.issued.v1"}
    assert len(births) == 2
    assert all(birth.parent is None for birth in births)
    assert {birth.links[0].context.trace_id for birth in births} == causes
    assert len({birth.context.trace_id for birth in births} | causes) == 4


async def test_a_refused_event_shows_in_its_trace() -> None:
    exporter, provider = InMemorySpanExporter(), start_tracing("none")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    bus, stop = MemoryBus(), asyncio.Event()
    dead = await watch(bus, "evo.genome.seeded.v1.dead")
    service = diary(initial_state=None, dump=None, load=None)
    settings = LoopSettings(wait_s=0.01, run=RUN)
    task = asyncio.create_task(run_service(service, bus, stop=stop, settings=settings, tracer=tracer_of(provider)))
    await asyncio.sleep(0)
    await bus.publish([user_message(GenomeSeeded, "run", b"{}")])
    await take(dead, 1)
    stop.set()
    await task
    (span,) = exporter.get_finished_spans()
    assert span.name == "diary.consume evo.genome.seeded.v1"
    assert span.status.status_code is StatusCode.ERROR
    assert "genome" in (span.status.description or "")
