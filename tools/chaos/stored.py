"""I11: the rows of the analytical store, each once, are those of the distinct events in the log."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from recorder.service import CONSUMES, Source, rows
from recorder.tables import BY_NAME
from tools.chaos.log import TIMES, History, Violation

_WHERE = ("topic", "topic_partition", "topic_offset", "time", "time_us", *TIMES)
"""Which of the repeats a row was made from is open, and with it these columns."""


def stored_alike(log: History, tables: Mapping[str, pa.Table]) -> Iterator[Violation]:
    """Compare ``tables``, what ``SELECT * FROM t FINAL`` gives, with the rows that the recorder makes of the log."""
    kinds = tuple(CONSUMES)
    due = rows([(seen.event, Source.of(seen.record)) for seen in log.seen if isinstance(seen.event.payload, kinds)])
    for name in BY_NAME:
        stored, wanted = tables.get(name), due.get(name)
        there = {} if stored is None else _by_key(name, stored)
        rest = {} if wanted is None else _by_key(name, wanted)
        if stored is not None and len(there) < stored.num_rows:
            yield Violation("I11", f"table {name}: {stored.num_rows} rows, {len(there)} of them different")
        for what, keys in (("misses", rest.keys() - there.keys()), ("has too much", there.keys() - rest.keys())):
            if keys:
                yield Violation("I11", f"table {name} {what}: {len(keys)} rows, such as {min(keys, key=str)}")
        unlike = [key for key in rest.keys() & there.keys() if repr(rest[key]) != repr(there[key])]
        if unlike:
            yield Violation(
                "I11", f"table {name}: {len(unlike)} rows say something else, such as {min(unlike, key=str)}"
            )


def _by_key(name: str, table: pa.Table) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The rows by the columns that tell them apart; an event's id counts only where it is one of those."""
    order = BY_NAME[name].order
    hidden = {*_WHERE} if "event_id" in order else {*_WHERE, "event_id"}
    names = [column for column in BY_NAME[name].columns if column not in hidden]
    picked = table.select(names).to_pylist()
    return {tuple(row[column] for column in order): tuple(row[column] for column in names) for row in picked}
