"""Events to messages and back: CloudEvents 1.0 in binary mode, the run's specification in a header of its own."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from common.events.arrow import read_cohort, write_cohort
from common.events.catalogue import BY_NAME, BY_PAYLOAD, Topic, topic_of
from common.events.cohorts import Cohort, MigrantSent
from common.events.event import Event
from common.events.message import Headers, Message
from common.events.public import GenomeSeeded, Public
from common.events.spec import RunSpec
from common.events.strict import PUBLIC_BYTES_MAX, parse_model, refusal
from common.events.trace import parse as parse_trace

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
FROM_USERS: tuple[type, ...] = (GenomeSeeded,)
"""What people publish with nothing but a value: the CloudEvents headers may be missing, the run is the reader's."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SPEC_BYTES_MAX = 1 << 16


def encode(event: Event, source: str = "galapagos") -> Message:
    """The message; ``source`` is the service that publishes. Raises ValueError for a JSON value above 1 MiB.

    Headers, for JSON and Arrow alike: ``ce_specversion ce_id ce_type ce_source ce_time content-type``, ``traceparent``
    when there is one, and ``ce_run``: the whole RunSpec as canonical JSON.
    """
    topic = topic_of(event.payload)
    if isinstance(event.payload, Cohort):
        value, content = write_cohort(event.payload), ARROW
    else:
        value, content = event.payload.model_dump_json().encode(), JSON
        if len(value) > PUBLIC_BYTES_MAX:
            raise ValueError(f"{topic.name}: {len(value)} bytes are above {PUBLIC_BYTES_MAX}; split the event")
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_type", topic.name.encode()),
        ("ce_source", source.encode()),
        ("ce_time", _time_text(event.time_us).encode()),
        ("content-type", content.encode()),
        ("ce_run", event.run.canonical),
    ]
    if event.trace:
        headers.append(("traceparent", event.trace.encode()))
    return Message(topic.name, event.key.encode(), tuple(headers), value)


def user_message(payload: type[Public], key: str, value: bytes) -> Message:
    """A message as a person with ``kcat`` would publish it: the bytes as they are, good or bad, and no run."""
    headers = (("content-type", JSON.encode()), ("ce_source", b"user"))
    return Message(BY_PAYLOAD[payload].name, key.encode(), headers, value)


def decode(topic: str, key: bytes, headers: Headers, value: bytes, *, run: RunSpec | None = None) -> Event:
    """The event of a message. ``run`` is the run to which a user's event belongs that names none.

    Raises ContractError, naming field, value and remedy, for whatever breaks the contract.
    """
    entry = BY_NAME.get(topic)
    if entry is None:
        raise refusal("topic", topic, f"one of {', '.join(BY_NAME)}")
    given = _attributes(headers)
    lenient = entry.payload in FROM_USERS
    _expect(given, "ce_specversion", "1.0", lenient)
    _expect(given, "ce_type", topic, lenient)
    _expect(given, "content-type", ARROW if entry.is_cohort else JSON, lenient)
    spec = _run(given, run if lenient else None)
    payload = read_cohort(entry.payload, value) if issubclass(entry.payload, Cohort) else _public(entry, value)
    if isinstance(payload, Cohort):
        _check_islands(payload, spec)
    trace = given.get("traceparent", "")
    return Event(
        payload=payload,
        key=_text("key", key),
        run=spec,
        id=_identity(given, topic, key, value, lenient),
        time_us=0 if lenient and "ce_time" not in given else _time_us(given.get("ce_time", "")),
        trace=trace if parse_trace(trace) else "",
    )


def content_id(topic: str, key: bytes, value: bytes) -> str:
    """The id of a user's event that brings none: the hash of what it says and to whom."""
    return hashlib.blake2b(b"|".join((topic.encode(), key, value)), digest_size=16).hexdigest()


def _public(entry: Topic, value: bytes) -> Public:
    assert issubclass(entry.payload, Public)
    return parse_model(entry.payload, value, entry.name)


def _text(field: str, data: bytes | None) -> str:
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        raise refusal(field, data, "UTF-8") from None


def _attributes(headers: Headers) -> dict[str, str]:
    """The headers we read, as text; the others may be anything."""
    known = {"ce_specversion", "ce_id", "ce_type", "ce_time", "content-type", "ce_run", "traceparent"}
    given: dict[str, str] = {}
    for name, data in headers:
        if name in known:
            if name in given:
                raise refusal(name, "given twice", "each header once")
            given[name] = _text(name, data)
    return given


def _expect(given: dict[str, str], name: str, wanted: str, may_be_absent: bool) -> None:
    if name not in given and may_be_absent:
        return
    found = given.get(name)
    bare = found.split(";")[0].strip().lower() if found is not None and name == "content-type" else found
    if bare != wanted:
        raise refusal(name, found, wanted)


def _run(given: dict[str, str], absent: RunSpec | None) -> RunSpec:
    if "ce_run" in given:
        return _parse_run(given["ce_run"])
    if absent is None:
        raise refusal("ce_run", None, "the run's specification as JSON")
    return absent


@lru_cache(maxsize=64)
def _parse_run(text: str) -> RunSpec:
    return parse_model(RunSpec, text.encode(), "ce_run", _SPEC_BYTES_MAX)


def _check_islands(cohort: Cohort, run: RunSpec) -> None:
    names = ("island", "source") if isinstance(cohort, MigrantSent) else ("island",)
    for name in names:
        island = getattr(cohort.header, name)
        if not 0 <= island < run.islands:
            raise refusal(f"header.{name}", island, f"an island of the run: 0 to {run.islands - 1}")
    if not 0 <= cohort.header.generation < 1 << 32:
        raise refusal("header.generation", cohort.header.generation, "a number of 32 bits")


def _identity(given: dict[str, str], topic: str, key: bytes, value: bytes, may_be_absent: bool) -> str:
    """The event's id; a user's event without one is named by its content, so a repeated delivery is recognised."""
    if "ce_id" not in given and may_be_absent:
        return content_id(topic, key or b"", value)
    if not _ID.fullmatch(given.get("ce_id", "")):
        raise refusal("ce_id", given.get("ce_id"), "1 to 128 printable ASCII characters")
    return given["ce_id"]


def _time_text(time_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time_us(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError
        return (found - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise refusal("ce_time", text, "RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z") from None
