"""The history checker: the records of a run, from whatever bus they came, against what must hold of every run.

Pure: records in, violations out. The same function judges a run in one process, a simulated one, and one on real
servers whose processes were killed.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from common.events.spec import RunSpec
from common.ports import Record
from tools.chaos.log import History, Violation
from tools.chaos.rules import RULES
from tools.chaos.stored import stored_alike

__all__ = ["Violation", "check"]


def check(
    run: RunSpec,
    records: Iterable[Record],
    *,
    lags: Mapping[str, int] | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> list[Violation]:
    """Everything that does not hold; empty when all of it does.

    Args:
        run: The specification; the run must have come to rest, and to its end where it has one.
        records: All records of all topics and dead-letter topics, in any order.
        lags: Per reader how many records it has not committed (I9); None: not asked.
        tables: Per table of the store its rows after ``FINAL`` (I11); None: not asked.
    """
    log = History.of(run, records)
    found = [each for rule in RULES for each in rule(log)] + log.unequal
    found += [Violation("I9", f"{who} is {lag} records behind") for who, lag in (lags or {}).items() if lag]
    return found if tables is None else [*found, *stored_alike(log, tables)]
