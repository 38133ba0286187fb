"""Topics by plan: what a shard needs of the catalogue."""

from common.events.catalogue import CATALOGUE
from common.run.dead_letter import SUFFIX
from common.run.topics import PARTITIONS, plans, snapshot_topic
from standalone.services import blueprint


def test_every_topic_has_its_dead_letters() -> None:
    names = {plan.name for plan in plans()}
    assert names == {topic.name + suffix for topic in CATALOGUE for suffix in ("", ".dead")}


def test_no_dead_letter_is_kept_for_ever() -> None:
    assert {plan.retention_s for plan in plans() if plan.name.endswith(SUFFIX)} == {7 * 24 * 3600.0}


def test_all_topics_of_a_stateful_service_have_the_same_number_of_partitions() -> None:
    found = {plan.name: plan for plan in plans()}
    for service in blueprint():
        if service.initial_state is not None:
            topics = [found[name] for name in service.reads]
            assert len({topic.partitions for topic in topics}) == 1
            assert len({topic.together for topic in topics}) == 1
            assert topics[0].together


def test_snapshots_are_compacted_and_have_a_partition_for_every_shard() -> None:
    found = {plan.name: plan for plan in plans(["selector"])}[snapshot_topic("selector")]
    assert found.compacted
    assert found.partitions == PARTITIONS
    assert found.together == next(plan.together for plan in plans() if plan.partitions == PARTITIONS)
