"""Real faults on real processes: nothing is lost, nothing is admitted twice, and the end is that of a quiet run.

Shorter than `make chaos`: ClickHouse is away for ten seconds rather than a minute, one broker for twelve, and there is
one trial of about two minutes. What is drawn, and from which seed, is the same.
"""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from tools.chaos.plan import Amount, draw
from tools.chaos.table import table
from tools.chaos.trial import MEMBERS, Setting, Trial, market, reference, specification
from tools.servers import CannotInstallError, temporary

AMOUNT = Amount(kills=30, rebalances=5, zombies=2, redis_s=4.0, clickhouse_s=10.0, broker_s=12.0, pace_s=3.0)
SETTING = Setting(number=0, seed=4, generations=80, amount=AMOUNT)


@pytest.mark.proof
def test_thirty_kills_and_every_other_fault_leave_no_trace(tmp_path: Path) -> None:
    bars = market()
    expected = reference(tmp_path / "alone", specification(bars, SETTING), bars, sys.stderr)
    with temporary() as servers:
        try:
            servers.start(3)
        except CannotInstallError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
        outcome = asyncio.run(Trial(servers, tmp_path, SETTING).run(expected))
    assert outcome.violations == [], table([outcome])
    assert len(expected) == 3
    assert outcome.champions > 0
    done = Counter({each.kind: 0 for each in outcome.injected})
    for each in outcome.injected:
        done[each.kind] += len(each.names)
    assert done["kill -9"] == AMOUNT.kills
    assert done["rebalance"] == AMOUNT.rebalances
    assert {"zombie", "redis flushed", "redis down", "clickhouse down", "broker lost"} <= done.keys()
    assert all(each.recovery_s is not None for each in outcome.injected)


def test_a_plan_is_a_function_of_its_seed_and_holds_what_was_asked_for() -> None:
    brokers = ("kafka-1", "kafka-2", "kafka-3")
    plans = [draw(seed, AMOUNT, MEMBERS, brokers) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]
    for plan in plans:
        assert sum(fault.victims for fault in plan if fault.kind == "kill -9") == AMOUNT.kills
        assert sum(fault.kind == "rebalance" for fault in plan) == AMOUNT.rebalances
