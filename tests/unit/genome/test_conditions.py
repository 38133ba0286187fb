"""The table of conditions is inherited by position: what is there stays where it is, and what is new comes after it."""

import hashlib

from common.genome.conditions import CONDITION_BY_TEXT, CONDITIONS, TIMEFRAMES
from common.genome.layout import GENOME_VERSION
from common.genome.tree import OPERATORS

PINNED = {2: (4881, "6624195eb34f97233a8f37e6efb08de1")}
"""By genome version, how many conditions were pinned and the BLAKE2b-128 of their texts, joined by line feeds.

Append to the table and this still holds; then pin the longer table. If it fails, the genomes that exist have changed
their meaning: restore the order, or give the new table a new version.
"""


def test_no_condition_that_was_ever_pinned_has_moved() -> None:
    count, digest = PINNED[GENOME_VERSION]
    texts = "\n".join(condition.text for condition in CONDITIONS[:count])
    assert len(CONDITIONS) >= count
    assert hashlib.blake2b(texts.encode(), digest_size=16).hexdigest() == digest


def test_the_whole_table_is_pinned() -> None:
    assert len(CONDITIONS) == PINNED[GENOME_VERSION][0], "pin the conditions that were appended"


def test_operators_stand_where_they_stood() -> None:
    first = [
        "end",
        "and",
        "or",
        "xor",
        "not",
        "crossed",
        "within_2",
        "within_3",
        "within_5",
        "within_10",
        "within_20",
        "streak_2",
        "streak_3",
        "streak_5",
    ]
    assert list(OPERATORS[: len(first)]) == first


def test_position_is_feature_by_feature_then_predicate_then_timeframe() -> None:
    step = len(TIMEFRAMES)
    for index, condition in enumerate(CONDITIONS):
        assert condition.timeframe == TIMEFRAMES[index % step]
        base = CONDITIONS[index - index % step]
        assert (condition.feature, condition.predicate, condition.threshold) == (
            base.feature,
            base.predicate,
            base.threshold,
        )
    seen = list(dict.fromkeys(condition.feature.text for condition in CONDITIONS))
    runs = [c.feature.text for i, c in enumerate(CONDITIONS) if i == 0 or c.feature != CONDITIONS[i - 1].feature]
    assert runs == seen


def test_no_two_conditions_have_the_same_text() -> None:
    assert len(CONDITION_BY_TEXT) == len(CONDITIONS)
