"""What earlier runs taught, as a run takes it: factors on the shares that new genomes are drawn with."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, field_validator

from common.events.frozen import Frozen
from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.features import FEATURES
from common.genome.genes import ALLELE_GENES

FACTOR_MIN, FACTOR_MAX = 0.25, 4.0
"""Nothing becomes impossible, and nothing certain."""
LESSONS_MAX = 512
"""The specification rides in every event."""
TEACHABLE: dict[str, tuple[str, ...]] = {
    gene.path: tuple(map(str, gene.alleles))
    for gene in ALLELE_GENES
    if gene.expressed and gene.chromosome not in ("features", "portfolio")
}
"""Genes that lessons may be about, with their alleles. An instrument is a place, not a lesson."""
QUESTIONS: tuple[str, ...] = tuple(condition.text for condition in CONDITIONS[:: len(TIMEFRAMES)])
"""Conditions on the bars themselves; a lesson about one holds on every timeframe."""
FEATURE_TEXTS: tuple[str, ...] = tuple(feature.text for feature in FEATURES)
Factor = Annotated[float, Field(ge=FACTOR_MIN, le=FACTOR_MAX)]


class Knowledge(Frozen):
    """`galapagos knowledge mine` makes it. 1 is what is known of everything that is left out."""

    alleles: dict[str, dict[str, Factor]] = Field(
        default_factory=dict, description="by gene and allele, as a genome's JSON writes them"
    )
    features: dict[str, Factor] = Field(default_factory=dict, description="of a condition, by the feature it looks at")
    conditions: dict[str, Factor] = Field(
        default_factory=dict, description="of single conditions, beside that of the feature"
    )
    judged: tuple[str, ...] = Field(
        default=(),
        description="digests of the bars whose validation was looked at for it: no run on these bars may take it",
    )

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.alleles or self.features or self.conditions)

    @field_validator("alleles")
    @classmethod
    def _known_alleles(cls, value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        _among(value, TEACHABLE, "a gene whose alleles can be taught")
        for path, factors in value.items():
            _among(factors, TEACHABLE[path], f"an allele of {path}")
        _few(sum(map(len, value.values())))
        return value

    @field_validator("features")
    @classmethod
    def _known_features(cls, value: dict[str, float]) -> dict[str, float]:
        _among(value, FEATURE_TEXTS, "a feature")
        return _counted(value)

    @field_validator("conditions")
    @classmethod
    def _known_conditions(cls, value: dict[str, float]) -> dict[str, float]:
        _among(value, QUESTIONS, "a condition that `galapagos seed conditions` lists, without timeframe")
        return _counted(value)


def _among(given: Iterable[str], known: Iterable[str], what: str) -> None:
    for name in sorted(set(given) - set(known)):
        raise ValueError(f"{name!r} is not {what}")


def _counted(value: dict[str, float]) -> dict[str, float]:
    _few(len(value))
    return value


def _few(count: int) -> None:
    if count > LESSONS_MAX:
        raise ValueError(f"{count} lessons; a run takes at most {LESSONS_MAX} of a kind")
