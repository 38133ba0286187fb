"""What the client publishes competes, what it follows is what the foundry says; on every bus, in or without a loop."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from common.adapters.memory_bus import MemoryBus
from common.client import Client, Seen, connect
from common.errors import ConfigurationError, ContractError, GenomeError, TransientError
from common.events.codec import content_id, encode, user_message
from common.events.event import Event, event_id
from common.events.public import ChampionPromoted, DeploymentChanged, GenomeSeeded
from common.genome.codec import genome_ids, to_json
from common.ports import Bus
from common.run import topics
from common.run.open import open_bus
from generator.experts import experts
from tests.client.foundry import SPEC, foundry
from tools.samples import RUN, sample_events

EXPERT = experts()[3].genome
CHAMPION = next(event for event in sample_events() if isinstance(event.payload, ChampionPromoted))
IDLE_S = 1.0


def champion(number: int) -> Event:
    """One with an id of its own."""
    assert isinstance(CHAMPION.payload, ChampionPromoted)
    payload = CHAMPION.payload.model_copy(update={"generation": number})
    return Event(payload, f"niche {number}", RUN, event_id(RUN, payload, (str(number),)), 1, CHAMPION.trace)


def generations(seen: list[Seen[ChampionPromoted]]) -> list[int]:
    return [each.payload.generation for each in seen]


@pytest.fixture(params=["memory", "kafka"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    if request.param == "memory":
        opened = open_bus("memory://")
    else:
        url = request.getfixturevalue("kafka_url")
        opened = open_bus(f"{url}/{uuid.uuid4().hex}?compression=gzip")
    try:
        await opened.create(topics.plans())
        yield opened
    finally:
        await opened.close()


async def test_a_published_seed_is_measured_and_the_foundrys_champions_are_followed(bus: Bus, tmp_path: Path) -> None:
    async with asyncio.timeout(600), foundry(bus, tmp_path), Client(bus) as client:
        sent = await client.publish_seed(EXPERT, "ada", "a classic", run=SPEC)
        assert sent.genome_id == genome_ids(EXPERT.reshape(1))[0].tobytes().hex()
        fate = await anext(client.outcome(sent.event_id))
        assert (fate.stage, fate.genome_id) == ("measured", sent.genome_id)
        assert fate.figures["training"]["bars"] > 0
        assert len(fate.trace_id) == 32
        seen = await anext(client.champions())
        assert seen.run == SPEC
        assert any(verdict.gate == "vault_p_value" for verdict in seen.payload.verdicts)
        async for change in client.deployments():
            assert isinstance(change.payload, DeploymentChanged)
            if change.payload.genome_id == seen.payload.genome_id:
                assert change.trace_id == seen.trace_id
                break


async def test_a_seed_that_others_published_badly_shows_its_reason(bus: Bus, tmp_path: Path) -> None:
    document = to_json(EXPERT)
    document["risk"]["leverage_max"] = 9.0
    value = GenomeSeeded(genome=document).model_dump_json().encode()
    message = user_message(GenomeSeeded, SPEC.run_id, value)
    async with asyncio.timeout(600), foundry(bus, tmp_path), Client(bus) as client:
        await bus.publish([message])
        fates = [fate async for fate in client.outcome(content_id(message.topic, message.key, value))]
    assert [fate.stage for fate in fates] == ["refused"]
    assert "gene risk.leverage_max: 9.0 is not allowed" in fates[0].reason


async def test_a_group_goes_on_where_it_stopped_and_a_stranger_sees_everything(bus: Bus) -> None:
    await bus.publish([encode(champion(number)) for number in range(3)])
    client = Client(bus)
    stranger = client.champions(idle_s=IDLE_S)
    one = await anext(stranger)  # a bus in memory drops what all have read who are there
    first = client.champions("ada", idle_s=20)
    taken = [await anext(first), await anext(first)]
    await first.aclose()
    again = [seen async for seen in client.champions("ada", idle_s=IDLE_S)]
    assert generations(taken) == [0, 1]
    assert generations(again) == [1, 2]  # the one in hand comes again
    assert generations([one] + [seen async for seen in stranger]) == [0, 1, 2]
    assert taken[0].event_id == champion(0).id


async def test_from_now_on_leaves_out_what_was_there(bus: Bus) -> None:
    await bus.publish([encode(champion(number)) for number in range(3)])
    client = Client(bus)
    following = client.champions(begin="now", idle_s=30)
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    while not waiting.done():  # whenever it has begun, the next one is the first it shows
        await bus.publish([encode(champion(99))])
        await asyncio.wait([waiting], timeout=0.5)
    assert generations([waiting.result()]) == [99]
    await following.aclose()


async def test_what_comes_twice_is_shown_once_and_what_is_no_champion_is_left_out(bus: Bus) -> None:
    message = encode(champion(1))
    await bus.publish([message, message, message._replace(value=b"{}"), encode(champion(2))])
    assert generations([seen async for seen in Client(bus).champions(idle_s=IDLE_S)]) == [1, 2]


async def test_a_bad_seed_is_refused_before_anything_is_published() -> None:
    bus = MemoryBus()
    client = Client(bus)
    wrong = EXPERT.copy()
    wrong["alleles"][0] = 255
    with pytest.raises(GenomeError, match="is not allowed"):
        await client.publish_seed(wrong)
    with pytest.raises(GenomeError, match=r"gene risk\.leverage_max: 9\.0 is not allowed"):
        await client.publish_seed({"version": 2, "risk": {"leverage_max": 9.0}})
    with pytest.raises(GenomeError, match="gene genome"):
        await client.publish_seed([1])  # type: ignore[arg-type]
    with pytest.raises(ContractError, match=r"seed\.publisher"):
        await client.publish_seed(EXPERT, publisher="a" * 129)
    with pytest.raises(ContractError, match="at most"):
        await client.publish_seed(EXPERT, note="x" * (1 << 20))
    assert bus.size_bytes() == 0


async def test_the_same_seed_again_is_the_same_event() -> None:
    client = Client(MemoryBus())
    record = np.array([EXPERT])[0]
    sent = [await client.publish_seed(genome, "ada", run=SPEC) for genome in (record, to_json(record))]
    assert sent[0] == sent[1]


def test_without_an_event_loop_the_same_is_said(kafka_url: str) -> None:
    url = f"{kafka_url}/{uuid.uuid4().hex}?compression=gzip"

    async def prepare() -> None:
        bus = open_bus(url)
        await bus.create(topics.plans())
        await bus.publish([encode(champion(number)) for number in range(3)])
        await bus.close()

    asyncio.run(prepare())
    with connect(url) as client:
        following = client.champions("ada")
        assert generations([next(following)]) == [0]
        following.close()
        assert generations(list(client.champions("ada", idle_s=IDLE_S))) == [0, 1, 2]
        assert list(client.deployments(idle_s=IDLE_S)) == []
        assert list(client.outcome("none", idle_s=IDLE_S)) == []
        with pytest.raises(GenomeError):
            client.publish_seed({"version": 0})
        assert client.publish_seed(EXPERT, "ada").genome_id


def test_an_address_where_nobody_answers_is_named() -> None:
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1/"), connect("kafka://127.0.0.1:1/?connect_ms=300"):
        pass
    with pytest.raises(ConfigurationError, match="bus 'amqp:"):
        connect("amqp://x")
