"""One name for an event: its class, its topic, its CloudEvents type and its schema file."""

import re

import pytest

from common.events.catalogue import BY_PAYLOAD, CATALOGUE, Topic
from tools.tidy import ROOT

PREFIXES = {"market.bar.closed.v1": "market"}


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
def test_the_topic_is_spelled_like_its_class(topic: Topic) -> None:
    words = re.findall("[A-Z][a-z]+", topic.payload.__name__)
    prefix = PREFIXES.get(topic.name, "evo")
    assert topic.name == ".".join([prefix, *(word.lower() for word in words), "v1"])


def test_every_topic_has_one_class_and_one_schema_file() -> None:
    assert len(BY_PAYLOAD) == len(CATALOGUE)
    named = {re.sub(r"(\.arrow)?\.json$", "", path.name) for path in (ROOT / "schemas").glob("*.json")} - {
        "run-spec.v1"
    }
    assert named == {topic.name for topic in CATALOGUE}
