"""The topics of a run, as plans: those of the catalogue, their dead letters, and the snapshots of stateful services."""

from collections.abc import Iterable

from common.events.catalogue import CATALOGUE
from common.ports import TopicPlan
from common.run.dead_letter import SUFFIX

PARTITIONS = 8
_SHARDS, _ONE = "shards", "one"
_HOUR_S = 3600.0
_DEAD_S = 7 * 24 * _HOUR_S
"""Long enough to be looked at after a holiday, and no stranger fills the disks for ever."""


def snapshot_topic(service: str) -> str:
    """Where the states of a service are kept on a bus that has no other place for them."""
    return f"evo.snapshot.{service}.v1"


def plans(stateful: Iterable[str] = (), partitions: int = PARTITIONS) -> list[TopicPlan]:
    """What a bus needs before the first event; ``stateful`` are the names of services that keep their state on it."""
    found = []
    for topic in CATALOGUE:
        retention_s = None if topic.retention_h is None else topic.retention_h * _HOUR_S
        count, together = (partitions, _SHARDS) if topic.is_spread else (1, _ONE)
        found.append(TopicPlan(topic.name, count, retention_s, together=together))
        found.append(TopicPlan(topic.name + SUFFIX, 1, _DEAD_S))
    return found + [TopicPlan(snapshot_topic(name), partitions, compacted=True, together=_SHARDS) for name in stateful]
