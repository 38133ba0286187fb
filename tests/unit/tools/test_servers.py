"""What tools.servers installs, whom it may end, what it refuses and with which words, all without a server."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.servers import CannotInstallError, Servers, ServersError, install, jars, process, state
from tools.servers.state import Entry, State
from tools.tidy import ROOT


def command(folder: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    called = [sys.executable, "-m", "tools.servers", *words, "--dir", str(folder)]
    return subprocess.run(called, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    done = command(tmp_path, "start", "--only", "redis", PATH="/nowhere")
    assert done.returncode == 2
    assert "missing: redis-server" in done.stderr
    assert "sudo apt-get install -y --no-install-recommends redis-server" in done.stderr


def test_only_root_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotInstallError, match="missing: maven, and"):
        install.install(["maven"], print)


def test_packages_are_installed_without_starting_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "POLICY", tmp_path / "policy-rc.d")
    with install.services_kept_down():
        assert subprocess.run([tmp_path / "policy-rc.d", "redis-server", "start"]).returncode == 101
    assert not (tmp_path / "policy-rc.d").exists()
    (tmp_path / "policy-rc.d").write_text("the machine's own")
    with install.services_kept_down():
        assert (tmp_path / "policy-rc.d").read_text() == "the machine's own"
    assert (tmp_path / "policy-rc.d").read_text() == "the machine's own"


@pytest.mark.parametrize("harm", ["none", "cut short", "missing", "too many", "another pom"])
def test_a_harmed_folder_of_jars_is_noticed(harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "POM", tmp_path / "pom.xml")
    assert not jars.complete()
    jars.POM.write_text("one")
    fake_maven = tmp_path / "mvn"
    fake_maven.write_text(
        '#!/bin/sh\nfor word; do case $word in -DoutputDirectory=*) to=${word#*=};; esac; done\nmkdir -p "$to"\n'
        f'echo first > "$to/kafka_2.13-{jars.VERSION}.jar"\necho second > "$to/b.jar"\n'
    )
    fake_maven.chmod(0o755)
    jars.download(str(fake_maven))
    assert jars.complete()
    if harm == "cut short":
        (jars.folder() / "b.jar").write_text("sec")
    elif harm == "missing":
        (jars.folder() / "b.jar").unlink()
    elif harm == "too many":
        (jars.folder() / "c.jar").write_text("third")
    elif harm == "another pom":
        jars.POM.write_text("two")
    assert jars.complete() == (harm == "none")
    jars.download(str(fake_maven))
    assert jars.complete()


def test_maven_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    failing = tmp_path / "mvn"
    failing.write_text("#!/bin/sh\necho 'Unknown host'\nexit 1\n")
    failing.chmod(0o755)
    with pytest.raises(CannotInstallError, match=r"(?s)could not fetch Kafka.*Unknown host"):
        jars.download(str(failing))


def test_a_process_that_took_the_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        real = process.identify(bystander.pid)
        assert real is not None
        stale = process.Process(real.pid, real.started - 1)
        state.save(tmp_path, State({"redis": Entry("redis", {"client": 20001}, "7", stale)}))
        servers = Servers(tmp_path)
        assert [(row.name, row.state, row.pid) for row in servers.status()] == [("redis", "down", None)]
        with pytest.raises(ServersError, match="redis does not run"):
            servers.kill("redis")
        assert servers.stop() == []
        assert process.alive(real)
        bystander.kill()


def test_status_of_an_empty_folder_and_of_a_spoilt_one(tmp_path: Path) -> None:
    empty = command(tmp_path, "status")
    assert (empty.returncode, "nothing was started" in empty.stdout) == (1, True)
    (tmp_path / "servers.json").write_text("{")
    spoilt = command(tmp_path, "stop")
    assert (spoilt.returncode, "cannot be read" in spoilt.stderr) == (2, True)
    assert len(spoilt.stderr.splitlines()) == 1


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    assert command(tmp_path, "start", "--only", "kafka,rabbit").returncode == 2
    with pytest.raises(ServersError, match=r"no server 'kafka-7'.*none"):
        Servers(tmp_path).kill("kafka-7")


def test_ports_stay_unless_somebody_took_one(tmp_path: Path) -> None:
    now = State()
    names = state.names_of("kafka", 3)
    state.settle_ports(now, "kafka", names, keep=False)
    first = now.broker_ports
    assert len({port for ports in first.values() for port in ports.values()}) == 6
    state.settle_ports(now, "kafka", names, keep=False)
    assert now.broker_ports == first
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", first[2]["client"]))
        stranger.listen()
        state.settle_ports(now, "kafka", names, keep=True)
        assert now.broker_ports == first
        state.settle_ports(now, "kafka", names, keep=False)
        assert first[2]["client"] not in [port for ports in now.broker_ports.values() for port in ports.values()]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    entries = {
        "kafka-1": Entry("kafka", {"client": 20001, "controller": 20002}, "4", process.Process(7, 8)),
        "kafka-2": Entry("kafka", {"client": 20003, "controller": 20004}),
        "redis": Entry("redis", {"client": 20005}),
    }
    state.save(tmp_path, State(entries))
    assert state.load(tmp_path).entries == entries
    assert json.loads((tmp_path / "servers.json").read_text())["urls"] == {
        "kafka": "kafka://127.0.0.1:20001,127.0.0.1:20003",
        "redis": "redis://127.0.0.1:20005/0",
    }
