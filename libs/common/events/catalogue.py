"""The catalogue: every topic, the class it carries, and how it is keyed."""

from dataclasses import dataclass

from common.events import cohorts, public
from common.events.cohorts import Cohort
from common.events.event import Payload
from common.events.public import Public


@dataclass(frozen=True, slots=True)
class Topic:
    """``name`` is also the CloudEvents type and, with its dots, the schema file's name."""

    name: str
    payload: type[Public] | type[Cohort]
    key: str
    is_spread: bool = False
    """Over many partitions, by key; the others are read whole and in order, from one."""
    retention_h: int | None = None
    """None: kept for ever."""

    @property
    def is_cohort(self) -> bool:
        """Arrow IPC rather than JSON."""
        return issubclass(self.payload, Cohort)


BULK_H = 1
"""A hundred million strategies an hour are a hundred gigabytes; what is replayed after a crash is seconds old."""
CATALOGUE: tuple[Topic, ...] = (
    Topic("evo.genome.seeded.v1", public.GenomeSeeded, "run", is_spread=True),
    Topic("evo.genome.proposed.v1", cohorts.GenomeProposed, "cohort", is_spread=True, retention_h=BULK_H),
    Topic("evo.genome.evaluated.v1", cohorts.GenomeEvaluated, "island", is_spread=True, retention_h=BULK_H),
    Topic("evo.parents.selected.v1", cohorts.ParentsSelected, "island", is_spread=True, retention_h=BULK_H),
    Topic("evo.migrant.sent.v1", cohorts.MigrantSent, "destination island", is_spread=True, retention_h=BULK_H),
    Topic("evo.champion.promoted.v1", public.ChampionPromoted, "run + niche"),
    Topic("evo.deployment.changed.v1", public.DeploymentChanged, "deployment"),
    Topic("evo.performance.observed.v1", public.PerformanceObserved, "deployment"),
    Topic("evo.control.issued.v1", public.ControlIssued, "scope"),
    Topic("evo.alert.raised.v1", public.AlertRaised, "kind"),
    Topic("market.bar.closed.v1", public.BarClosed, "instrument"),
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}
BY_PAYLOAD: dict[type, Topic] = {topic.payload: topic for topic in CATALOGUE}


def topic_of(payload: Payload) -> Topic:
    """The topic that carries this payload."""
    return BY_PAYLOAD[type(payload)]
