"""The records of a run, read once: each distinct event where it first stands, its repeats compared and let go."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import orjson

from common.errors import ContractError
from common.events.catalogue import BY_NAME, BY_PAYLOAD
from common.events.codec import decode
from common.events.cohorts import Cohort, GenomeEvaluated, GenomeProposed, ParentsSelected
from common.events.event import Event
from common.events.public import Public
from common.events.spec import RunSpec
from common.ports import Record
from common.run.dead_letter import SUFFIX

TIMES = ("born_us", "proposed_us", "trace")
"""What a repeat may say otherwise: when it was published, and the spans it was published in."""
AnyPayload = TypeVar("AnyPayload", bound=Public | Cohort)


class Violation(NamedTuple):
    """What does not hold, and the first record that shows it (``topic/partition/offset``; empty: none does)."""

    invariant: str
    text: str
    record: str = ""


class Seen(NamedTuple):
    """A distinct event and the record in which it came first."""

    record: Record
    event: Event

    @property
    def place(self) -> str:
        """Where it stands."""
        return place_of(self.record)


def place_of(record: Record) -> str:
    """``topic/partition/offset``, as dead letters name their source."""
    return f"{record.topic}/{record.partition}/{record.offset}"


@dataclass(slots=True)
class History:
    """Everything a run published, partition by partition in the order of the log."""

    run: RunSpec
    seen: list[Seen] = field(default_factory=list)
    """Distinct events."""
    broken: list[tuple[Record, str]] = field(default_factory=list)
    """Records that are no events, with the reason."""
    dead: dict[str, Record] = field(default_factory=dict)
    """Dead letters by the place of what they refuse."""
    places: dict[str, list[str]] = field(default_factory=dict)
    """By event id, every place at which it stands."""
    unequal: list[Violation] = field(default_factory=list)
    """Repeats that differ from the first of their id."""

    @classmethod
    def of(cls, run: RunSpec, records: Iterable[Record]) -> "History":
        """Read the records, in any order; ``run`` is the one to which a user's event belongs that names none."""
        found = cls(run)
        contents: dict[str, bytes] = {}
        for record in sorted(records, key=lambda each: (each.topic, each.partition, each.offset)):
            if record.topic.endswith(SUFFIX):
                found.dead[_header(record, "dead_source")] = record
            elif record.topic in BY_NAME:
                found._take(record, contents)
        return found

    def _take(self, record: Record, contents: dict[str, bytes]) -> None:
        try:
            event = decode(record.topic, record.key, record.headers, record.value, run=self.run)
        except ContractError as error:
            self.broken.append((record, str(error)))
            return
        said = _content(record, event)
        self.places.setdefault(event.id, []).append(place_of(record))
        if event.id not in contents:
            contents[event.id] = said
            self.seen.append(Seen(record, event))
        elif contents[event.id] != said:
            text = f"event {event.id} says something else than at {self.places[event.id][0]}"
            self.unequal.append(Violation("duplicates", text, place_of(record)))

    def of_type(self, kind: type[AnyPayload]) -> Iterator[tuple[Seen, AnyPayload]]:
        """The distinct events of one topic."""
        name = BY_PAYLOAD[kind].name
        for seen in self.seen:
            if seen.record.topic == name and isinstance(seen.event.payload, kind):
                yield seen, seen.event.payload

    @property
    def proposed(self) -> Iterator[tuple[Seen, GenomeProposed]]:
        """Distinct proposed cohorts."""
        return self.of_type(GenomeProposed)

    @property
    def evaluated(self) -> Iterator[tuple[Seen, GenomeEvaluated]]:
        """Distinct answers."""
        return self.of_type(GenomeEvaluated)

    @property
    def parents(self) -> Iterator[tuple[Seen, ParentsSelected]]:
        """Distinct breeding sets."""
        return self.of_type(ParentsSelected)

    def is_dead(self, event_id: str) -> bool:
        """Whether a dead letter names one of the records of this event."""
        return any(place in self.dead for place in self.places.get(event_id, ()))


def _header(record: Record, name: str) -> str:
    return dict(record.headers).get(name, b"").decode(errors="replace")


def _content(record: Record, event: Event) -> bytes:
    """The hash of all that every record of an event must say alike."""
    payload, found = event.payload, hashlib.blake2b(digest_size=16)
    headers = sorted(each for each in record.headers if each[0] not in ("ce_time", "traceparent"))
    found.update(repr((record.topic, record.key, headers)).encode())
    if isinstance(payload, Public):
        found.update(_timeless(payload.model_dump(mode="json")))
    else:
        found.update(_timeless(payload.header.model_dump(mode="json")))
        for name, column in payload.data.items():
            if name not in TIMES:
                found.update(name.encode() + column.tobytes())
    return found.digest()


def _timeless(fields: dict[str, Any]) -> bytes:
    kept = {name: value for name, value in fields.items() if name not in TIMES}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
