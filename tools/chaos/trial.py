"""One trial: a run on real servers under the faults of a plan, and everything that can be said against its end."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.errors import TransientError
from common.events.codec import decode, encode
from common.events.cohorts import ParentsSelected
from common.events.event import Event, event_id
from common.events.public import GenomeSeeded
from common.events.spec import RunSpec
from common.genome.codec import to_json
from common.market.bars import Bars
from common.market.synthetic import planted
from common.ports import Bus
from common.run import topics
from common.run.folder import RunFolder
from common.run.loop import now_us
from common.run.open import open_bus, open_states, open_store
from generator.experts import expert_population
from recorder.tables import BY_NAME
from selector.service import SERVICE as SELECTOR
from selector.state import fingerprint
from standalone.host import HostSettings
from standalone.live import PlainView
from standalone.request import build_spec
from standalone.services import stateful
from standalone.session import work
from tools.chaos.collecting import collect, lags
from tools.chaos.faults import Injected, Injector
from tools.chaos.fleet import Fleet
from tools.chaos.history import Violation, check
from tools.chaos.plan import Amount, draw
from tools.servers import Servers

SESSION_MS = 3000
MEMBERS = (
    *("generator-1", "evaluator-1", "evaluator-2", "evaluator-3", "selector-1", "selector-2", "deployer-1"),
    "recorder-1",
)
PARTITIONS = 3
"""They put islands 0 and 1 into one shard."""
UP = ("--evaluators", "3", "--selectors", "2", "--workers", "1", "--partitions", str(PARTITIONS))
QUIET_S = 150.0
"""Without any progress for so long, a run is stuck."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one trial runs: with seeds the digest depends on timing, and only the history is judged."""

    number: int
    seed: int
    generations: int
    amount: Amount
    seeds: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    violations: list[Violation]
    injected: list[Injected]
    unasked: list[str]
    records: int
    champions: int
    seconds: dict[str, float] = field(default_factory=dict)


def market() -> list[Bars]:
    """Small, with an edge in it: a run has champions."""
    return [planted(1, 2500, 0.6)]


def specification(bars: Sequence[Bars], setting: Setting) -> RunSpec:
    """Three islands, small cohorts: many generations, each of which can be interrupted."""
    evolution = {"population": 48, "offspring": 64, "migration_interval": 4}
    fields = {"islands": 3, "generations": setting.generations, "seed": setting.seed, "evolution": evolution}
    return build_spec(bars, fields | {"windows": {"warmup_bars": 100}})


def reference(folder: Path, spec: RunSpec, bars: Sequence[Bars], said: Any) -> dict[str, str]:
    """The fingerprint of every island at the end of the undisturbed run in one process."""
    path = RunFolder.create(folder, spec, list(bars), datetime.now(UTC))
    work(path, HostSettings(2, False, "none", None, time.monotonic()), PlainView(said))
    return asyncio.run(fingerprints(path.states))


async def fingerprints(place: str | Path) -> dict[str, str]:
    """Of the islands as last saved."""
    states = open_states(place)
    try:
        found = await states.load(SELECTOR.name, "")
    finally:
        await states.close()
    assert SELECTOR.load is not None
    return {key: fingerprint(SELECTOR.load(saved.data)).hex() for key, saved in sorted(found.items())}


class Trial:
    """A run of one setting in a namespace and a database of its own."""

    def __init__(self, servers: Servers, folder: Path, setting: Setting) -> None:
        self.servers, self.folder, self.setting = servers, folder, setting
        self.bars = market()
        self.spec = specification(self.bars, setting)
        self.bus_url = f"{servers.urls['kafka']}/chaos-{setting.number}?session_ms={SESSION_MS}"
        self.store_url = servers.urls["clickhouse"].rpartition("/")[0] + f"/chaos_{setting.number}"
        self.progress = dict.fromkeys(range(self.spec.islands), -1)
        self.moved_s = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether every island has closed its last generation."""
        return min(self.progress.values()) >= self.spec.generations - 1

    async def run(self, expected: dict[str, str]) -> Outcome:
        """Run it to rest. ``expected``: the islands' fingerprints, empty where they are not compared."""
        began = time.monotonic()
        bus = open_bus(self.bus_url)
        await bus.create(topics.plans(stateful(), PARTITIONS))
        folder = RunFolder.create(self.folder / "run", self.spec, self.bars, datetime.now(UTC))
        settings = {"BUS": self.bus_url, "CACHE": self.servers.urls["redis"], "STORE": self.store_url}
        settings |= {"RUN": str(folder.path), "WORKERS": "1", "PARTITIONS": str(PARTITIONS)}
        fleet = Fleet(self.folder, {f"GALAPAGOS_{name}": value for name, value in settings.items()})
        injector = Injector(self.servers, fleet, self.progress, lambda: self.is_over, self.setting.amount.pace_s)
        tasks: list[asyncio.Task[None]] = []
        try:
            fleet.start(folder.path, *UP)
            tasks.append(asyncio.create_task(self._watch(bus, injector)))
            await self._settled(lambda: min(self.progress.values()) >= 0, fleet, tasks)
            if not fleet.is_up:
                raise RuntimeError(f"galapagos up ended before the run had begun: {fleet.last_words()}")
            first = time.monotonic()
            tasks.append(asyncio.create_task(self._publish_seeds(bus)))
            plan = draw(self.setting.seed, self.setting.amount, MEMBERS, ("kafka-1", "kafka-2", "kafka-3"))
            await injector.inject(plan)
            healed = time.monotonic()
            await self._settled(lambda: self.is_over, fleet, tasks)
            self.moved_s = time.monotonic()
            await self._settled(lambda: False, fleet, tasks)
            behind = await lags(bus)
            rested = time.monotonic()
            violations, records, champions = await self._judge(bus, behind, expected)
            if not (folder.path / "run.json").exists():
                violations.append(Violation("up", f"galapagos up wrote no run.json: {fleet.last_words()}"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(fleet.stop)
            await bus.close()
        seconds = {"start": first - began, "faults": healed - first, "to_rest": rested - healed}
        seconds["judged"] = time.monotonic() - rested
        return Outcome(violations, injector.done, fleet.unasked(), records, champions, seconds)

    async def _publish_seeds(self, bus: Bus) -> None:
        """Seeds while everything breaks; a publisher who is not acknowledged sends the same event again."""
        for number in range(self.setting.seeds):
            if max(self.progress.values()) > self.spec.generations // 2:
                return  # who publishes when a run ends may find nobody there
            payload = GenomeSeeded(genome=to_json(expert_population()[number % 20]), note=f"seed {number}")
            event = Event(payload, "run", self.spec, event_id(self.spec, payload, (str(number),)), now_us())
            while True:
                try:
                    await bus.publish([encode(event, "user")])
                    break
                except TransientError:
                    await asyncio.sleep(0.2)
            await asyncio.sleep(1.0)

    async def _watch(self, bus: Bus, injector: Injector) -> None:
        """Follow the islands, whatever happens to the bus."""
        while True:
            with contextlib.suppress(TransientError):
                consumer = await bus.subscribe("chaos-watch", ["evo.parents.selected.v1"])
                try:
                    while True:
                        some = await consumer.fetch(records_max=500, bytes_max=64 << 20, wait_s=0.2)
                        for each in some:
                            self._heard(decode(each.topic, each.key, each.headers, each.value))
                        if some:
                            injector.noticed()
                finally:
                    await consumer.close()
            await asyncio.sleep(0.2)

    def _heard(self, event: Event) -> None:
        assert isinstance(event.payload, ParentsSelected)
        header = event.payload.header
        if header.generation > self.progress[header.island]:
            self.progress[header.island] = header.generation
            self.moved_s = time.monotonic()

    async def _settled(self, is_there: Callable[[], bool], fleet: Fleet, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for it, or for the end of `galapagos up`, or until nothing has moved for ``QUIET_S``."""
        while fleet.is_up and not is_there() and time.monotonic() - self.moved_s < QUIET_S:
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)

    async def _judge(
        self, bus: Bus, behind: dict[str, int], expected: dict[str, str]
    ) -> tuple[list[Violation], int, int]:
        records = await collect(bus)
        store = open_store(self.store_url)
        tables = {name: store.query(f"SELECT * FROM {name} FINAL") for name in BY_NAME}
        store.close()
        found = await asyncio.to_thread(check, self.spec, records, lags=behind, tables=tables)
        if expected:
            ended = await fingerprints(self.bus_url)
            found += [
                Violation("I8", f"island {island} ends as {ended.get(island)}, undisturbed as {wanted}")
                for island, wanted in expected.items()
                if ended.get(island) != wanted
            ]
        return found, len(records), tables["champions"].num_rows
