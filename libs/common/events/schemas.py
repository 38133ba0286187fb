"""The contracts as files, generated from the event classes: JSON Schema, Arrow schemas and AsyncAPI."""

import json
from collections.abc import Iterator
from typing import Any

from common.events.arrow import schema_of
from common.events.catalogue import CATALOGUE, Topic
from common.events.codec import ARROW, JSON
from common.events.cohorts import Cohort
from common.events.public import Public
from common.events.spec import RunSpec

_VERSION = "1.0.0"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {
    "ce_specversion": "CloudEvents version",
    "ce_id": "event id: deterministic, so a repeated delivery is recognised",
    "ce_type": "the topic's name",
    "ce_source": "the service that published",
    "ce_time": "RFC 3339, UTC, microseconds",
    "content-type": "of the value",
    "traceparent": "W3C trace context",
    "ce_run": "the RunSpec as canonical JSON; see run-spec.v1.json",
}


def generate() -> dict[str, str]:
    """File name below ``schemas/`` to content."""
    files = {"run-spec.v1.json": _json(_titled(RunSpec.model_json_schema(), "RunSpec"))}
    for topic in CATALOGUE:
        if issubclass(topic.payload, Cohort):
            files[schema_file(topic)] = _json(_arrow_schema(topic, topic.payload))
        else:
            files[schema_file(topic)] = _json(_titled(topic.payload.model_json_schema(), topic.name))
    files["asyncapi.yaml"] = "\n".join(_yaml(_asyncapi())) + "\n"
    return files


def schema_file(topic: Topic) -> str:
    """The topic's name, and whether it describes JSON or Arrow."""
    return f"{topic.name}.arrow.json" if topic.is_cohort else f"{topic.name}.json"


def _titled(schema: dict[str, Any], title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, **schema, "title": title}


def _arrow_schema(topic: Topic, payload: type[Cohort]) -> dict[str, Any]:
    """Columns with their Arrow types as pyarrow writes them, list lengths in brackets. No column has nulls."""
    columns = [{"name": field.name, "type": str(field.type)} for field in schema_of(payload)]
    return {
        "title": topic.name,
        "description": (payload.__doc__ or "").strip(),
        "format": "Arrow IPC stream of exactly one record batch; unknown columns are ignored",
        "columns": columns,
        "metadata": {"header": _titled(payload.header_type.model_json_schema(), f"{topic.name} header")},
    }


def _asyncapi() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for topic in CATALOGUE:
        name = topic.payload.__name__
        channels[name] = {
            "address": topic.name,
            "description": f"Keyed by {topic.key}.",
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        reference = {"$ref": f"#/channels/{name}"}
        operations[f"receive{name}"] = {"action": "receive", "channel": reference}
        operations[f"send{name}"] = {"action": "send", "channel": reference}
        messages[name] = _message(topic)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Galapagos",
            "version": _VERSION,
            "description": "CloudEvents 1.0, binary mode. What breaks a contract goes to <topic>.dead with its reason.",
        },
        "defaultContentType": JSON,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
        },
    }


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in _PLAIN.items()},
    }


def _message(topic: Topic) -> dict[str, Any]:
    payload = topic.payload
    form = "application/schema+json;version=draft-2020-12" if issubclass(payload, Public) else "application/json"
    return {
        "name": topic.name,
        "summary": (payload.__doc__ or "").strip(),
        "contentType": ARROW if topic.is_cohort else JSON,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"schemaFormat": form, "schema": {"$ref": f"./{schema_file(topic)}"}},
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _yaml(document: Any, indent: str = "") -> Iterator[str]:
    """Block YAML of dicts, lists and strings; JSON's string form is YAML's double-quoted one."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _yaml(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{key}:"
            for item in value:
                first, *rest = _yaml(item, indent + "    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"
