"""Engineered features: what a slot may look at, what a tree may ask of it, and the tokens and texts of both.

A slot has a transform, a window, a lag (alleles of chromosome ``features``) and two sources. A source is a feature on
a timeframe, at position ``feature * 3 + timeframe``; trees ask the twelve questions of ``SLOT_PREDICATES``.
"""

from typing import Literal

import numpy as np

from common.genome.conditions import QUANTILES_HIGH, QUANTILES_LOW, TIMEFRAMES
from common.genome.features import FEATURES
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT

SLOTS = 4
SlotPredicate = Literal["below_quantile", "above_quantile", "rising", "falling", "above", "below"]
SLOT_PREDICATES: tuple[tuple[SlotPredicate, float], ...] = (
    *(("below_quantile", q) for q in QUANTILES_LOW),
    *(("above_quantile", q) for q in QUANTILES_HIGH),
    ("rising", 0.0),
    ("falling", 0.0),
    ("above", 0.0),
    ("below", 0.0),
)
PREDICATES = len(SLOT_PREDICATES)
SLOT_BASE = (1 << 16) - SLOTS * PREDICATES
"""Tokens from here on ask predicate ``(token - SLOT_BASE) % PREDICATES`` of slot ``(token - SLOT_BASE) // PREDICATES``:
the top of the range, so that conditions can be appended below."""

SOURCES = len(FEATURES) * len(TIMEFRAMES)
SOURCE_TEXTS: tuple[str, ...] = tuple(
    feature.text if timeframe == "base" else f"{feature.text} @{timeframe}"
    for feature in FEATURES
    for timeframe in TIMEFRAMES
)
SOURCE_BY_TEXT: dict[str, int] = {text: source for source, text in enumerate(SOURCE_TEXTS)}

TRANSFORM_SLOT = ALLELE_SLOT["features.slot0_transform"]
"""Transform, window and lag of slot k stand at ``TRANSFORM_SLOT + 3 * k`` and the two places after it."""
SLOT_ALLELES = 3
TRANSFORMS: tuple[str, ...] = tuple(map(str, ALLELE_GENES[TRANSFORM_SLOT].alleles))
NO_TRANSFORM = TRANSFORMS.index("none")
OPERANDS = np.array([{"none": 0, "product": 2, "ratio": 2}.get(name, 1) for name in TRANSFORMS])
"""How many sources each transform reads; those that it does not read are 0, so that equal slots have equal bytes."""
TRANSFORM_GENES = np.arange(SLOTS) * SLOT_ALLELES + TRANSFORM_SLOT


def _text(slot: int, predicate: SlotPredicate, threshold: float) -> str:
    match predicate:
        case "above_quantile":
            return f"slot{slot} > q{threshold * 100:g}"
        case "below_quantile":
            return f"slot{slot} < q{threshold * 100:g}"
        case "above":
            return f"slot{slot} > {threshold:g}"
        case "below":
            return f"slot{slot} < {threshold:g}"
        case _:
            return f"slot{slot} {predicate}"


SLOT_TEXTS: tuple[str, ...] = tuple(
    _text(slot, predicate, threshold) for slot in range(SLOTS) for predicate, threshold in SLOT_PREDICATES
)
"""Text of token ``SLOT_BASE + index``, as JSON and people write it: ``slot0 > q80``, ``slot2 rising``."""
SLOT_TOKEN_BY_TEXT: dict[str, int] = {text: SLOT_BASE + index for index, text in enumerate(SLOT_TEXTS)}
