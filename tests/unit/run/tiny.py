"""Tiny services, birth to deployment, with the shape of the real ones and none of their work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from common.adapters.memory_bus import MemoryBus
from common.errors import ContractError
from common.events.codec import decode
from common.events.cohorts import EvaluatedHeader, GenomeEvaluated, GenomeProposed
from common.events.event import Event, Payload, event_id
from common.events.public import (
    AlertRaised,
    ChampionPromoted,
    ControlIssued,
    DeploymentChanged,
    GenomeSeeded,
)
from common.events.trace import pack, unpack
from common.ports import Bus, Consumer, Record, StateStore
from common.run.loop import run_service
from common.run.retry import LoopSettings
from common.service import Service
from tools.samples import RUN, sample_events

SAMPLES: dict[type, Payload] = {type(event.payload): event.payload for event in sample_events()}


def event(payload: Payload, key: str = "k", name: str = "x") -> Event:
    return Event(payload, key, RUN, event_id(RUN, payload, (name,)))


def alert(text: str, key: str = "k") -> Event:
    return event(AlertRaised(kind="risk", severity="info", message=text), key, text)


def seed(text: str) -> Event:
    return event(GenomeSeeded(genome={}, note=text), "run", text)


def breed(_: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
    born = [replace(each.answer(SAMPLES[GenomeProposed], "1:5:evolution"), root=True) for each in events]
    return None, born


def measure(_: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
    answers = []
    for each in events:
        assert isinstance(each.payload, GenomeProposed)
        header = EvaluatedHeader(**each.payload.header.model_dump(), proposed_us=each.time_us)
        answers.append(each.answer(GenomeEvaluated.build(header, **each.payload.data), str(header.island)))
    return None, answers


def judge(state: tuple[bytes, ...], events: Sequence[Event]) -> tuple[tuple[bytes, ...], list[Event]]:
    """Remembers each birth's trace and promotes it at the second sight of its island, as the real selector may."""
    promoted = []
    for each in events:
        if len(state) == 1:
            birth = event(SAMPLES[ChampionPromoted], "niche", each.id)
            promoted.append(replace(birth, trace=unpack(state[0])))
        state = (*state, pack(each.trace))
    return state, promoted


def deploy(_: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
    return None, [each.answer(SAMPLES[DeploymentChanged], "d1") for each in events]


BREEDER: Service[None] = Service("generator", (ControlIssued, GenomeSeeded), (GenomeProposed,), breed)
METER: Service[None] = Service("evaluator", (GenomeProposed,), (GenomeEvaluated,), measure)
JUDGE: Service[tuple[bytes, ...]] = Service(
    "selector", (GenomeEvaluated,), (ChampionPromoted,), judge, tuple, b"".join, lambda data: (data[:24],)
)
DEPLOYER: Service[None] = Service("deployer", (ChampionPromoted,), (DeploymentChanged,), deploy)


@dataclass(frozen=True)
class Note:
    """The state of a diary: the texts in the order they came."""

    texts: tuple[str, ...] = ()


def diary_step(state: Note, events: Sequence[Event]) -> tuple[Note, list[Event]]:
    """Keeps the note of every seed; refuses those that say so; answers with an alert that counts."""
    outputs = []
    for each in events:
        assert isinstance(each.payload, GenomeSeeded)
        if "poison" in each.payload.note:
            raise ContractError(f"note: {each.payload.note!r} is not allowed; use another")
        state = Note((*state.texts, each.payload.note))
        payload = AlertRaised(kind="evolution", severity="info", message=f"{each.payload.note}:{len(state.texts)}")
        outputs.append(each.answer(payload, "answer"))
    return state, outputs


def diary(**changes: Any) -> Service[Note]:
    """A stateful service, one state per first letter of the note."""
    service: Service[Note] = Service(
        "diary",
        (GenomeSeeded,),
        (AlertRaised,),
        diary_step,
        Note,
        lambda state: "\n".join(state.texts).encode(),
        lambda data: Note(tuple(data.decode().split("\n")) if data else ()),
        lambda each: each.payload.note[:1],  # type: ignore[union-attr]
    )
    return replace(service, **changes)


async def take(consumer: Consumer, count: int) -> list[Record]:
    """``count`` records, within 20 seconds."""
    found: list[Record] = []
    deadline = asyncio.get_running_loop().time() + 20
    while len(found) < count and asyncio.get_running_loop().time() < deadline:
        found += await consumer.fetch(records_max=1000, bytes_max=1 << 30, wait_s=0.5)
    assert len(found) == count
    return found


async def watch(bus: Bus, kind_or_topic: str) -> Consumer:
    return await bus.subscribe(f"watch.{kind_or_topic}", [kind_or_topic])


QUICK = LoopSettings(wait_s=0.01, backoff_s=0.001, run=RUN)
ALERTS = "evo.alert.raised.v1"
SEEDS = "evo.genome.seeded.v1"
TIME_US = 1_700_000_000_000_000


@asynccontextmanager
async def running(
    service: Service[Any], bus: MemoryBus, states: StateStore | None, settings: LoopSettings = QUICK
) -> AsyncIterator[None]:
    """The service's loop, stopped cleanly at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_service(service, bus, states, stop=stop, settings=settings, clock=lambda: TIME_US))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        stop.set()
        await task


def texts(records: Sequence[Any]) -> list[str]:
    return [decode(*record[:1], *record[3:]).payload.message for record in records]  # type: ignore[union-attr]


async def fails(
    service: Service[Any], bus: MemoryBus, states: StateStore | None, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        await asyncio.wait_for(run_service(service, bus, states, stop=asyncio.Event(), settings=QUICK), 20)
