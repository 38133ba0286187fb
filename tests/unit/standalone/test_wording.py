"""Words for conditions and trees: every condition has its own, and a tree reads as it is evaluated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.genome.conditions import CONDITIONS
from common.genome.slots import SLOT_TEXTS
from standalone.feature_words import HOUR_US, timeframe_names
from standalone.slot_words import slot_words
from standalone.wording import condition_words, tree_words

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


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ("zscore", "the 20-bar z-score of RSI(14)"),
        ("rank", "the rank among the 20 values before of RSI(14)"),
        ("difference", "the 20-bar change of RSI(14)"),
        ("log", "the logarithm of one plus the height above its 20-bar low of RSI(14)"),
        ("lag", "RSI(14)"),
        ("product", "the product of RSI(14) and trend strength, ADX(14) on weekly bars"),
        ("ratio", "the ratio of RSI(14) to trend strength, ADX(14) on weekly bars"),
        ("principal_component", "the first principal component of the momentum indicators"),
    ],
)
def test_engineered_features_are_told_with_their_sources(transform: str, words: str) -> None:
    sources = ["rsi(14)", "adx(14) @higher"][: 2 if transform in ("product", "ratio") else 1]
    genes = {"slot0_transform": transform, "slot0_window": 20, "slot0_lag": 0, "slot0_sources": sources}
    assert slot_words(genes, "slot0", 24 * HOUR_US) == words
    late = f"{words} as of 5 bars ago"
    assert slot_words(genes | {"slot0_lag": 5}, "slot0", 24 * HOUR_US) == late
    assert tree_words(["not", "slot0 > q80"], 24 * HOUR_US, genes) == (
        f"{words} is not in the top 20 % of its last 250 values"
    )


def test_every_question_to_a_slot_has_words_of_its_own() -> None:
    words = [tree_words(text) for text in SLOT_TEXTS]
    assert len(set(words)) == len(SLOT_TEXTS)
    assert words[-1] == "the engineered feature slot3 is below 0"


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
