"""Words for conditions and trees: every condition has its own, and a tree reads as it is evaluated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.genome.conditions import CONDITIONS
from standalone.wording import HOUR_US, condition_words, timeframe_names, tree_words

LEAF = st.sampled_from([condition.text for condition in CONDITIONS])
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or", "xor"]), inner, inner).map(list),
        st.tuples(st.sampled_from(["not", "crossed", "within_5", "streak_3"]), inner).map(list),
    ),
    max_leaves=6,
)


def test_every_condition_has_words_of_its_own_and_no_placeholder_is_left() -> None:
    words = [condition_words(condition) for condition in CONDITIONS]
    assert len(set(words)) == len(CONDITIONS)
    assert not any("{" in line or "None" in line for line in words)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (None, "never"),
        ("up_streak < -3", "the close has fallen more than 3 bars in a row"),
        ("volume/sma(20) > 1.5", "volume is more than 1.5 times its 20-bar average"),
        ("roc(20) > q80", "the change over 20 bar(s), in percent, is in the top 20 % of its last 250 values"),
        ("roc(20) < q10", "the change over 20 bar(s), in percent, is in the bottom 10 % of its last 250 values"),
        ("cdlengulfing > 0.5", "a bullish engulfing candle pattern is complete"),
        (
            ["or", "rsi(2) < 10", ["and", "rsi(2) > 90", "rsi(14) > 70"]],
            "RSI(2) is below 10 or (RSI(2) is above 90 and RSI(14) is above 70)",
        ),
        (
            ["not", ["or", "rsi(2) < 10", "rsi(14) < 20"]],
            "it is not so that (RSI(2) is below 10 or RSI(14) is below 20)",
        ),
        (["xor", "rsi(2) < 10", "rsi(14) < 20"], "either RSI(2) is below 10, or RSI(14) is below 20, but not both"),
        (["crossed", "rsi(2) < 10"], "RSI(2) is below 10, but not so one bar earlier"),
        (["streak_3", "rsi(2) < 10"], "RSI(2) is below 10, on each of the last 3 bars"),
    ],
)
def test_trees_read_as_they_are_evaluated(tree: object, words: str) -> None:
    assert tree_words(tree) == words


@given(TREE)
def test_every_leaf_is_spoken_of_and_brackets_match(tree: object) -> None:
    words = tree_words(tree, 24 * HOUR_US)
    assert words.count("(") == words.count(")")

    def leaves(node: object) -> list[str]:
        return [node] if isinstance(node, str) else [leaf for part in list(node)[1:] for leaf in leaves(part)]  # type: ignore[call-overload]

    assert words.count("on weekly bars") == sum("@higher" in leaf for leaf in leaves(tree))
    assert words.count("on monthly bars") == sum("@highest" in leaf for leaf in leaves(tree))


def test_timeframes_are_called_after_what_the_bars_become() -> None:
    from common.market.bars import Bars
    from common.market.timeframes import coarser

    def lengths(bar_us: int) -> list[int]:
        count = 4000
        times = np.arange(count, dtype=np.int64) * bar_us
        flat = np.full(count, 100.0)
        return [coarse.bars.bar_us for coarse in coarser(Bars.make("x", times, flat, flat, flat, flat, flat))]

    hours = {"4-hour": 4, "daily": 24, "weekly": 7 * 24}
    for base, names in ((1, timeframe_names(HOUR_US)), (4, timeframe_names(4 * HOUR_US))):
        assert lengths(base * HOUR_US) == [hours[names["higher"]] * HOUR_US, hours[names["highest"]] * HOUR_US]
