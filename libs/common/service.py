"""A service is a value: what it reads, what it writes, and a pure step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from common.events.catalogue import BY_PAYLOAD
from common.events.event import Event

State = TypeVar("State")


def _by_key(event: Event) -> str:
    return event.key


def _nothing(_: Any) -> list[Event]:
    return []


@dataclass(frozen=True, slots=True)
class Service(Generic[State]):
    """``step(state, events) -> (state, events)`` is pure: no clock, no global random numbers, no I/O.

    A stateless service has ``initial_state = None``. A stateful one keeps one state per ``state_key`` (an island, say),
    turned into bytes by ``dump`` and back by ``load``, and stored together with the consumed offsets in one write.
    ``recover`` names the events that a restored state implies and that a lost bus may have swallowed: after a restart
    of the standalone bus they are published again, and consumers drop those whose effect they have.
    """

    name: str
    consumes: tuple[type, ...]
    produces: tuple[type, ...]
    step: Callable[[State, Sequence[Event]], tuple[State, list[Event]]]
    initial_state: Callable[[], State] | None = None
    dump: Callable[[State], bytes] | None = None
    load: Callable[[bytes], State] | None = None
    state_key: Callable[[Event], str] = _by_key
    recover: Callable[[State], list[Event]] = _nothing

    @property
    def reads(self) -> list[str]:
        """The topics of what it consumes, in that order."""
        return [BY_PAYLOAD[kind].name for kind in self.consumes]
