"""Which faults, in which order, on whom: drawn from one seed."""

import random
from dataclasses import dataclass
from typing import NamedTuple

BURST_MAX = 3
"""Processes that are killed at the same moment, at most."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of everything. What lasts is in seconds."""

    kills: int = 30
    rebalances: int = 5
    zombies: int = 2
    flushes: int = 1
    redis_s: float = 5.0
    clickhouse_s: float = 60.0
    broker_s: float = 20.0
    """How long a broker is gone before an empty one takes its place."""
    zombie_s: float = 5.0
    """Longer than a session of three seconds: what it held belongs to others when it wakes. The supervisor of
    `galapagos up` kills it when it is silent for longer."""
    pace_s: float = 5.0
    """The next fault comes when all islands have got on, or after so long."""


class Fault(NamedTuple):
    """``wanted``: names in the order in which they are to be hit, the first ``victims`` that can be; see ``faults``."""

    kind: str
    wanted: tuple[str, ...] = ()
    victims: int = 1
    seconds: float = 0.0


def draw(seed: int, amount: Amount, members: tuple[str, ...], brokers: tuple[str, ...]) -> list[Fault]:
    """Faults in random order; the same for the same arguments."""
    dice = random.Random(seed)

    def shuffled(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dice.sample(names, len(names)))

    found = []
    left = amount.kills
    while left:
        count = min(left, dice.randint(1, BURST_MAX))
        found.append(Fault("kill -9", shuffled(members + 2 * brokers), count))
        left -= count
    for number in range(amount.zombies):
        service = ("selector", "evaluator")[number % 2]
        held = shuffled(tuple(name for name in members if name.startswith(service)))
        found.append(Fault("zombie", held, seconds=amount.zombie_s))
    found += [
        Fault("rebalance", shuffled(("evaluator-9", "selector-9", "generator-9"))) for _ in range(amount.rebalances)
    ]
    found += [Fault("redis flushed")] * amount.flushes
    found.append(Fault("redis down", ("redis",), seconds=amount.redis_s))
    found.append(Fault("clickhouse down", ("clickhouse",), seconds=amount.clickhouse_s))
    dice.shuffle(found)
    # Neither at the very beginning nor at the very end, where it would last longer than all the others.
    found.insert(len(found) // 4, Fault("broker lost", shuffled(brokers), seconds=amount.broker_s))
    return found
