"""The states of a stateful service: loaded when a shard comes, stepped, saved now and then with their offsets."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import ConfigurationError, TransientError
from common.events.message import Message
from common.ports import Bus, Consumer, Offsets, Partition, Record, Saved, StateStore
from common.run.batch import Worker
from common.run.retry import LoopSettings, commit, retry
from common.run.watched import publish
from common.telemetry import names

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shard:
    """Partition i of every topic, and the states whose events come from there."""

    positions: dict[Partition, int] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    contained: dict[str, Offsets] = field(default_factory=dict)
    """What a loaded state contains; one that was saved later than another is ahead of the common position."""
    changed: set[str] = field(default_factory=set)
    saved_s: float = field(default_factory=time.monotonic)
    is_behind: bool = False
    """Whether the store does not have the positions yet."""
    is_committed: bool = True
    """Whether the group has them; after a rebalance nobody knows."""


class Shards:
    """The shards assigned to one member; whatever it holds of the others is forgotten."""

    def __init__(self, worker: Worker, bus: Bus, consumer: Consumer, store: StateStore, settings: LoopSettings) -> None:
        self.worker, self.service, self.metrics = worker, worker.service, worker.metrics
        self.bus, self.consumer, self.store, self.settings = bus, consumer, store, settings
        self.assignment: frozenset[Partition] | None = None
        self.shards: dict[int, _Shard] = {}

    async def handle(self, records: Sequence[Record]) -> None:
        """One batch, a shard at a time; effects in this order: publish, state with offsets, commit.

        After a rebalance nothing of the batch counts: states are loaded, and reading goes on where those stand.
        """
        if await self.follow():
            return
        by_shard: dict[int, list[Record]] = {}
        for record in records:
            by_shard.setdefault(record.partition, []).append(record)
        for number, some in by_shard.items():
            await self._step(number, some)
        await self.save()

    async def follow(self) -> bool:
        """Where the assignment is another one: load its states, read on from where they stand; whether it was."""
        if self.consumer.assignment is self.assignment:
            return False
        self.assignment = self.consumer.assignment
        self.shards = {number: _Shard() for _, number in self.assignment}
        self.metrics.add(names.REBALANCES, 1, service=self.service.name)
        if not self.shards:
            return True
        name, log_id = self.service.name, self.bus.log_id
        saved = await retry(lambda: self.store.load(name, log_id, set(self.shards)), self.settings)
        await asyncio.to_thread(self._restore, saved)
        for at in self.assignment:
            shard = self.shards[at[1]]
            known = [each for each in saved.values() if each.shard == at[1]]
            ends = [offsets.get(at, 0) for each in known for offsets in (each.offsets, each.since)]
            shard.positions[at] = min(ends, default=0)
            shard.is_committed &= shard.positions[at] == 0
        try:
            await self.consumer.seek(
                {at: each for shard in self.shards.values() for at, each in shard.positions.items()}
            )
        except TransientError as error:
            if self.consumer.assignment is self.assignment:
                raise
            _log.warning("%s: %s", name, error)  # moved again: the next fetch shows it
        else:
            await self._recover([key for key, each in saved.items() if not each.offsets])
        return True

    def _restore(self, saved: Mapping[str, Saved]) -> None:
        assert self.service.load is not None
        for key, each in saved.items():
            self.shards[each.shard].states[key] = self.service.load(each.data)
            self.shards[each.shard].contained[key] = each.offsets

    async def _recover(self, keys: Sequence[str]) -> None:
        """Publish what states imply that come from another log: that one may have lost it."""
        states = {key: state for shard in self.shards.values() for key, state in shard.states.items()}
        events = [event for key in keys for event in self.service.recover(states[key])]
        if events:
            messages = await asyncio.to_thread(self.worker.publishable, events)
            await self._publish(messages)

    async def _publish(self, messages: Sequence[Message]) -> None:
        await publish(self.bus, messages, self.service.name, self.metrics, self.settings)

    async def idle(self) -> None:
        """Nothing has come: save what waits for it."""
        if not await self.follow():
            await self.save()

    async def _step(self, number: int, records: Sequence[Record]) -> None:
        shard = self.shards[number]
        work = self.worker.work
        outcome = await retry(lambda: asyncio.to_thread(work, shard.states, records, shard.contained), self.settings)
        for key in outcome.states:
            if elsewhere := [other for other in self.shards if other != number and key in self.shards[other].states]:
                raise ConfigurationError(
                    f"service {self.service.name}: events of state {key!r} come from partitions {elsewhere[0]} and "
                    f"{number}; key them alike, or give their topics one partition"
                )
        await self._publish(outcome.messages)
        shard.states.update(outcome.states)
        shard.changed.update(outcome.states)
        shard.positions.update(outcome.offsets)
        shard.is_behind = True

    async def save(self, *, at_once: bool = False) -> None:
        """Save the shards whose turn it is, and commit what they contain."""
        for number, shard in self.shards.items():
            is_due = at_once or time.monotonic() - shard.saved_s >= self.settings.snapshot_s
            if is_due and self.consumer.assignment is self.assignment:
                if shard.is_behind:
                    await self._save(number, shard)
                if not (shard.is_behind or shard.is_committed):
                    # Until it has worked: a rebalance may swallow a commit, and no record may follow.
                    shard.saved_s = time.monotonic()
                    shard.is_committed = await commit(self.consumer, shard.positions, self.service.name)

    async def _save(self, number: int, shard: _Shard) -> None:
        dump, name, log_id = self.service.dump, self.service.name, self.bus.log_id
        assert dump is not None
        changed = {key: shard.states[key] for key in sorted(shard.changed)}
        dumped = await asyncio.to_thread(lambda: {key: dump(state) for key, state in changed.items()})
        try:
            with self.metrics.timed(names.SAVE, name):
                await retry(lambda: self.store.save(name, log_id, number, dumped, shard.positions), self.settings)
        except TransientError as error:
            if self.consumer.assignment is self.assignment:
                raise
            _log.warning("%s: %s", name, error)
            return
        self.metrics.record(names.SNAPSHOT, sum(map(len, dumped.values())), service=name)
        shard.changed.clear()
        shard.saved_s, shard.is_behind, shard.is_committed = time.monotonic(), False, False
