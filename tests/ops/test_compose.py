"""The compose file and the image fit the code: no engine runs here, so each name in them is held against it."""

import importlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer.main
import yaml

from common.run import health, process
from common.run.process import Program
from common.settings import PREFIX, Settings, read_settings, required, variable
from evaluator.resources import PREFIX as EVALUATOR_PREFIX
from evaluator.resources import EvaluatorSettings
from standalone.cli import app
from standalone.topics import url_of
from tools.servers import jars
from tools.tidy import ROOT

FILE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
RAW = FILE.read_text()
SERVICES = ("generator", "evaluator", "selector", "deployer", "recorder")
SECRETS = {name: f"chosen{name[:2].lower()}" for name in re.findall(r"\$\{(\w*PASSWORD)", RAW)}


@pytest.fixture(scope="module")
def composed(compose: str) -> dict[str, Any]:
    """The file as Docker's composer understands it, with passwords chosen."""
    done = subprocess.run(
        [compose, "--file", str(FILE), "config"],
        cwd=ROOT,
        env=os.environ | SECRETS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def program(name: str) -> Program:
    return importlib.import_module(f"{name}.__main__").PROGRAM


def settings(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a process in this container."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, str(value))
    return read_settings()


def test_without_passwords_nothing_starts(compose: str, tmp_path: Path) -> None:
    (tmp_path / "empty.env").touch()
    bare = {name: value for name, value in os.environ.items() if name not in SECRETS}
    command = [compose, "--file", str(FILE), "--env-file", str(tmp_path / "empty.env"), "config"]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert ".env.example" in done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_takes_its_command_and_its_environment(
    composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    service = composed["services"][name]
    python, flag, module, *options = service["command"]
    assert (python, flag, module) == ("python", "-m", name)
    assert vars(process._parser(program(name)).parse_args(options)).keys()
    known = {variable(field) for field in Settings.model_fields}
    known |= {EVALUATOR_PREFIX + field.upper() for field in EvaluatorSettings.model_fields}
    given = {each for each in service["environment"] if each.startswith(PREFIX)}
    assert given - known == set()
    found = settings(service, monkeypatch)
    for need in program(name).needs:
        assert required(found, need, "")
    assert found.bus.startswith("kafka://")


def test_topics_are_made_once_before_anybody_reads(composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    once = composed["services"]["topics"]
    place: Any = typer.main.get_command(app)
    for word in once["command"][1:]:
        place = place.commands[word]
    assert once["command"][0] == "galapagos"
    assert once["restart"] == "on-failure"
    bus = settings(once, monkeypatch).bus
    assert url_of("") == bus
    for name in SERVICES:
        assert composed["services"][name]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
        assert composed["services"][name]["environment"]["GALAPAGOS_BUS"] == once["environment"]["GALAPAGOS_BUS"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_url_leads_to_a_server_of_the_file(
    composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found = settings(composed["services"][name], monkeypatch)
    ports = {
        "kafka": int(re.findall(r"INSIDE://:(\d+)", RAW)[0]),
        "redis": 6379,
        "clickhouse": 9000,
        "collector": int(
            yaml.safe_load((ROOT / "ops/collector.yaml").read_text())["receivers"]["otlp"]["protocols"]["http"][
                "endpoint"
            ].rpartition(":")[2]
        ),
    }
    urls = [urlsplit(url) for url in (found.bus, found.cache, found.store)]
    urls.append(urlsplit(composed["services"][name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]))
    assert [url.scheme for url in urls] == ["kafka", "redis", "clickhouse", "http"]
    assert all(url.hostname in composed["services"] for url in urls)
    assert all(url.port == ports[str(url.hostname)] for url in urls)


def test_passwords_of_servers_are_those_that_services_use(
    composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(composed["services"]["evaluator"], monkeypatch)
    server = composed["services"]["clickhouse"]["environment"]
    store, cache = urlsplit(found.store), urlsplit(found.cache)
    assert (store.username, store.password) == (server["CLICKHOUSE_USER"], server["CLICKHOUSE_PASSWORD"])
    assert store.path == "/" + server["CLICKHOUSE_DB"]
    command = composed["services"]["redis"]["command"]
    assert command[command.index("--requirepass") + 1] == cache.password


@pytest.mark.parametrize("name", SERVICES)
def test_health_is_asked_where_it_is_told(composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    service = composed["services"][name]
    found = settings(service, monkeypatch)
    code = service["healthcheck"]["test"][-1]
    assert f"http://127.0.0.1:{found.health_port}{health.READY}" in code
    assert found.health_host == "127.0.0.1"
    compile(code, "healthcheck", "exec")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_and_comes_back(composed: dict[str, Any], name: str) -> None:
    service = composed["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "container_name" not in service  # or --scale could not start a second one
    assert not service.get("ports")


def test_what_is_open_is_open_to_this_machine_alone() -> None:
    services = yaml.safe_load(RAW)["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_password_stands_in_the_file() -> None:
    plain = re.sub(r":\?[^}]*", "", RAW)
    values = re.findall(r"(?:PASSWORD|AUTH): *(\S+)", plain) + re.findall(r"://\w*:([^@\s]+)@", plain)
    assert len(values) >= 5
    assert [value for value in values if not value.startswith("${")] == []
    example = dict(line.split("=") for line in (ROOT / ".env.example").read_text().splitlines() if line[:1] not in "#")
    assert {name: example[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    assert set(re.findall(r"\$\{(\w+)", RAW)) == example.keys()


def test_files_that_are_mounted_exist() -> None:
    mounts = re.findall(r"(\./ops[\w./-]*):", RAW)
    assert len(mounts) >= 4
    assert [path for path in mounts if not (ROOT / path).exists()] == []


def test_kafka_is_the_one_that_the_tests_run() -> None:
    image = yaml.safe_load(RAW)["services"]["kafka"]["image"]
    assert image == f"apache/kafka:{jars.VERSION}"


def test_images_are_pinned() -> None:
    images = [service["image"] for service in yaml.safe_load(RAW)["services"].values()]
    assert [image for image in images if not re.search(r":[\w.-]*\d|:local$", image)] == []


def test_the_image_holds_what_it_is_built_from() -> None:
    copied = {
        path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]
    }
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert [path for path in copied if not (ROOT / path).exists()] == []
    prepared = re.search(r"UV_VERSION=(\S+)", (ROOT / "tools/prepare.sh").read_text())
    assert prepared is not None
    assert f"uv=={prepared[1]}" in DOCKERFILE
    assert re.search(r"^USER galapagos$", DOCKERFILE, re.MULTILINE)
