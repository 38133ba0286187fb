"""The services of a run as values: for the host to run and for `galapagos graph` to draw."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from common.backtest.arena import Arena
from common.events.cohorts import ParentsSelected
from common.events.event import Event
from common.market.bars import Bars
from common.service import Service
from deployer import service as deployer
from evaluator import service as evaluator
from evaluator.resources import PLAIN, Resources
from generator.service import SERVICE as GENERATOR
from recorder import service as recorder
from selector.service import SERVICE as SELECTOR


def breeders(arenas: Sequence[Arena], resources: Resources = PLAIN) -> list[Service[Any]]:
    """Generator, evaluator and selector on these instruments."""
    return [GENERATOR, evaluator.service(arenas, resources), SELECTOR]


def desk(histories: Sequence[Bars]) -> Service[Any]:
    """The deployer; ``histories`` end where the paper stretch begins."""
    return deployer.service(histories)


def blueprint() -> list[Service[Any]]:
    """All of them, on no data; the recorder, which has a loop of its own, as what it reads."""
    records: Service[None] = Service("recorder", recorder.CONSUMES, (), lambda state, _: (state, []))
    return [*breeders(()), desk(()), records]


def stateful() -> list[str]:
    """The names of those that keep a state."""
    return [service.name for service in blueprint() if service.initial_state is not None]


def with_tap(generator: Service[Any], is_open: Callable[[], bool]) -> Service[Any]:
    """A generator that breeds only while the tap is open; closed, it lets parents pass and still answers seeds.

    A resumed run breeds from them: the selector names its latest parents again.
    """

    def step(state: Any, events: Sequence[Event]) -> tuple[Any, list[Event]]:
        if not is_open():
            events = [event for event in events if not isinstance(event.payload, ParentsSelected)]
        return generator.step(state, events)

    return replace(generator, step=step)
