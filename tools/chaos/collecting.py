"""From a bus: all records of a run, how far its readers are behind, and when it has come to rest."""

from common.ports import Bus, Record
from common.run import topics
from standalone.services import blueprint

QUIET_S = 0.5
_RECORDS, _BYTES = 500, 256 << 20


def all_topics() -> list[str]:
    """Those of the catalogue and their dead letters."""
    return [plan.name for plan in topics.plans()]


async def lags(bus: Bus, without: frozenset[str] = frozenset()) -> dict[str, int]:
    """Records that each service has not committed yet, ``without`` some of them."""
    found = {}
    for service in blueprint():
        if service.name not in without:
            behind = await bus.lag(service.name, service.reads)
            found[service.name] = sum(behind.values())
    return found


async def collect(bus: Bus, group: str = "chaos-history") -> list[Record]:
    """Every record that is there, read by a group of its own; the run has come to rest."""
    names, found = all_topics(), list[Record]()
    consumer = await bus.subscribe(group, names)
    try:
        while True:
            some = await consumer.fetch(records_max=_RECORDS, bytes_max=_BYTES, wait_s=QUIET_S)
            found += some
            await consumer.commit({(each.topic, each.partition): each.offset + 1 for each in some})
            if not some and not sum((await bus.lag(group, names)).values()):
                return found
    finally:
        await consumer.close()
