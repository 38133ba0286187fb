"""W3C trace context as text (``traceparent``) and as the 24 bytes that a cohort's rows carry."""

import re

TRACE_BYTES = 24
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def parse(traceparent: str) -> tuple[int, int] | None:
    """Trace id and span id, or None for a text that is no traceparent: W3C asks readers to ignore those."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace_id, span_id = int(found[2], 16), int(found[3], 16)
    return (trace_id, span_id) if trace_id and span_id else None


def traceparent(trace_id: int, span_id: int) -> str:
    """The text form, version 00, flag "sampled"."""
    return f"00-{trace_id:032x}-{span_id:016x}-01"


def pack(text: str) -> bytes:
    """A traceparent as 16 bytes of trace id and 8 of span id; zeros for none. The flags are not kept."""
    ids = parse(text)
    return bytes(TRACE_BYTES) if ids is None else ids[0].to_bytes(16, "big") + ids[1].to_bytes(8, "big")


def unpack(data: bytes) -> str:
    """The traceparent of 24 bytes, "" for zeros; the inverse of ``pack``."""
    ids = int.from_bytes(data[:16], "big"), int.from_bytes(data[16:TRACE_BYTES], "big")
    return traceparent(*ids) if all(ids) else ""
