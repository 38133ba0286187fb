"""The files under ``schemas/`` are what the classes say, and every sample ever committed is still read."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from common.events.catalogue import BY_NAME, CATALOGUE
from common.events.codec import decode, encode
from common.events.cohorts import Cohort
from common.events.schemas import generate, schema_file
from tools import schemas
from tools.samples import encoded_samples, from_sample, sample_events, to_sample

FILES = sorted(schemas.SAMPLES.glob("*.json"))


def test_the_committed_schemas_are_up_to_date() -> None:
    assert schemas.stale() == [], "run `make schemas` and commit the result"


def test_a_change_is_seen_as_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    monkeypatch.setattr(schemas, "SAMPLES", tmp_path / "samples")
    schemas.write(None)
    assert schemas.stale() == []
    (tmp_path / "asyncapi.yaml").write_text("old")
    (tmp_path / "evo.gone.missing.v1.json").write_text("{}")
    (tmp_path / "run-spec.v1.json").unlink()
    sample = schemas.samples_of("evo.alert.raised.v1")[0]
    sample.unlink()
    assert set(schemas.stale()) == {
        "asyncapi.yaml",
        "evo.gone.missing.v1.json",
        "run-spec.v1.json",
        f"samples/{sample.name}",
    }
    schemas.write(None)
    assert schemas.stale() == []


def test_writing_never_touches_an_old_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    monkeypatch.setattr(schemas, "SAMPLES", tmp_path / "samples")
    schemas.write(None)
    topic = "evo.genome.seeded.v1"
    schemas.samples_of(topic)[0].write_text("kept")
    schemas.write(topic)
    old, new = schemas.samples_of(topic)
    assert old.read_text() == "kept"
    assert new.read_bytes() == encoded_samples()[topic]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_sample_is_read(path: Path) -> None:
    message = from_sample(path.read_bytes())
    event = decode(*message)
    assert path.stem.rsplit("-", 1)[0] == message.topic
    assert type(event.payload) is BY_NAME[message.topic].payload
    again = decode(*encode(event))
    assert (again.id, again.key, again.time_us, again.run) == (event.id, event.key, event.time_us, event.run)


def test_every_topic_has_a_sample_of_the_present_writer() -> None:
    """A field that the newest sample lacks would not be guarded against removal."""
    for event in sample_events():
        message = encode(event)
        newest = json.loads(schemas.samples_of(message.topic)[-1].read_bytes())
        assert newest == json.loads(to_sample(message)), f"python -m tools.schemas --sample {message.topic}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_samples_hold_against_the_published_schemas(path: Path) -> None:
    message = from_sample(path.read_bytes())
    schema = json.loads((schemas.SCHEMAS / schema_file(BY_NAME[message.topic])).read_bytes())
    run = json.loads((schemas.SCHEMAS / "run-spec.v1.json").read_bytes())
    jsonschema.Draft202012Validator(run).validate(json.loads(dict(message.headers)["ce_run"]))
    payload = decode(*message).payload
    if isinstance(payload, Cohort):
        header_schema = schema["metadata"]["header"]
        jsonschema.Draft202012Validator.check_schema(header_schema)
        jsonschema.Draft202012Validator(header_schema).validate(payload.header.model_dump(mode="json"))
        assert [column["name"] for column in schema["columns"]] == list(payload.columns)
    else:
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(json.loads(message.value))


def asyncapi() -> dict[str, Any]:
    found = yaml.safe_load((schemas.SCHEMAS / "asyncapi.yaml").read_text())
    assert isinstance(found, dict)
    return found


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        inner = [found for value in node.values() for found in references(value)]
        return [node["$ref"], *inner] if "$ref" in node else inner
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_asyncapi_names_every_topic_and_leads_to_its_schema() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in document["channels"].values()} == set(BY_NAME)
    for topic in CATALOGUE:
        message = document["components"]["messages"][topic.payload.__name__]
        assert message["name"] == topic.name
        assert message["payload"]["schema"]["$ref"] == f"./{schema_file(topic)}"


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    document = asyncapi()
    found = references(document)
    assert found
    for reference in found:
        if reference.startswith("#/"):
            node = document
            for step in reference[2:].split("/"):
                node = node[step]
        else:
            assert (schemas.SCHEMAS / reference).is_file()


def test_names_are_one() -> None:
    """Topic, CloudEvents type and schema file; the class is its noun and participle."""
    for topic in CATALOGUE:
        domain, noun, participle, major = topic.name.split(".")
        assert topic.payload.__name__.casefold() in (f"{noun}{participle}", f"{noun}{participle}s")
        assert domain in ("evo", "market")
        assert major == "v1"
        assert schema_file(topic) in generate()
