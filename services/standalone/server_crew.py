"""The services of a run as processes of this machine, on servers anywhere."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.errors import ConfigurationError, GalapagosError, TransientError
from common.events.catalogue import CATALOGUE
from common.events.cohorts import GenomeEvaluated, GenomeProposed, MigrantSent
from common.events.public import GenomeSeeded
from common.ports import Bus, StateStore
from common.run import topics
from common.run.batch import Worker
from common.run.dead_letter import SUFFIX
from common.run.folder import RunFolder
from common.run.loop import now_us
from common.run.open import open_bus, open_states, shown
from common.run.retry import DEFAULTS, retry
from common.telemetry import start_tracing, tracer_of
from selector.service import SERVICE as SELECTOR
from selector.state import IslandState
from standalone.claim import OWNER, Claim
from standalone.crew import saved
from standalone.opening import PATIENT
from standalone.servers import Urls, token_of
from standalone.services import blueprint, stateful
from standalone.store_check import silence
from standalone.supervisor import Member, Supervisor
from standalone.watcher import GROUP

_BULK = (GenomeProposed, GenomeEvaluated, MigrantSent, GenomeSeeded)
READY_S = 900.0
"""Until every process reads: the bars of long runs are prepared, and kernels compiled, before that."""
_LOOK_S = 0.1
_LAG_EVERY_S, _LAG_SOON_S = 5.0, 0.1


def kept() -> list[str]:
    """What keeps something on the bus: the stateful services, and the claim."""
    return [*stateful(), OWNER]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many processes of what, with how many threads each (None: the cores shared out), over how many partitions."""

    generators: int = 1
    evaluators: int = 1
    selectors: int = 1
    partitions: int = topics.PARTITIONS
    threads: int | None = None
    elsewhere: bool = False
    """Nothing is started here."""

    def check(self) -> None:
        """Raise ConfigurationError where a process would have nothing to read, or is not started at all."""
        for name in ("generators", "evaluators", "selectors"):
            count = getattr(self, name)
            if self.elsewhere and count != 1:
                raise ConfigurationError(f"--{name} {count}: with --elsewhere nothing is started here; leave it out")
            if count > self.partitions:
                raise ConfigurationError(
                    f"--{name} {count}: the topics have {self.partitions} partitions, one process each at most; use "
                    f"{self.partitions} or fewer, or more --partitions"
                )


async def refuse_states_in(folder: RunFolder, bus: str) -> None:
    """Raise ConfigurationError where the folder keeps states: a ``bus`` without any would begin at generation 0."""
    if not folder.states.is_file():
        return
    states = open_states(folder.states)
    try:
        found = await states.load(SELECTOR.name, "")
    finally:
        await states.close()
    if found:
        raise ConfigurationError(
            f"--out {folder.path}: the run has its states in this folder, and --bus {shown(bus)} has none of them; go "
            f"on in one process with `galapagos run --resume --out {folder.path}`, or take the run to the bus: "
            f"`galapagos checkpoint create --run {folder.path}`, then `galapagos checkpoint restore POINT --run "
            f"{folder.path} --out NEW --bus kafka://host:port/NAMESPACE`"
        )


class ServerCrew:
    """See ``Crew``. Its answers are not watched: they are nearly all that goes over the bus."""

    watched: Sequence[str] = tuple(
        [topic.name for topic in CATALOGUE if topic.payload not in _BULK] + [topic.name + SUFFIX for topic in CATALOGUE]
    )
    sees_answers, keep_s, patience_s = False, 1.0, 120.0
    bus: Bus
    states: StateStore
    _claim: Claim

    def __init__(
        self, folder: RunFolder, urls: Urls, sizes: Sizes, traces: str, say: Callable[[str], None], cores: int
    ) -> None:
        self._folder, self._urls, self._sizes, self._say = folder, urls, sizes, say
        threads = sizes.threads or max(1, cores // sizes.evaluators)
        environment = {
            "GALAPAGOS_RUN": str(folder.path.absolute()),
            "GALAPAGOS_BUS": urls.bus,
            "GALAPAGOS_CACHE": urls.cache,
            "GALAPAGOS_STORE": urls.store,
            "GALAPAGOS_TRACES": traces,
            "GALAPAGOS_PARTITIONS": str(sizes.partitions),
            "GALAPAGOS_WORKERS": str(threads),
        } | dict.fromkeys(("GALAPAGOS_BUS_FILE", "GALAPAGOS_CACHE_FILE", "GALAPAGOS_STORE_FILE"), "")
        counts = {"generator": sizes.generators, "evaluator": sizes.evaluators, "selector": sizes.selectors}
        counts |= {"deployer": 1} | ({"recorder": 1} if urls.store else {})
        members = [
            Member(f"{service}-{number}", service, folder.path / "logs" / f"{service}-{number}.log")
            for service, count in counts.items()
            for number in range(1, count + 1)
            if not sizes.elsewhere
        ]
        self._supervisor = Supervisor(members, environment, say)
        reads = {each.name: each.reads for each in blueprint()}
        # In the order in which an event passes them: what one of them has just done, the next has not done yet.
        self._groups = {name: reads[name] for name in counts} | {GROUP: list(self.watched)}
        self._quiet = 0
        self._is_left_alone = False
        self._begun: Sequence[IslandState] = ()
        self._lag, self._asked_s = 1, 0.0
        self._behind = "its groups have not answered yet"
        self._asking: asyncio.Task[None] | None = None
        self._store_check: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See ``Crew``. Raises ConfigurationError where the namespace holds another run."""
        self.bus = open_bus(self._urls.bus)
        self.states = open_states(self._urls.bus)
        try:
            plans = topics.plans(kept(), self._sizes.partitions)
            await retry(lambda: self.bus.create(plans), DEFAULTS)
            self._claim = Claim(self.states, self.bus.log_id, self._urls.bus, token_of(self._folder))
            await self._claim.check()
            self._begun = await saved(self.states, SELECTOR)
            await self._check_run()
        except BaseException:
            await self.close()
            raise

    async def _check_run(self) -> None:
        run = self._folder.spec()
        if not self._begun:
            await refuse_states_in(self._folder, self._urls.bus)
        for state in self._begun:
            if state.run is not None and state.run.run_id != run.run_id:
                raise ConfigurationError(
                    f"--bus {shown(self._urls.bus)}: holds run {state.run.run_id[:8]}, not {run.run_id[:8]}; name "
                    "another namespace, kafka://host:port/NAMESPACE, or --resume that run"
                )

    async def prepare(self, is_wanted: Callable[[], bool]) -> None:
        """See ``Crew``; what saved states imply is said again, for topics keep it for an hour only."""
        events = [event for state in self._begun for event in SELECTOR.recover(state)]
        if events:
            tracing = start_tracing()
            messages = Worker(SELECTOR, tracer_of(tracing), now_us).publishable(events)
            tracing.shutdown()
            await retry(lambda: self.bus.publish(messages), PATIENT)
        self._begun = ()
        self._store_check = asyncio.create_task(self._check_store())
        self._supervisor.start()
        deadline_s = time.monotonic() + READY_S
        while is_wanted() and not self._supervisor.is_ready():
            for error in self._supervisor.errors():
                raise error
            if time.monotonic() > deadline_s:
                raise TransientError(
                    f"not ready after {READY_S:.0f} s, they prepare for too long or have no partition to read: "
                    f"{self._supervisor.unready()}"
                )
            await asyncio.sleep(_LOOK_S)
        if is_wanted():
            await self._claim.stake()

    async def _check_store(self) -> None:
        if told := await asyncio.to_thread(silence, self._urls.store):
            self._say(told)

    def start(self) -> None:
        """They have read since they were prepared."""

    def has_failed(self) -> bool:
        """See ``Crew``."""
        return bool(self._supervisor.errors())

    async def left(self, *, soon: bool) -> int:
        """Records that any group has not committed, as last asked; 0 when that was so twice.

        Services elsewhere that go on breeding are never done: what they have left is left to them.
        """
        if self._is_left_alone:
            return 0
        if self._asking is None or self._asking.done():
            if self._asking is not None:
                self._asking.result()  # a bug in there is to be seen
            pause_s = _LAG_SOON_S if soon else _LAG_EVERY_S
            if time.monotonic() - self._asked_s >= pause_s:
                self._asking = asyncio.create_task(self._ask())
        return self._lag

    async def _ask(self) -> None:
        try:
            lags = {name: sum((await self.bus.lag(name, read)).values()) for name, read in self._groups.items()}
        except GalapagosError as error:  # the bus is away for a moment, and what is on it is not
            lag, self._behind = 1, f"the bus does not say what is left: {error}"
        else:
            lag = sum(lags.values())
            self._behind = ", ".join(f"{name} has {count:,} records to read" for name, count in lags.items() if count)
        self._quiet = self._quiet + 1 if lag == 0 else 0
        self._lag, self._asked_s = lag or int(self._quiet < 2), time.monotonic()

    def behind(self) -> str:
        """See ``Crew``."""
        return f"{self._behind or 'every group has read all'}; see {self._folder.path / 'logs'}"

    async def stop_breeding(self) -> None:
        """Breeding sets stay on the bus, for the generators of a resumed run."""
        self._groups = {name: read for name, read in self._groups.items() if name != "generator"}
        self._quiet, self._lag, self._is_left_alone = 0, 1, self._sizes.elsewhere
        await self._supervisor.stop("generator")

    async def stop(self) -> list[BaseException]:
        """See ``Crew``."""
        await self._supervisor.stop()
        return self._supervisor.errors()

    async def close(self) -> None:
        """See ``Crew``."""
        self._supervisor.kill()
        await self._supervisor.stop()
        for task in (self._asking, self._store_check):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self.states.close()
        await self.bus.close()
