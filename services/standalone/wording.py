"""Conditions and logic trees in plain words."""

from typing import Any

from common.genome.conditions import CONDITION_BY_TEXT, CONDITIONS, Condition
from common.genome.slots import SLOT_TOKEN_BY_TEXT
from standalone.feature_words import CANDLES, RATIOS, predicate_words, subject, timeframe_names
from standalone.slot_words import question_words


def _ratio(condition: Condition) -> str:
    left, right = (part.format(*condition.feature.parameters) for part in RATIOS[condition.feature.indicator.name])
    side = condition.predicate
    if condition.threshold == 1:
        return f"{left} is {side} {right}"
    return f"{left} is {'more' if side == 'above' else 'less'} than {condition.threshold:g} times {right}"


def _level(condition: Condition) -> str:
    name, above = condition.feature.indicator.name, condition.predicate == "above"
    if name in RATIOS:
        return _ratio(condition)
    if name.startswith("cdl"):
        pattern = CANDLES.get(name[3:], name[3:])
        return f"a {'bullish' if above else 'bearish'} {pattern} candle pattern is complete"
    if name == "up_streak" and condition.threshold != 0:
        return f"the close has {'risen' if above else 'fallen'} more than {abs(condition.threshold):g} bars in a row"
    if name == "ht_trendmode":
        return "the Hilbert transform is in trend mode"
    return f"{subject(condition.feature)} is {'above' if above else 'below'} {condition.threshold:g}"


def condition_words(condition: Condition, bar_us: int | None = None) -> str:
    """One condition as a clause.

    >>> condition_words(CONDITIONS[CONDITION_BY_TEXT["rsi(2) < 10"]])
    'RSI(2) is below 10'
    """
    match condition.predicate:
        case "above" | "below":
            words = _level(condition)
        case predicate:
            words = f"{subject(condition.feature)} is {predicate_words(predicate, condition.threshold)}"
    name = timeframe_names(bar_us)[condition.timeframe]
    return f"on {name} bars, {words}" if name else words


def tree_words(tree: Any, bar_us: int | None = None, features: dict[str, Any] | None = None) -> str:
    """A logic tree in its JSON form as one clause; compound parts stand in brackets.

    ``features``: that chromosome of the same genome, which says what its slots are.

    >>> tree_words(["and", "rsi(2) < 10", ["not", "close/sma(200) > 1"]])
    'RSI(2) is below 10 and the close is not above its 200-bar simple average'
    """
    if tree is None:
        return "never"
    if isinstance(tree, str) and tree in SLOT_TOKEN_BY_TEXT:
        return question_words(tree, features, bar_us)
    if isinstance(tree, str):
        return condition_words(CONDITIONS[CONDITION_BY_TEXT[tree]], bar_us)
    operator, operands = tree[0], tree[1:]
    if operator in ("and", "or"):
        return f" {operator} ".join(_part(operand, operator, bar_us, features) for operand in operands)
    if operator == "xor":
        first, second = (_part(operand, operator, bar_us, features) for operand in operands)
        return f"either {first}, or {second}, but not both"
    inner = _part(operands[0], operator, bar_us, features)
    if operator == "not":
        simple = isinstance(operands[0], str) and " is " in inner
        return inner.replace(" is ", " is not ", 1) if simple else f"it is not so that {inner}"
    if operator == "crossed":
        return f"{inner}, but not so one bar earlier"
    kind, bars = operator.split("_")
    return f"{inner}, on {'at least one' if kind == 'within' else 'each'} of the last {bars} bars"


def _part(operand: Any, parent: str, bar_us: int | None, features: dict[str, Any] | None) -> str:
    words = tree_words(operand, bar_us, features)
    plain = isinstance(operand, str) or operand[0] == parent or (operand[0] == "not" and isinstance(operand[1], str))
    return words if plain else f"({words})"
