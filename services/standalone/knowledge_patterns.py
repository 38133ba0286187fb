"""Patterns of genomes and how much more often success has them than a draw: alleles, features, questions, pairs.

Descent makes relatives alike whether it pays or not (hitchhiking). So islands, which breed apart, are the witnesses: a
lift is the mean over them of log(share among the successful / share drawn). It is believed as far as they agree, by
the part 1 - (threshold / mean)^2 of it that is positive (the garrote of L. Breiman, Technometrics 37, 1995), where the
threshold is sqrt(2 ln m) errors for m patterns: so many agree by chance (D. Donoho and I. Johnstone, Biometrika 81,
1994).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.events.knowledge import FACTOR_MAX, FACTOR_MIN, FEATURE_TEXTS, QUESTIONS, TEACHABLE
from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT
from common.genome.layout import Population
from common.genome.tree import CONDITION_BASE, TOKEN_LIMIT
from generator.tables import ALLELE_CUMULATIVE

PRIOR = 20.0
"""Draws that count as seen before anything was: of few genomes little is learnt."""
_POOLED = 12.0
"""Degrees of freedom that the usual disagreement counts for: a few witnesses may agree by chance."""
_FEATURE_OF = np.array([FEATURE_TEXTS.index(each.feature.text) for each in CONDITIONS[:: len(TIMEFRAMES)]])
_FIRST_OF = np.searchsorted(_FEATURE_OF, np.arange(len(FEATURE_TEXTS)))


class Pattern(NamedTuple):
    """``kind``: allele, feature or condition; ``of``: the gene, for alleles. ``usual``: share of a random genome."""

    kind: str
    of: str
    name: str
    usual: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each of m patterns was there, ``seen`` (m,), of so many chances, ``of`` (m,)."""

    seen: Floats
    of: Floats


@dataclass(frozen=True, slots=True)
class Lift:
    """Of m patterns: ``lift``, with ``low`` and ``high`` two errors away, and the ``factor`` that is believed."""

    lift: Floats
    low: Floats
    high: Floats
    factor: Floats


def _alleles() -> list[Pattern]:
    found = []
    for path, names in TEACHABLE.items():
        usual = np.diff(ALLELE_CUMULATIVE[ALLELE_SLOT[path], : len(names)], prepend=0.0)
        found += [Pattern("allele", path, name, float(share)) for name, share in zip(names, usual, strict=True)]
    return found


def _patterns() -> tuple[Pattern, ...]:
    asked = np.bincount(_FEATURE_OF, minlength=len(FEATURE_TEXTS)) / len(QUESTIONS)
    features = [Pattern("feature", "", text, float(share)) for text, share in zip(FEATURE_TEXTS, asked, strict=True)]
    # Of a condition, the share among those of its feature: what the feature is worth is told by itself.
    conditions = [
        Pattern("condition", FEATURE_TEXTS[feature], text, float(1.0 / (asked[feature] * len(QUESTIONS))))
        for text, feature in zip(QUESTIONS, _FEATURE_OF, strict=True)
    ]
    return (*_alleles(), *features, *conditions)


PATTERNS: tuple[Pattern, ...] = _patterns()
USUAL = np.array([pattern.usual for pattern in PATTERNS])
KINDS = np.array([pattern.kind for pattern in PATTERNS])
_GENES = [ALLELE_SLOT[path] for path in TEACHABLE]


def leaves(population: Population) -> npt.NDArray[np.bool_]:
    """Which questions each genome asks, on whatever timeframe, shape (n, questions)."""
    found = np.zeros((len(population), len(QUESTIONS)), np.bool_)
    tokens = population["trees"].reshape(len(population), -1).astype(np.int64)
    rows, places = np.nonzero((tokens >= CONDITION_BASE) & (tokens < TOKEN_LIMIT))
    found[rows, (tokens[rows, places] - CONDITION_BASE) // len(TIMEFRAMES)] = True
    return found


def _features_of(questions: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which features are asked, (n, features), from the questions (n, questions)."""
    return np.add.reduceat(questions, _FIRST_OF, axis=1) > 0


def asked_features(population: Population) -> list[list[str]]:
    """Names of the features that each genome asks, in the order of the table."""
    return [[FEATURE_TEXTS[feature] for feature in np.flatnonzero(row)] for row in _features_of(leaves(population))]


def count(population: Population) -> Counts:
    """The patterns of ``PATTERNS`` in a population (n,)."""
    seen: list[Floats] = []
    of: list[Floats] = []
    for slot in _GENES:
        size = len(ALLELE_GENES[slot].alleles)
        seen.append(np.bincount(population["alleles"][:, slot], minlength=size).astype(np.float64))
        of.append(np.full(size, float(len(population))))
    questions = leaves(population).sum(axis=0).astype(np.float64)
    features = np.bincount(_FEATURE_OF, questions, minlength=len(FEATURE_TEXTS)).astype(np.float64)
    seen += [features, questions]
    of += [np.full(len(features), questions.sum()), features[_FEATURE_OF]]
    return Counts(np.concatenate(seen), np.concatenate(of))


def lift(witnesses: list[Counts], usual: Floats = USUAL, kinds: npt.NDArray[np.str_] = KINDS) -> Lift:
    """What witnesses together say of patterns whose share in a draw is ``usual`` (m,); 1 where that is 0.

    Patterns of one of the ``kinds`` disagree about as much. One witness alone is not believed.

    A pattern that a witness had no chance to see counts there as seen as often as usual.
    """
    shares = np.where(usual > 0, usual, 1.0)
    seen = np.array([np.where(usual > 0, each.seen, each.of) for each in witnesses])
    chances = np.array([each.of for each in witnesses])
    logs = np.log((seen + PRIOR * shares) / ((chances + PRIOR) * shares))
    mean, count_of = logs.mean(axis=0), len(witnesses)
    if count_of < 2:
        unknown = np.full(len(mean), np.inf)
        return Lift(np.exp(mean), np.zeros(len(mean)), unknown, np.ones(len(mean)))
    variance = logs.var(axis=0, ddof=1)
    freedom = count_of - 1.0
    usually = np.empty(len(mean))
    for kind in np.unique(kinds):
        usually[kinds == kind] = np.median(variance[(kinds == kind) & (usual > 0)])
    moderated = (freedom * variance + _POOLED * usually) / (freedom + _POOLED)
    error = np.sqrt(np.maximum(variance, moderated) / count_of)
    threshold = error * math.sqrt(2.0 * math.log(len(mean)))
    telling = np.abs(mean) > threshold
    trust = np.where(telling, 1.0 - (threshold / np.where(telling, mean, np.inf)) ** 2, 0.0)
    factor = np.clip(np.exp(trust * mean), FACTOR_MIN, FACTOR_MAX)
    return Lift(np.exp(mean), np.exp(mean - 2 * error), np.exp(mean + 2 * error), factor)


def pairs(groups: list[Population], seen_min: int = 8) -> list[tuple[str, str, float, int]]:
    """Features that are asked together: names, lift over independence, and genomes with both, most telling first.

    Only what at least two groups have; the lift is the mean of logs over these.
    """
    together: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for population in groups:
        asked = _features_of(leaves(population)).astype(np.int64)
        both, alone = asked.T @ asked, asked.sum(axis=0)
        for one, other in np.argwhere(np.triu(both, 1) >= seen_min):
            ratio = both[one, other] * len(population) / (alone[one] * alone[other])
            together.setdefault((int(one), int(other)), []).append((float(ratio), int(both[one, other])))
    found = [
        (
            FEATURE_TEXTS[one],
            FEATURE_TEXTS[other],
            float(np.exp(np.mean([math.log(ratio) for ratio, _ in said]))),
            sum(number for _, number in said),
        )
        for (one, other), said in together.items()
        if len(said) >= min(2, len(groups))
    ]
    return sorted(found, key=lambda row: (-row[2] * math.log1p(row[3]), row[0], row[1]))
