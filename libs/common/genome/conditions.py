"""The finite table of primitive conditions: a feature, a predicate and a timeframe, each one bitmap over bars.

Position c is the ``c // 3``-th predicate, feature by feature, on timeframe ``c % 3``: features that are appended append
conditions and move none. Predicates and timeframes are fixed for one ``GENOME_VERSION``.
"""

from dataclasses import dataclass
from typing import Literal

from common.genome.features import FEATURES, Feature

Predicate = Literal["above", "below", "above_quantile", "below_quantile", "rising", "falling"]
TIMEFRAMES: tuple[str, ...] = ("base", "higher", "highest")
"""The bar itself and the two next coarser ones: hours, four hours, days; or days, weeks, months."""
QUANTILES_LOW: tuple[float, ...] = (0.05, 0.1, 0.2, 0.35)
QUANTILES_HIGH: tuple[float, ...] = (0.65, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Condition:
    """``feature predicate threshold`` on one timeframe; ``text`` is its name in JSON and for people.

    A quantile is causal: the share of the feature's last 250 values (of its timeframe) that lie below the current one.
    """

    feature: Feature
    predicate: Predicate
    threshold: float
    timeframe: str

    @property
    def text(self) -> str:
        """
        >>> CONDITIONS[0].text
        'close/sma(5) > 1'
        """
        suffix = "" if self.timeframe == "base" else f" @{self.timeframe}"
        number = f"{self.threshold:g}"
        match self.predicate:
            case "above":
                middle = f"> {number}"
            case "below":
                middle = f"< {number}"
            case "above_quantile":
                middle = f"> q{self.threshold * 100:g}"
            case "below_quantile":
                middle = f"< q{self.threshold * 100:g}"
            case _:
                middle = self.predicate
        return f"{self.feature.text} {middle}{suffix}"


def _of_feature(feature: Feature) -> list[tuple[Predicate, float]]:
    """Its predicates with their thresholds, in order."""
    indicator = feature.indicator
    split = indicator.centre if indicator.centre is not None else 0.0
    found: list[tuple[Predicate, float]] = []
    if indicator.centre is not None:
        found.append(("above", split))
    for level in indicator.levels:
        found.append(("below" if level < split else "above", level))
    if indicator.group != "candle":
        found += [("below_quantile", q) for q in QUANTILES_LOW]
        found += [("above_quantile", q) for q in QUANTILES_HIGH]
        found += [("rising", 0.0), ("falling", 0.0)]
    return found


CONDITIONS: tuple[Condition, ...] = tuple(
    Condition(feature, predicate, threshold, timeframe)
    for feature in FEATURES
    for predicate, threshold in _of_feature(feature)
    for timeframe in TIMEFRAMES
)
CONDITION_BY_TEXT: dict[str, int] = {condition.text: index for index, condition in enumerate(CONDITIONS)}
