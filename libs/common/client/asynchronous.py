"""The client for programs with an event loop."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np
import orjson

from common.client.fate import TOPICS, Fate, Tracker, trace_id
from common.client.following import Begin, follow
from common.errors import ContractError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import content_id, decode, user_message
from common.events.public import ChampionPromoted, DeploymentChanged, GenomeSeeded, Public
from common.events.spec import RunSpec
from common.events.strict import parse_model
from common.genome.codec import check, from_json, genome_ids, to_json
from common.ports import Bus
from common.run.open import open_bus
from common.run.retry import DEFAULTS, retry

Said = TypeVar("Said", bound=Public)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A seed that is on the bus. The same seed published again has the same ids and counts once."""

    genome_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Seen(Generic[Said]):
    """A public event with what its headers say; ``trace_id`` in 32 hexadecimal digits, the trace of its birth."""

    payload: Said
    event_id: str
    trace_id: str
    time_us: int
    run: RunSpec


class Client:
    """Opens a bus by its URL, or borrows one that is open; belongs to the event loop that uses it.

    Raises ConfigurationError when the URL is wrong, TransientError when nobody answers there.
    """

    def __init__(self, bus: str | Bus) -> None:
        self._owned = isinstance(bus, str)
        self._bus = open_bus(bus) if isinstance(bus, str) else bus

    async def publish_seed(
        self,
        genome: Mapping[str, Any] | np.void,
        publisher: str = "anonymous",
        note: str = "",
        *,
        run: RunSpec | str = "",
    ) -> Published:
        """Let a genome compete; ``genome`` as JSON values or as a record, ``run`` or its id becomes the key.

        Raises GenomeError, naming the gene, for one that may not exist, and ContractError, naming the field, for what
        else breaks the contract: nothing is published then.
        """
        if isinstance(genome, np.void):
            check(genome)
        record = from_json(to_json(genome) if isinstance(genome, np.void) else genome)
        seed = {"genome": to_json(record), "publisher": publisher, "note": note}
        value = parse_model(GenomeSeeded, orjson.dumps(seed), "seed").model_dump_json().encode()
        message = user_message(GenomeSeeded, run if isinstance(run, str) else run.run_id, value)
        await retry(lambda: self._bus.publish([message]), DEFAULTS)
        identity = genome_ids(np.array([record]))[0].tobytes().hex()
        return Published(identity, content_id(message.topic, message.key, value))

    def champions(
        self, group: str = "", begin: Begin = "oldest", idle_s: float | None = None
    ) -> AsyncGenerator[Seen[ChampionPromoted], None]:
        """Champions as they are promoted, each once; ends when none has come for ``idle_s`` seconds (None: never).

        A ``group`` goes on where it stopped, in any process; a champion is read when the next one is asked for.
        """
        return self._public(ChampionPromoted, group, begin, idle_s)

    def deployments(
        self, group: str = "", begin: Begin = "oldest", idle_s: float | None = None
    ) -> AsyncGenerator[Seen[DeploymentChanged], None]:
        """Transitions of deployments, as ``champions``."""
        return self._public(DeploymentChanged, group, begin, idle_s)

    async def outcome(self, seed_id: str, idle_s: float | None = None) -> AsyncGenerator[Fate, None]:
        """What becomes of the seed with this event id: ends with the last step, or ``idle_s`` after one.

        Reads what the log keeps of measurements, an hour of a busy foundry's bulk included.
        """
        tracker, loop = Tracker(seed_id), asyncio.get_running_loop()
        last_s: float | None = None
        async for record in follow(self._bus, TOPICS, are_kept=False):
            for fate in tracker.take(record) if record is not None else ():
                yield fate
                if fate.is_last:
                    return
                last_s = None
            last_s = loop.time() if last_s is None else last_s
            if idle_s is not None and loop.time() - last_s > idle_s:
                return

    async def _public(
        self, kind: type[Said], group: str, begin: Begin, idle_s: float | None
    ) -> AsyncGenerator[Seen[Said], None]:
        loop, known = asyncio.get_running_loop(), set[str]()
        quiet_s: float | None = None
        async for record in follow(self._bus, [BY_PAYLOAD[kind].name], group, begin):
            if record is not None:
                quiet_s = None
                try:
                    event = decode(record.topic, record.key, record.headers, record.value)
                except ContractError as error:
                    _log.warning("%s/%d/%d left out: %s", record.topic, record.partition, record.offset, error)
                    continue
                if event.id not in known:
                    known.add(event.id)
                    assert isinstance(event.payload, kind)
                    yield Seen(event.payload, event.id, trace_id(event.trace), event.time_us, event.run)
                continue
            quiet_s = loop.time() if quiet_s is None else quiet_s
            if idle_s is not None and loop.time() - quiet_s > idle_s:
                return

    async def close(self) -> None:
        """Let go of the bus if it was opened here."""
        if self._owned:
            await self._bus.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
