"""The page of events agrees with the catalogue and with what the services say they read and write."""

import json
import re

import pytest

from common.events.catalogue import BY_NAME, CATALOGUE, Topic
from common.events.cohorts import Cohort
from common.events.public import Public
from common.genome.codec import check, from_json
from standalone.services import blueprint
from tools import documents
from tools.tidy import ROOT

TEXT = (ROOT / "docs/events.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ROWS = {
    cells[0].split("`")[1]: cells[1:]
    for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines())
    if len(cells) == 5 and ("`evo." in cells[0] or "`market." in cells[0])
}
SERVICES = blueprint()
NAMES = {service.name for service in SERVICES}
PUBLIC = [topic for topic in CATALOGUE if not topic.is_cohort]
COHORTS = [topic for topic in CATALOGUE if topic.is_cohort]


def names(cell: str) -> set[str]:
    """The services that a cell names."""
    return set(cell.split(", ")) & NAMES


def test_the_table_lists_the_catalogue_in_order() -> None:
    assert list(ROWS) == [topic.name for topic in CATALOGUE]


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
def test_writers_and_readers_are_the_services_that_say_so(topic: Topic) -> None:
    writer, readers, key, payload = ROWS[topic.name]
    assert names(writer) == {service.name for service in SERVICES if topic.payload in service.produces}
    assert names(readers) == {service.name for service in SERVICES if topic.payload in service.consumes}
    assert key == topic.key
    assert payload == ("Arrow IPC" if topic.is_cohort else "JSON")


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_the_example_is_an_event_of_its_topic(topic: Topic) -> None:
    fence = documents.fences(SECTIONS[topic.payload.__name__])[-1]
    document = json.loads(fence.body)
    assert issubclass(topic.payload, Public)
    assert json.loads(topic.payload.model_validate(document).model_dump_json()) == document


@pytest.mark.parametrize("topic", COHORTS, ids=lambda topic: topic.name)
def test_headers_are_told(topic: Topic) -> None:
    assert issubclass(topic.payload, Cohort)
    told = set(re.findall(r"`(\w+)`", SECTIONS[topic.payload.__name__].split("Header:")[1]))
    if topic.name == "evo.genome.evaluated.v1":
        assert told == set(topic.payload.header_type.model_fields) - set(
            BY_NAME["evo.genome.proposed.v1"].payload.header_type.model_fields
        )
    else:
        assert told == set(topic.payload.header_type.model_fields)


def test_every_column_is_told() -> None:
    table = TEXT.split("## Cohorts")[1].split("### ")[0]
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    assert told == {column for topic in COHORTS for column in topic.payload.columns}


def test_the_seed_of_the_page_is_a_genome_that_may_exist() -> None:
    fence = documents.fences(SECTIONS["GenomeSeeded"])[-1]
    check(from_json(json.loads(fence.body)["genome"]))
