"""One `galapagos run`, from the options to the last line: open the folder, run, write the files, say what came out."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from common.errors import ConfigurationError, TransientError
from common.run.folder import RunFolder
from evaluator.resources import read_settings
from standalone.crew import Crew
from standalone.host import Host, HostSettings
from standalone.live import LiveView, PlainView, View
from standalone.local_crew import LocalCrew
from standalone.outcome import conclude
from standalone.recovery_points import DEFAULTS, PointSettings
from standalone.report_words import seal_sentence
from standalone.request import MINUTES_DEFAULT, Request, build_spec, check_resume, read_data
from standalone.seeds import accept_all
from standalone.seeds_kinds import Wish, gather
from standalone.servers import is_on_servers

WORKERS_PER_CORE = 2
"""Islands hash to evaluators unevenly: with some to spare every core has a cohort to measure."""


Hire = Callable[[RunFolder, Callable[[str], None]], Crew]
"""Gives the crew for a run; the second argument tells people something."""


@dataclass(frozen=True, slots=True)
class Options:
    """What does not belong to the specification: it has no effect on results."""

    out: Path | None
    resume: bool
    workers: int | None
    store: bool
    traces: str
    json: bool
    points: PointSettings = DEFAULTS
    seeds: Sequence[str] = ()
    """Wishes, as ``seeds_kinds.Wish.parse`` reads them."""
    command: str = "run"
    """With which the run goes on."""


def run_session(request: Request, options: Options, hire: Hire | None = None) -> dict[str, Any]:
    """Run to the end; returns the content of run.json. Raises GalapagosError for bad input.

    ``hire`` gives the crew; None: all in this process.
    """
    began = time.monotonic()
    if request.generations is not None and request.minutes is not None:
        raise ConfigurationError("--generations and --minutes: give one of them, they are two ways to end a run")
    resources = read_settings()
    folder = _open(request, options, on_servers=hire is not None)
    folder.lock()
    try:
        spec = folder.spec()
        wishes = [Wish.parse(text) for text in options.seeds]
        for wish, found in [(wish, gather(wish, spec)) for wish in wishes]:
            accept_all(folder, wish.kind, found, "run --seeds")
        limit_s = None if spec.generations else 60.0 * (request.minutes or MINUTES_DEFAULT)
        if spec.generations and request.minutes is not None:
            raise ConfigurationError(f"--minutes: the run ends after {spec.generations} generations; leave it out")
        workers = options.workers or WORKERS_PER_CORE * (os.cpu_count() or 1)
        settings = HostSettings(workers, options.store, options.traces, limit_s, began, resources, options.points)
        is_live = sys.stdout.isatty() and not options.json
        console = Console(file=sys.stderr if options.json else sys.stdout)
        view = LiveView(console, limit_s) if is_live else PlainView(sys.stderr if options.json else sys.stdout)
        view.say(f"run {spec.run_id[:8]} in {folder.path}")
        with view:
            run, champions = work(folder, settings, view, None if hire is None else hire(folder, view.say))
    except (ConfigurationError, TransientError):
        if not options.resume:
            folder.discard()
        raise
    finally:
        folder.unlock()
    if options.json:
        sys.stdout.write(orjson.dumps(run).decode() + "\n")
    else:
        _tell(folder, run, champions, console, options.command)
    return run


def work(
    folder: RunFolder, settings: HostSettings, view: View, crew: Crew | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Begin or go on with the run of a folder and write its files; returns those of run.json and champions.json.

    ``crew`` None: all in this process.
    """
    spec, bars = folder.spec(), folder.bars()
    hired = crew or LocalCrew(
        folder,
        spec,
        bars,
        workers=settings.workers,
        store=settings.store,
        traces=settings.traces,
        evaluator=settings.evaluator,
    )
    host = Host(folder, spec, bars, settings, view, hired)
    final = asyncio.run(host.run())
    looks = host.chronicle.of("look") if hired.sees_answers else None
    return conclude(folder, spec, bars, host.chronicle, final.islands, final.paper, host.timing(), looks)


def _open(request: Request, options: Options, *, on_servers: bool) -> RunFolder:
    if options.resume:
        folder = RunFolder.open(options.out)
        check_resume(request, folder.spec())
        if not on_servers and is_on_servers(folder):  # in one process it would begin anew
            where = f"--out {folder.path}"
            raise ConfigurationError(f"{where}: this run is on servers; go on with `galapagos up --resume {where}`")
        return folder
    bars = read_data(request.data)
    spec = build_spec(bars, request.overrides())
    return RunFolder.create(options.out, spec, bars, datetime.now().astimezone())


def _tell(folder: RunFolder, run: dict[str, Any], found: list[dict[str, Any]], console: Console, command: str) -> None:
    """The last words: the verdict, the figures, where to look, how to go on."""
    champions = run["champions"]
    colour = "green" if champions else "yellow"
    headline = f"{champions} champion{'s' if champions != 1 else ''} survived" if champions else "Nothing survived"
    console.print(
        f"\n[bold {colour}]{headline}[/]: {run['vault_reads']} of {run['strategies_evaluated']:,} strategies "
        "were shown to the vault"
    )
    if run["vault_looks_unregistered"]:
        console.print(f"[bold red]{seal_sentence(run)}[/]")
    console.print(
        f"{run['strategies_per_hour']:,.0f} strategies an hour over {run['evolution_s']:.0f} s; "
        f"{run['generations']} generations on {run['islands']} islands; digest {run['digest'][:16]}",
        highlight=False,
        soft_wrap=True,
    )
    if run["birth_to_deployment_s_p50"] is not None:
        console.print(f"from birth to paper: {run['birth_to_deployment_s_p50']:.2f} s (median)", highlight=False)
    for gate, count in run["refusals"].items():
        console.print(f"  {count} refused at {gate.replace('_', ' ')}", highlight=False)
    console.print(f"report: {folder.report}", highlight=False, soft_wrap=True)
    where = f"--out {folder.path}"
    if champions:
        console.print(f"next: galapagos explain {found[0]['genome_id'][:8]} {where}", highlight=False, soft_wrap=True)
    if run["stopped_by"] != "generations" or not run["finished"]:
        console.print(f"to go on: galapagos {command} --resume {where}", highlight=False, soft_wrap=True)
