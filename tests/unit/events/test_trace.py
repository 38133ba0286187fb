"""Traceparents as text and as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.events.trace import TRACE_BYTES, pack, parse, traceparent, unpack

IDS = st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))


@given(IDS)
def test_bytes_keep_the_ids(ids: tuple[int, int]) -> None:
    text = traceparent(*ids)
    assert parse(text) == ids
    assert len(pack(text)) == TRACE_BYTES
    assert unpack(pack(text)) == text


def test_no_trace_is_zeros() -> None:
    assert pack("") == bytes(24)
    assert unpack(bytes(24)) == ""


@given(IDS)
def test_opentelemetry_reads_the_same_ids(ids: tuple[int, int]) -> None:
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent(*ids)})
    found = get_current_span(context).get_span_context()
    assert (found.trace_id, found.span_id) == ids
    assert found.trace_flags.sampled


@pytest.mark.parametrize(
    "text",
    [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "nonsense",
    ],
)
def test_what_is_no_traceparent_is_ignored(text: str) -> None:
    assert parse(text) is None
    assert pack(text) == bytes(24)
