"""Events to messages and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ContractError
from common.events.catalogue import topic_of
from common.events.codec import decode, encode, user_message
from common.events.cohorts import Cohort
from common.events.event import Event
from common.events.message import Message
from common.events.public import BarClosed, GenomeSeeded
from tools.samples import RUN, TRACE, sample_events

EVENTS = list(sample_events())
SEED = b'{"genome": {"version": 1}}'
EACH = pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event.payload).__name__)


def changed(message: Message, **headers: bytes | None) -> Message:
    """With headers replaced (``_`` for ``-``), or removed by None."""
    names = {name.replace("content_type", "content-type"): data for name, data in headers.items()}
    kept = [(name, data) for name, data in message.headers if name not in names]
    return message._replace(headers=(*kept, *((name, data) for name, data in names.items() if data is not None)))


def same_payload(one: object, other: object) -> bool:
    if isinstance(one, Cohort) and isinstance(other, Cohort):
        columns = all(one[name].tobytes() == other[name].tobytes() for name in one.columns)
        shapes = all(
            one[name].shape == other[name].shape and one[name].dtype == other[name].dtype for name in one.columns
        )
        return type(one) is type(other) and one.header == other.header and columns and shapes
    return one == other


@EACH
def test_an_event_comes_back_as_it_was_sent(event: Event) -> None:
    found = decode(*encode(event))
    assert same_payload(found.payload, event.payload)
    assert replace(found, payload=event.payload, run=RUN, root=event.root).trace == TRACE
    assert (found.key, found.id, found.time_us, found.run) == (event.key, event.id, event.time_us, event.run)
    assert found.run.run_id == event.run.run_id


@EACH
def test_headers_are_cloud_events_in_binary_mode(event: Event) -> None:
    message = encode(event, "selector")
    headers = {name: data.decode() for name, data in message.headers}
    assert message.topic == headers["ce_type"] == topic_of(event.payload).name
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_id"] == event.id
    assert headers["ce_source"] == "selector"
    assert headers["ce_time"] == "2026-01-01T00:00:00.123456Z"
    assert headers["traceparent"] == TRACE
    assert headers["content-type"] in ("application/json", "application/vnd.apache.arrow.stream")


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"ce_specversion": b"0.3"}, "ce_specversion: '0.3' is not allowed; use 1.0"),
        ({"ce_specversion": None}, "ce_specversion"),
        ({"ce_type": b"evo.genome.proposed.v2"}, "ce_type: 'evo.genome.proposed.v2'"),
        ({"ce_type": None}, "ce_type"),
        ({"content_type": b"text/plain"}, "content-type"),
        ({"ce_id": b""}, "ce_id"),
        ({"ce_id": b"x" * 129}, "ce_id"),
        ({"ce_id": b"a b"}, "ce_id"),
        ({"ce_id": b"\xff"}, "ce_id"),
        ({"ce_id": None}, "ce_id"),
        ({"ce_time": b"yesterday"}, "ce_time"),
        ({"ce_time": b"2026-01-01T00:00:00"}, "ce_time"),
        ({"ce_time": None}, "ce_time"),
        ({"ce_run": None}, "ce_run"),
        ({"ce_run": b"{}"}, "ce_run.data"),
        ({"ce_run": b'{"seed": 1, "seed": 1}'}, "ce_run: 'seed'"),
        ({"ce_run": b"{" * 70_000}, "ce_run: 70000 bytes|ce_run: '70000 bytes'"),
    ],
)
@EACH
def test_a_bad_header_is_named(event: Event, headers: dict[str, bytes | None], named: str) -> None:
    message = changed(encode(event), **headers)
    if isinstance(event.payload, GenomeSeeded) and None in headers.values():
        decode(*message, run=RUN)
        return
    with pytest.raises(ContractError, match=named):
        decode(*message)


def test_a_header_given_twice_is_refused() -> None:
    message = encode(EVENTS[0])
    with pytest.raises(ContractError, match="ce_id: 'given twice'"):
        decode(*message._replace(headers=(*message.headers, ("ce_id", b"other"))))


def test_headers_of_others_may_be_anything() -> None:
    message = encode(EVENTS[0])
    foreign = (("ce_partitionkey", b"\xff"), ("x", b""), ("x", b""), ("ce_dataschema", b"?"))
    assert decode(*message._replace(headers=(*foreign, *message.headers))).id == EVENTS[0].id


def test_an_unknown_topic_is_refused() -> None:
    with pytest.raises(ContractError, match=r"topic: 'evo\.genome\.seeded\.v2'"):
        decode(*encode(EVENTS[0])._replace(topic="evo.genome.seeded.v2"))


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(ContractError, match="key"):
        decode(*encode(EVENTS[0])._replace(key=b"\xff"))


def test_a_broken_traceparent_is_no_trace_and_no_error() -> None:
    assert decode(*changed(encode(EVENTS[0]), traceparent=b"broken")).trace == ""
    assert decode(*changed(encode(EVENTS[0]), traceparent=None)).trace == ""


def test_content_types_may_have_parameters_and_times_other_zones() -> None:
    message = changed(
        encode(EVENTS[0]), content_type=b"Application/JSON; charset=utf-8", ce_time=b"1970-01-01T02:00:00+01:00"
    )
    assert decode(*message).time_us == 3_600_000_000


def test_a_seed_with_nothing_but_a_value_joins_the_readers_run() -> None:
    bare = Message("evo.genome.seeded.v1", b"", (), SEED)
    first, again = decode(*bare, run=RUN), decode(*bare, run=RUN)
    assert first.run == RUN
    assert first.payload == GenomeSeeded(genome={"version": 1})
    assert first.id == again.id
    assert first.id != decode(*bare._replace(value=SEED + b" "), run=RUN).id
    with pytest.raises(ContractError, match="ce_run"):
        decode(*bare)


def test_a_users_message_is_the_value_untouched() -> None:
    message = user_message(GenomeSeeded, "run", b'{"genome": {"a": NaN}}')
    assert message.value == b'{"genome": {"a": NaN}}'
    with pytest.raises(ContractError, match="not strict JSON"):
        decode(*message, run=RUN)
    assert decode(*user_message(GenomeSeeded, "run", SEED), run=RUN).key == "run"


def test_only_what_users_write_may_lack_a_run() -> None:
    message = changed(encode(next(e for e in EVENTS if isinstance(e.payload, BarClosed))), ce_run=None)
    with pytest.raises(ContractError, match="ce_run"):
        decode(*message, run=RUN)


def test_an_event_above_the_limit_is_the_writers_bug() -> None:
    bars = BarClosed(
        instrument="x", **{name: [0] * 200_000 for name in ("ts_us", "open", "high", "low", "close", "volume")}
    )
    with pytest.raises(ValueError, match="split the event"):
        encode(Event(bars, "x", RUN, "id"))


@given(st.sampled_from(EVENTS), st.data())
def test_damaged_messages_are_read_or_refused_but_never_crash(event: Event, data: st.DataObject) -> None:
    message = encode(event)
    value = bytearray(message.value)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(value) - 1))
        value[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(value)) | st.just(len(value)))
    headers = list(message.headers)
    if data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(headers) - 1))
        headers[index] = (headers[index][0], data.draw(st.binary(max_size=40)))
    try:
        found = decode(message.topic, message.key, tuple(headers), bytes(value[:cut]), run=RUN)
    except ContractError:
        return
    assert type(found.payload) is type(event.payload)


@given(st.sampled_from(EVENTS), st.binary(max_size=200))
def test_random_bytes_are_refused(event: Event, value: bytes) -> None:
    with pytest.raises(ContractError):
        decode(*encode(event)._replace(value=value))
