"""What it costs to compress a cohort for Kafka, and how small it becomes."""

from dataclasses import replace
from functools import partial
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from benchmarks.clock import interleaved, scaled
from benchmarks.evolution import OFFSPRING
from common.events.codec import encode
from common.events.event import Event, event_id
from common.events.message import Message
from common.events.spec import DataSpec, Evolution, RunSpec
from common.market.defaults import default_bars
from evaluator.preparing import arenas_of
from evaluator.service import service as evaluator
from generator.service import first_generation

CODECS = {"none": 0, "gzip": 1, "lz4": 3, "zstd": 4}
"""With the numbers of Kafka's record batches."""


def bench_codecs(repeats: int, scale: float) -> dict[str, Any]:
    """Bytes, and CPU milliseconds to write and to read, of one cohort as proposed and as evaluated."""
    found: dict[str, Any] = {}
    for name, message in _messages(scale).items():
        batches = {codec: _write(message, number) for codec, number in CODECS.items()}
        writing = interleaved({codec: partial(_write, message, number) for codec, number in CODECS.items()}, repeats)
        reading = interleaved({codec: partial(_read, data) for codec, data in batches.items()}, repeats)
        found[name] = {
            codec: {"bytes": len(data), "write_ms": 1000 * writing[codec], "read_ms": 1000 * reading[codec]}
            for codec, data in batches.items()
        }
    return found


def _messages(scale: float) -> dict[str, Message]:
    bars = default_bars()
    data = tuple(DataSpec(name=b.name, digest=b.digest, bars=len(b), bars_per_year=b.bars_per_year) for b in bars)
    offspring = scaled(OFFSPRING, scale, 64)
    run = RunSpec(data=data, evolution=Evolution(offspring=offspring, population=max(offspring // 4, 8)))
    arenas = arenas_of(run, bars, 1)
    cohort = first_generation(run, 0)
    proposed = Event(cohort, "0", run, event_id(run, cohort, ("codecs",)), 1)
    _, [evaluated] = evaluator(arenas).step(None, [proposed])
    return {"proposed": encode(proposed), "evaluated": encode(replace(evaluated, time_us=2))}


def _write(message: Message, codec: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1 << 30)
    builder.append(0, 0, message.key, message.value, list(message.headers))
    return bytes(builder.build())


def _read(data: bytes) -> int:
    records = MemoryRecords(data)
    size = 0
    while records.has_next():
        size += sum(len(record.value) for record in records.next_batch())
    return size
