"""The crew of a run: the services that do its work, in this process or in processes of their own."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from common.ports import Bus, StateStore
from common.run.retry import retry
from common.service import Service
from standalone.opening import PATIENT


class Crew(Protocol):
    """What the host needs of it; called in the order in which it is written down here."""

    @property
    def bus(self) -> Bus:
        """Where events come and go, once it is open."""
        ...

    @property
    def states(self) -> StateStore:
        """Where the states are kept, once it is open."""
        ...

    watched: Sequence[str]
    """The topics that the host reads."""
    sees_answers: bool
    """Whether the answers of the evaluators are among them."""
    keep_s: float
    """See ``Watcher``."""
    patience_s: float
    """So long may everything stand still before the host says that it is stuck."""

    async def open(self) -> None:
        """Bus and states are there from now on. Raises ConfigurationError."""
        ...

    async def prepare(self, is_wanted: Callable[[], bool]) -> None:
        """Everything that takes long before the first event; cut short when it is not wanted any more."""
        ...

    def start(self) -> None:
        """Every member reads its topics, or will read them from their beginning."""
        ...

    def has_failed(self) -> bool:
        """Whether a member has ended for good."""
        ...

    async def left(self, *, soon: bool) -> int:
        """How much is on its way between the members; 0: all is at rest. ``soon``: the run waits for that."""
        ...

    def behind(self) -> str:
        """In words, what was left when ``left`` was last asked, and where."""
        ...

    async def stop_breeding(self) -> None:
        """No further children; what is there is measured and selected to the end."""
        ...

    async def stop(self) -> list[BaseException]:
        """End every member in good order; what made any of them fail."""
        ...

    async def close(self) -> None:
        """Nothing is left behind."""
        ...


async def saved(states: StateStore, service: Service[Any]) -> list[Any]:
    """The states of a service as last saved, by key."""
    assert service.load is not None
    found = await retry(lambda: states.load(service.name, ""), PATIENT)
    return [service.load(each.data) for _, each in sorted(found.items())]
