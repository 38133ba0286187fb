"""Engineered features in plain words."""

from typing import Any

from common.genome.features import FEATURES, Feature
from common.genome.slots import SLOT_PREDICATES, SLOT_TEXTS
from standalone.feature_words import predicate_words, subject, timeframe_names

_PREDICATE_BY_TEXT = {
    text: (f"slot{index // len(SLOT_PREDICATES)}", *SLOT_PREDICATES[index % len(SLOT_PREDICATES)])
    for index, text in enumerate(SLOT_TEXTS)
}
_FEATURE_BY_TEXT = {feature.text: feature for feature in FEATURES}


def question_words(text: str, features: dict[str, Any] | None, bar_us: int | None) -> str:
    """A question to a slot as a clause; ``features`` is that chromosome of the JSON form (None: not known).

    >>> question_words("slot0 > 0", {"slot0_transform": "zscore", "slot0_window": 20, "slot0_lag": 0,
    ...                              "slot0_sources": ["rsi(14)"]}, None)
    'the 20-bar z-score of RSI(14) is above 0'
    """
    slot, predicate, threshold = _PREDICATE_BY_TEXT[text]
    what = f"the engineered feature {slot}" if features is None else slot_words(features, slot, bar_us)
    if predicate in ("above", "below"):
        return f"{what} is {predicate} {threshold:g}"
    return f"{what} is {predicate_words(predicate, threshold)}"


def slot_words(features: dict[str, Any], slot: str, bar_us: int | None) -> str:
    """The series of a slot as a noun."""
    window, lag = features[f"{slot}_window"], features[f"{slot}_lag"]
    sources = [_source(text, bar_us) for text in features[f"{slot}_sources"]]
    match features[f"{slot}_transform"]:
        case "zscore":
            words = f"the {window}-bar z-score of {sources[0]}"
        case "rank":
            words = f"the rank among the {window} values before of {sources[0]}"
        case "difference":
            words = f"the {window}-bar change of {sources[0]}"
        case "log":
            words = f"the logarithm of one plus the height above its {window}-bar low of {sources[0]}"
        case "product":
            words = f"the product of {sources[0]} and {sources[1]}"
        case "ratio":
            words = f"the ratio of {sources[0]} to {sources[1]}"
        case "principal_component":
            feature, timeframe = _parts(features[f"{slot}_sources"][0])
            words = f"the first principal component of the {feature.indicator.group} indicators"
            words += _on(timeframe, bar_us)
        case _:
            words = sources[0]
    return f"{words} as of {lag} bar{'s' if lag > 1 else ''} ago" if lag else words


def _parts(text: str) -> tuple[Feature, str]:
    name, _, timeframe = text.partition(" @")
    return _FEATURE_BY_TEXT[name], timeframe or "base"


def _source(text: str, bar_us: int | None) -> str:
    feature, timeframe = _parts(text)
    return subject(feature).rstrip(",") + _on(timeframe, bar_us)


def _on(timeframe: str, bar_us: int | None) -> str:
    name = timeframe_names(bar_us)[timeframe]
    return f" on {name} bars" if name else ""
