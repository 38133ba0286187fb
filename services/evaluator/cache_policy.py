"""Whether to ask the fitness cache: only where a lookup costs less than the evaluations it saves."""

from dataclasses import dataclass, replace

PROBE_COHORTS = 8
PERIOD_COHORTS = 512
"""Once in so many cohorts both ways are tried again: the first bypasses the cache, the others of the probe ask it."""
ROWS_MIN = 64
"""Smaller cohorts say little about what one genome costs."""
_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What has been measured, exponentially smoothed; None until it has been. It decides over time, never over results.

    ``lookup_us``: microseconds a genome to hash, ask, check and remember; ``evaluation_us``: to measure one;
    ``hit_rate``: share of the genomes asked for that needed no evaluation, repeats within their cohort included.
    """

    turn: int = 0
    lookup_us: float | None = None
    evaluation_us: float | None = None
    hit_rate: float | None = None

    @property
    def pays(self) -> bool:
        """Whether lookups have saved more time than they took; until that is known, that they may."""
        if self.lookup_us is None or self.evaluation_us is None or self.hit_rate is None:
            return True
        return self.hit_rate * self.evaluation_us > self.lookup_us

    @property
    def asks(self) -> bool:
        """Whether the next cohort asks the cache."""
        place = self.turn % PERIOD_COHORTS
        return place > 0 if place < PROBE_COHORTS else self.pays

    def next(self) -> "CachePolicy":
        """After the decision for one cohort."""
        return replace(self, turn=self.turn + 1)

    def evaluated(self, rows: int, seconds: float) -> "CachePolicy":
        """After so many evaluations."""
        if rows < ROWS_MIN:
            return self
        return replace(self, evaluation_us=_smooth(self.evaluation_us, seconds / rows * 1e6))

    def asked(self, rows: int, known: int, seconds: float) -> "CachePolicy":
        """After the cache was asked for ``rows`` genomes, of which ``known`` needed no evaluation."""
        if rows < ROWS_MIN:
            return self
        return replace(
            self,
            lookup_us=_smooth(self.lookup_us, seconds / rows * 1e6),
            hit_rate=_smooth(self.hit_rate, known / rows),
        )


def _smooth(old: float | None, new: float) -> float:
    return new if old is None else old + _WEIGHT * (new - old)
