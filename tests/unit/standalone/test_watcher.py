"""The host's reader of the bus: it outlives its consumers, and a stranger cannot make it keep without bound."""

import asyncio
import contextlib
from collections.abc import Sequence

from common.adapters.memory_bus import MemoryBus, MemoryConsumer
from common.errors import ContractError, TransientError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import user_message
from common.events.public import GenomeSeeded
from common.ports import Record
from common.run.dead_letter import SUFFIX, dead_letter
from standalone import chronicle as chronicles
from standalone.chronicle import Chronicle
from standalone.watcher import Watcher

SEEDS = BY_PAYLOAD[GenomeSeeded].name


def _refusal(reason: str) -> Record:
    letter = user_message(GenomeSeeded, "0" * 64, b"{}")
    return Record(SEEDS, 0, 0, letter.key, letter.headers, letter.value)._replace(value=reason.encode())


async def _watched(bus: MemoryBus, reasons: Sequence[str]) -> tuple[Chronicle, list[str]]:
    """What is kept and said of these refusals."""
    chronicle, said = Chronicle(), list[str]()
    watcher = Watcher(bus, [SEEDS + SUFFIX], chronicle, said.append, lambda: None)
    await watcher.subscribe()
    task = asyncio.create_task(watcher.watch())
    for reason in reasons:
        await bus.publish([dead_letter(_refusal(reason), "generator", ContractError(reason))])
    async with asyncio.timeout(60):
        while bus.size_bytes():
            await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return chronicle, said


class Shaky(MemoryBus):
    """Its first reader fails at its first record."""

    failures = 0

    async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> MemoryConsumer:
        found = await super().subscribe(group, topics, may_lag=may_lag)
        if self.failures:
            return found
        fetch = found.fetch

        async def broken(**bounds: float) -> list[Record]:
            await fetch(**bounds)  # type: ignore[arg-type]
            self.failures += 1
            raise TransientError("no record came")

        found.fetch = broken  # type: ignore[method-assign]
        return found


async def test_a_reader_that_fails_is_replaced_and_nothing_is_missed() -> None:
    bus = Shaky()
    chronicle, said = await _watched(bus, ["one", "two"])
    assert bus.failures == 1
    assert [row["reason"] for row in chronicle.of("dead")] == ["one", "two"]
    assert len(said) == 2


async def test_refusals_are_listed_up_to_a_bound_and_said_no_longer_beyond_it() -> None:
    reasons = [f"reason {number}" for number in range(chronicles.REFUSALS_MAX + 50)]
    chronicle, said = await _watched(MemoryBus(), reasons)
    assert len(chronicle.of("dead")) == chronicles.REFUSALS_MAX
    assert len(said) == chronicles.REFUSALS_MAX + 1
    assert "further refusals are not listed" in said[-1]
