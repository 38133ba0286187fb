"""Dead letters: what breaks a contract goes to ``<topic>.dead``, its bytes untouched, the reason beside."""

from common.errors import ContractError
from common.events.message import Message
from common.ports import Record

SUFFIX = ".dead"
_REASON_BYTES_MAX = 2000


def dead_letter(record: Record, service: str, error: ContractError) -> Message:
    """The message to publish: key, headers and value as they came, and four ``dead_*`` headers.

    ``dead_service`` refused it, ``dead_error`` is the class of the error, ``dead_reason`` its text, ``dead_source`` the
    place ``topic/partition/offset`` it was read from.
    """
    reason = str(error).encode(errors="replace")[:_REASON_BYTES_MAX]
    added = (
        ("dead_service", service.encode()),
        ("dead_error", type(error).__name__.encode()),
        ("dead_reason", reason),
        ("dead_source", f"{record.topic}/{record.partition}/{record.offset}".encode()),
    )
    return Message(record.topic + SUFFIX, record.key, (*record.headers, *added), record.value)
