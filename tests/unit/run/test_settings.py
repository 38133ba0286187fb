"""Settings of a process: options before the environment, secrets from files, anything wrong named."""

from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.settings import read_settings, required


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_PARTITIONS", "3")
    monkeypatch.setenv("GALAPAGOS_BUS", "kafka://a:1")
    found = read_settings(bus="kafka://b:2", cache=None)
    assert (found.bus, found.partitions, found.cache) == ("kafka://b:2", 3, "")


def test_a_file_gives_the_value_without_its_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "store"
    secret.write_text("clickhouse://me:secret@h:9000/d\n")
    monkeypatch.setenv("GALAPAGOS_STORE_FILE", str(secret))
    assert read_settings().store == "clickhouse://me:secret@h:9000/d"
    monkeypatch.setenv("GALAPAGOS_STORE", "clickhouse://h:9000/d")
    with pytest.raises(ConfigurationError, match="GALAPAGOS_STORE and GALAPAGOS_STORE_FILE: both are set; unset one"):
        read_settings()


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("\n", "is empty; write the value")])
def test_a_file_without_a_value_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, words: str
) -> None:
    secret = tmp_path / "bus"
    if content is not None:
        secret.write_text(content)
    monkeypatch.setenv("GALAPAGOS_BUS_FILE", str(secret))
    with pytest.raises(ConfigurationError, match=f"GALAPAGOS_BUS_FILE {secret}: {words}"):
        read_settings()


def test_what_is_wrong_is_named_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_WORKERS", "many")
    with pytest.raises(ConfigurationError, match=r"--health-port '99999': input should be less .* GALAPAGOS_WORKERS '"):
        read_settings(health_port="99999")


def test_what_is_missing_is_named_with_every_way_to_give_it() -> None:
    with pytest.raises(ConfigurationError, match="--bus: is missing; give it, GALAPAGOS_BUS, or GALAPAGOS_BUS_FILE: k"):
        required(read_settings(), "bus", "kafka://h:9092")
