"""The topology is that of the Service values and leaves nobody out."""

import json

from common.events.catalogue import CATALOGUE
from standalone.graph import as_mermaid, as_text, topology
from standalone.services import blueprint
from tests.unit.standalone.conftest import Galapagos


def test_every_topic_and_service_is_there_and_who_reads_is_written_to() -> None:
    found = topology(blueprint())
    assert [topic["name"] for topic in found["topics"]] == [topic.name for topic in CATALOGUE]
    assert {service["name"] for service in found["services"]} == {
        "generator",
        "evaluator",
        "selector",
        "deployer",
        "recorder",
    }
    unwritten = {topic["name"] for topic in found["topics"] if topic["readers"] and not topic["writers"]}
    assert unwritten == {"evo.alert.raised.v1"}, "nobody raises alerts yet"


def test_the_three_forms_agree(galapagos: Galapagos) -> None:
    found = topology(blueprint())
    _, as_json, _ = galapagos("graph", "--json")
    assert json.loads(as_json) == found
    edges = sum(len(topic["writers"]) * len(topic["readers"]) for topic in found["topics"])
    assert as_mermaid(found).count("-->") == edges
    assert all(topic["name"] in as_text(found) for topic in found["topics"])
    code, _, err = galapagos("graph", "--json", "--mermaid")
    assert (code, err.count("\n")) == (2, 1)
