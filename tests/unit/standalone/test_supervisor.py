"""The supervisor with small programs that end as they like."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from standalone import supervisor
from standalone.supervisor import Member, Supervisor

SERVER = """
import http.server, os
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.end_headers()
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["GALAPAGOS_HEALTH_PORT"])), Healthy).serve_forever()
"""
Started = Callable[..., Supervisor]


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """A supervisor of one program with this text."""
    monkeypatch.setattr(supervisor, "_PAUSE_S", 0.01)
    monkeypatch.setattr(supervisor, "FAILURES_MAX", 4)
    monkeypatch.setattr(supervisor, "_LOOK_S", 0.05)
    monkeypatch.setattr(supervisor, "_LOOK_READY_S", 0.05)

    def act(text: str, said: list[str], **environment: str) -> Supervisor:
        (tmp_path / "small_program.py").write_text(text)
        path = {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
        member = Member("small-1", "small_program", tmp_path / "logs" / "small-1.log")
        return Supervisor([member], path | environment, said.append)

    return act


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_killed_process_is_started_again_and_told_to_end_it_ends(supervised: Started) -> None:
    said: list[str] = []
    under = supervised(SERVER, said)
    under.start()
    [member] = under.members
    await _until(under.is_ready)
    assert member.process is not None
    first = member.process.pid
    os.kill(first, signal.SIGKILL)
    await _until(lambda: member.process and member.process.pid != first and member.ready_s)
    await under.stop()
    assert member.process.returncode == -signal.SIGTERM
    assert (under.errors(), member.restarts) == ([], 1)
    assert said == ["small-1 ended with SIGKILL; again in 0.0 s"]


async def test_a_process_that_answers_that_it_stands_still_is_killed(supervised: Started) -> None:
    said: list[str] = []
    under = supervised(SERVER, said, STATUS="503")
    under.start()
    await _until(lambda: under.members[0].restarts)
    await under.stop()
    assert said[:2] == ["small-1 stands still and is killed", "small-1 ended with SIGKILL; again in 0.0 s"]


async def test_a_process_that_fails_again_and_again_is_given_up_with_its_last_words(supervised: Started) -> None:
    under = supervised("import sys; sys.exit('no luck')", [])
    under.start()
    await _until(under.errors)
    [error] = under.errors()
    assert isinstance(error, RuntimeError)
    times = f"small-1 failed {supervisor.FAILURES_MAX} times in a row"
    assert str(error).startswith(f"{times}, the last time with exit code 1: no luck (all of it:")


async def test_a_setting_that_makes_no_sense_is_not_tried_again(supervised: Started) -> None:
    text = """import sys; print('{"message": "--bus: is missing"}', file=sys.stderr); sys.exit(2)"""
    under = supervised(text, [])
    under.start()
    await _until(under.errors)
    assert [str(error) for error in under.errors()] == ["small-1: --bus: is missing"]
    assert isinstance(under.errors()[0], ConfigurationError)


async def test_who_does_not_end_in_time_is_killed(supervised: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.2)
    said: list[str] = []
    under = supervised(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SERVER}", said)
    under.start()
    await _until(under.is_ready)
    await under.stop()
    assert said == ["killed, since it did not end within 0 s: small-1"]
    assert under.members[0].process is not None
    assert under.members[0].process.returncode == -signal.SIGKILL


async def test_one_that_is_killed_whenever_it_has_become_ready_is_given_up(supervised: Started) -> None:
    text = """import http.server, os, signal, threading
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path.endswith("ready"):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["GALAPAGOS_HEALTH_PORT"])), Healthy).serve_forever()
"""
    under = supervised(text, [])
    under.start()
    await _until(under.errors)
    assert under.members[0].was_ready
    times = f"failed {supervisor.FAILURES_MAX} times in a row"
    assert f"small-1 {times}, the last time with SIGKILL" in str(under.errors()[0])


async def test_one_that_waits_for_something_outside_is_started_for_as_long_as_that_takes(supervised: Started) -> None:
    under = supervised("import sys; sys.exit(75)", [])
    under.start()
    await _until(lambda: under.members[0].restarts > supervisor.FAILURES_MAX)
    assert under.errors() == []
    under.kill()
    await under.stop()


async def test_one_that_never_becomes_ready_is_named_with_its_last_words(supervised: Started) -> None:
    text = "import time; print('still compiling', flush=True); time.sleep(600)"
    under = supervised(text, [])
    under.start()
    await _until(lambda: "still compiling" in under.unready())
    assert under.unready().startswith("small-1: still compiling (all of it: ")
    under.kill()
    await under.stop()
