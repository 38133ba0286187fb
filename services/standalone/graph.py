"""The topology of the system, read from the Service values: which service reads and writes which topic."""

from collections.abc import Sequence
from typing import Any

from common.events.catalogue import BY_PAYLOAD, CATALOGUE
from common.service import Service

OUTSIDE = (("people", ("evo.genome.seeded.v1",)), ("host", ("evo.control.issued.v1", "market.bar.closed.v1")))
"""Writers that are not services: users with any Kafka client, and the process that runs it all."""


def topology(services: Sequence[Service[Any]]) -> dict[str, Any]:
    """Services with the topics they read and write, and topics with their writers, readers and key."""
    known: list[dict[str, Any]] = [
        {
            "name": service.name,
            "reads": service.reads,
            "writes": [BY_PAYLOAD[payload].name for payload in service.produces],
            "keeps_state": service.initial_state is not None,
        }
        for service in services
    ]
    topics = [
        {
            "name": topic.name,
            "key": topic.key,
            "payload": "Arrow IPC" if topic.is_cohort else "JSON",
            "writers": [service["name"] for service in known if topic.name in service["writes"]]
            + [name for name, writes in OUTSIDE if topic.name in writes],
            "readers": [service["name"] for service in known if topic.name in service["reads"]],
        }
        for topic in CATALOGUE
    ]
    return {"services": known, "topics": topics}


def as_text(found: dict[str, Any]) -> str:
    """For people."""
    lines = []
    for service in found["services"]:
        lines.append(f"{service['name']}{' (keeps state)' if service['keeps_state'] else ''}")
        lines += [f"  <- {name}" for name in service["reads"]]
        lines += [f"  -> {name}" for name in service["writes"]]
    lines.append("")
    width = max(len(topic["name"]) for topic in found["topics"])
    for topic in found["topics"]:
        writers, readers = ", ".join(topic["writers"]) or "nobody yet", ", ".join(topic["readers"]) or "nobody yet"
        lines.append(
            f"{topic['name']:<{width}}  {topic['payload']:<9}  key: {topic['key']:<18}  {writers} -> {readers}"
        )
    return "\n".join(lines)


def as_mermaid(found: dict[str, Any]) -> str:
    """A Mermaid flow chart: paste it into any Markdown page."""
    lines = ["flowchart LR"]
    lines += [f'  {name}(["{name}"])' for name, _ in OUTSIDE]
    lines += [f'  {service["name"]}["{service["name"]}"]' for service in found["services"]]
    for topic in found["topics"]:
        for writer in topic["writers"]:
            lines += [f'  {writer} -- "{topic["name"]}" --> {reader}' for reader in topic["readers"]]
    return "\n".join(lines)
