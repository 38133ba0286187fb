"""The services as processes on real Kafka: the same end as in one process, whatever happens to them on the way."""

import asyncio
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.run.open import open_bus
from standalone.services import blueprint
from tests.flow.conftest import Command

GENERATIONS = 15
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def spec(command: Command) -> tuple[str, ...]:
    """The options of a small run of three islands."""
    config = json.loads((command.folder / "config.json").read_text())
    config |= {"generations": GENERATIONS, "islands": 3}
    (command.folder / "up.json").write_text(json.dumps(config))
    return ("--data", "market.parquet", "--config", "up.json", "--json")


@pytest.fixture(scope="module")
def alone(command: Command, spec: tuple[str, ...]) -> tuple[str, list[Any]]:
    """Digest and champions of the run in one process."""
    code, out, err = command.call("run", *spec, "--out", "alone", "--no-store")
    assert code == 0, err
    return json.loads(out)["digest"], _champions(command.folder / "alone")


def _champions(folder: Path) -> list[Any]:
    """What must be the same: births by the clock, traces and where a champion stands on paper are not part of it."""
    timed = ("born_us", "trace", "promoted_us", "state", "reason", "performance")
    rows = json.loads((folder / "champions.json").read_text())
    return [{name: value for name, value in row.items() if name not in timed} for row in rows]


def _until(what: str, holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def _children(parent: int) -> dict[int, str]:
    """Pids of the services below a process, with their names."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] not in "ZX" and b"-m" in words:
            found[int(path.name)] = words[words.index(b"-m") + 1].decode()
    return found


def _one(parent: int, service: str) -> int:
    return _until(f"a {service}", lambda: [pid for pid, name in _children(parent).items() if name == service])[0]


def _progress(folder: Path) -> int:
    journal = folder / "journal.jsonl"
    return journal.read_text().count('"progress"') if journal.exists() else 0


@pytest.fixture
def up(command: Command, spec: tuple[str, ...], kafka_url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `galapagos up` on Kafka; whatever a failed test leaves of it is killed."""
    started: list[subprocess.Popen[str]] = []

    def act(*arguments: str) -> subprocess.Popen[str]:
        process = command.start("up", "--bus", f"{kafka_url}/?session_ms=6000", *arguments)
        started.append(process)
        return process

    yield act
    for process in started:
        for pid in _children(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def _lags(url: str) -> dict[str, int]:
    async def ask() -> dict[str, int]:
        bus = open_bus(url)
        try:
            reads = {each.name: each.reads for each in blueprint()}
            del reads["recorder"]
            return {name: sum((await bus.lag(name, topics)).values()) for name, topics in reads.items()}
        finally:
            await bus.close()

    return asyncio.run(ask())


@pytest.mark.proof
def test_killed_with_all_its_processes_gone_too_it_goes_on_to_the_same_end(
    command: Command, up: Callable[..., subprocess.Popen[str]], spec: tuple[str, ...], alone: tuple[str, list[Any]]
) -> None:
    folder = command.folder / "one"
    process = up(*spec, "--out", "one")
    _until("progress", lambda: _progress(folder) >= 6 or process.poll() is not None)
    children = _children(process.pid)
    assert sorted(children.values()) == ["deployer", "evaluator", "generator", "selector"]
    process.kill()
    _until("no child is left", lambda: not [pid for pid in children if Path(f"/proc/{pid}/cmdline").exists()])
    assert not (folder / "run.json").exists()
    again = up("--resume", "--out", "one", "--json")
    out, err = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, err
    run = json.loads(out)
    assert (run["digest"], run["generations"], run["stopped_by"]) == (alone[0], GENERATIONS, "generations")
    assert _champions(folder) == alone[1]


def test_three_evaluators_and_two_selectors_some_killed_and_some_stopped_reach_the_same_end_with_nothing_left_over(
    command: Command,
    up: Callable[..., subprocess.Popen[str]],
    spec: tuple[str, ...],
    alone: tuple[str, list[Any]],
    kafka_url: str,
) -> None:
    folder = command.folder / "many"
    process = up(*spec, "--out", "many", "--evaluators", "3", "--selectors", "2")
    _until("progress", lambda: _progress(folder) >= 6 or process.poll() is not None)
    os.kill(_one(process.pid, "selector"), signal.SIGKILL)
    for service in ("evaluator", "generator", "deployer"):
        os.kill(_one(process.pid, service), signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert "selector-" in err
    assert "ended with SIGKILL" in err
    run = json.loads(out)
    assert (run["digest"], run["generations"]) == (alone[0], GENERATIONS)
    assert _champions(folder) == alone[1]
    assert run["vault_looks"] is None
    namespace = (folder / "namespace").read_text().strip()
    assert _lags(f"{kafka_url}/{namespace}") == {"generator": 0, "evaluator": 0, "selector": 0, "deployer": 0}


def test_services_that_run_elsewhere_are_watched_and_their_namespace_is_taken(
    command: Command,
    spec: tuple[str, ...],
    alone: tuple[str, list[Any]],
    kafka_url: str,
    service_process: Callable[..., subprocess.Popen[str]],
) -> None:
    folder, bus = command.folder / "elsewhere", f"{kafka_url}/elsewhere?session_ms=6000"
    process = command.start("up", "--elsewhere", "--bus", bus, "--out", "elsewhere", *spec)
    try:
        _until("the folder", lambda: (folder / "spec.json").exists() or process.poll() is not None)
        for service in ("generator", "evaluator", "selector", "deployer"):
            service_process(service, "--bus", bus, "--run", str(folder))
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0, err
    run = json.loads(out)
    assert (run["digest"], run["finished"]) == (alone[0], True)
    assert _champions(folder) == alone[1]
    assert not (folder / "logs").exists()
    code, _, err = command.call("up", "--bus", bus, "--out", "second", *spec)
    assert code == 2
    assert "holds the run of another folder" in err
    assert not (command.folder / "second").exists()


def _get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, {}


def test_a_process_by_itself_tells_its_health_and_stops_in_good_order(
    command: Command, kafka_url: str, free_port: int, service_process: Callable[..., subprocess.Popen[str]]
) -> None:
    process = service_process("selector", "--bus", f"{kafka_url}/alone", "--health-port", str(free_port))
    _until("ready", lambda: _get(free_port, "/health/ready")[0] == 200 or process.poll() is not None)
    status, told = _get(free_port, "/health/live")
    assert (status, told["state"]) == (200, "running")
    assert told["partitions"] == 16  # eight of each of the two topics that it reads
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    lines = [json.loads(line) for line in err.splitlines()]
    assert {line["service"] for line in lines} == {"selector"}
    assert lines[-1]["message"] == "selector has stopped"
