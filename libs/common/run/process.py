"""What every service process shares: settings, logs, the bus and its topics, health, signals and exit codes.

Exit codes: 0 stopped in good order, 2 a setting makes no sense, 75 something outside failed (start me again), 1 a bug
(start me again, and report it).
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from common import telemetry
from common.errors import ConfigurationError, TransientError
from common.events.spec import RunSpec
from common.ports import Bus
from common.run import topics
from common.run.folder import RunFolder
from common.run.health import Health
from common.run.http_json import Answer, serve
from common.run.logs import start_logs
from common.run.loop import run_service
from common.run.open import check_urls, open_bus, open_states, shown
from common.run.pulse import Pulse
from common.run.retry import DEFAULTS, LoopSettings, retry
from common.service import Service
from common.settings import Settings, read_settings, required

EXIT_BUG, EXIT_CONFIGURATION, EXIT_AGAIN = 1, 2, 75
SNAPSHOT_S = 1.0
"""Between saves of a state that a log outlives; so much is stepped again after a crash."""
_PARENT_EVERY_S = 0.5
_GRACE_S = 20.0
_EXAMPLES = {
    "bus": "kafka://127.0.0.1:9092/my-run",
    "cache": "redis://127.0.0.1:6379/0",
    "store": "clickhouse://127.0.0.1:9000/default",
    "run": "runs/mine",
}
_HELP = {
    "run": "folder of the run: its specification and its bars (GALAPAGOS_RUN)",
    "bus": "where events come from and go (GALAPAGOS_BUS)",
    "cache": "where figures of measured genomes are kept (GALAPAGOS_CACHE)",
    "store": "where rows are written (GALAPAGOS_STORE)",
    "workers": "threads that share a cohort (GALAPAGOS_WORKERS)",
    "partitions": "of the topics, where they have to be made (GALAPAGOS_PARTITIONS, 8)",
    "health-port": "answer /health/live and /health/ready there, on the loopback (GALAPAGOS_HEALTH_PORT)",
    "health-host": "the address for them (GALAPAGOS_HEALTH_HOST)",
    "traces": "where spans and metrics go: none, console, otlp (GALAPAGOS_TRACES)",
}
_COMMON = ("bus", "run", "partitions", "health-port", "health-host", "traces")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """A service as a program; ``takes``: the options that not every service has; ``needs``: those it cannot do without.

    ``does`` is one sentence that says what it is for.
    """

    name: str
    does: str
    work: Callable[["Process"], Awaitable[None]]
    takes: Sequence[str] = ()
    needs: Sequence[str] = ("bus",)


@dataclass
class Process:
    """What the work of a program can use."""

    name: str
    settings: Settings
    bus: Bus
    health: Health
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    tracer: Any = None
    metrics: telemetry.Metrics = telemetry.OFF
    routes: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    """What it tells over HTTP; may be added to."""
    is_preparing: bool = True
    """While this holds nothing has been read, and SIGTERM ends the process at once."""

    @cached_property
    def folder(self) -> RunFolder:
        """The folder of the run. Raises ConfigurationError where there is none."""
        return RunFolder.open(Path(required(self.settings, "run", _EXAMPLES["run"])), "--run")

    @cached_property
    def spec(self) -> RunSpec:
        """The specification of the run."""
        return self.folder.spec()

    async def serve(self, service: Service[Any], *, records_max: int = DEFAULTS.records_max) -> None:
        """Make what topics are missing, then run the service until it is told to stop."""
        stateful = service.initial_state is not None
        await self.make_topics([service.name] if stateful else [])
        states = open_states(self.settings.bus) if stateful else None
        run = self.spec if self.settings.run else None
        loop = LoopSettings(records_max=records_max, snapshot_s=SNAPSHOT_S, run=run)
        pulse = self.begin()
        try:
            await run_service(
                service,
                self.bus,
                states,
                stop=self.stop,
                settings=loop,
                tracer=self.tracer,
                pulse=pulse,
                metrics=self.metrics,
            )
        finally:
            if states is not None:
                await states.close()

    async def make_topics(self, stateful: Sequence[str] = ()) -> None:
        """Make those that are missing; a broker that is away for a moment is no reason to end."""
        plans = topics.plans(stateful, self.settings.partitions)
        await retry(lambda: self.bus.create(plans), DEFAULTS)

    def begin(self) -> Pulse:
        """Preparation is over: from now on the loop's pulse says how the process is."""
        self.is_preparing = False
        self.health.pulse = Pulse()
        _log.info("%s reads from %s", self.name, self.bus.log_id)
        return self.health.pulse


def main(program: Program) -> NoReturn:
    """Run a program with the options of the command line; never returns."""
    try:
        settings = read_settings(**vars(_parser(program).parse_args()))
        for name in program.needs:
            required(settings, name, _EXAMPLES[name])
        if not settings.bus.startswith("kafka://"):
            raise ConfigurationError(
                f"--bus {shown(settings.bus)}: lives in one process, as in `galapagos run`; use {_EXAMPLES['bus']}"
            )
        check_urls(settings.bus, settings.cache, settings.store)
        if settings.supervisor is not None:
            _watch_parent(settings.supervisor)
        run = RunFolder.open(settings.run, "--run").spec().run_id if settings.run else ""
    except ConfigurationError as error:
        start_logs(program.name)
        _log.error("%s", error)
        sys.exit(EXIT_CONFIGURATION)
    start_logs(program.name, run)
    try:
        asyncio.run(_run(program, settings, run))
    except ConfigurationError as error:
        _log.error("%s", error)
        sys.exit(EXIT_CONFIGURATION)
    except TransientError as error:
        _log.error("%s; to be started again", error)
        sys.exit(EXIT_AGAIN)
    except Exception:
        _log.exception("a bug: the state of the run is kept; start %s again, and report this", program.name)
        sys.exit(EXIT_BUG)
    sys.exit(0)


async def _run(program: Program, settings: Settings, run: str) -> None:
    async with AsyncExitStack() as stack:
        bus = open_bus(settings.bus)
        stack.push_async_callback(bus.close)
        tracing = telemetry.start_tracing(settings.traces, service=program.name, run=run)
        stack.callback(tracing.shutdown)
        metrics = telemetry.start_metrics(settings.traces, service=program.name, run=run)
        stack.callback(metrics.shutdown)
        process = Process(program.name, settings, bus, Health(settings.live_s, step_s=settings.step_s))
        process.tracer, process.metrics = telemetry.tracer_of(tracing), metrics
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _stop, process)
        process.routes |= process.health.routes
        if settings.health_port is not None:
            await stack.enter_async_context(serve(settings.health_host, settings.health_port, process.routes))
        await program.work(process)
        _log.info("%s has stopped", program.name)


def _stop(process: Process) -> None:
    """What is in hand is finished; a second signal, or one before anything was read, does not wait."""
    if process.is_preparing or process.stop.is_set():
        logging.shutdown()
        os._exit(0 if process.is_preparing else 128 + signal.SIGTERM)
    _log.info("%s finishes what it has in hand", process.name)
    process.health.stopping = True
    process.stop.set()


def _watch_parent(parent: int) -> None:
    """Stop when the supervisor is gone, however it ended; at once when that takes too long."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE_S)
        os._exit(EXIT_AGAIN)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _parser(program: Program) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {program.name}",
        description=program.does,
        epilog=f"Example: python -m {program.name} "
        + " ".join(f"--{name} {_EXAMPLES[name]}" for name in dict.fromkeys((*program.needs, "bus")))
        + ". Every option is also a variable of the environment, and NAME_FILE names a file with its value. "
        "SIGTERM stops in good order. Exit codes: 0 stopped, 2 a setting, 75 start me again, 1 a bug.",
    )
    for name in dict.fromkeys((*_COMMON, *program.takes)):
        parser.add_argument(f"--{name}", help=_HELP[name])
    return parser
