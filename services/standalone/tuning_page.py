"""What a tuning found, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

_VERDICTS = {
    "better": "The tuned settings are better than the default there.",
    "worse": "The tuned settings are worse than the default there: keep the default.",
    "nothing": "The interval holds zero: the tuning added nothing that can be told from chance. Keep the default.",
    "default": "No trial was better than the default, so there is nothing to judge. Keep the default.",
}


def sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """For people; ``found`` is what a tuning returns."""
    training, judged = found["training"], found["held_out"]
    yield (
        f"{found['trials']} trials, {found['pruned']} of them stopped early, on {_names(training)}; "
        f"every run measured {found['genomes_per_run']:,} genomes, {_genomes(found):,} in all."
    )
    yield f"In training: default {training['default']:+.3f}, best trial {training['tuned']:+.3f}, which flatters it."
    if judged:
        yield (
            f"Held out, on {_names(judged)} with {judged['seeds']} seeds: default {judged['default']:+.3f}, "
            f"tuned {judged['tuned']:+.3f}; added {judged['added']:+.3f}, "
            f"95 % interval {judged['low']:+.3f} to {judged['high']:+.3f}."
        )
        if judged["looks"] > 1:
            yield f"These markets have judged {judged['looks']} tunings; the interval does not know that."
    yield _VERDICTS[found["verdict"]]
    yield "All figures are mean z of the validation returns of elites, detrended; the genomes count as trials."


def _names(part: Mapping[str, Any]) -> str:
    return ", ".join(market["name"] for market in part["markets"])


def _genomes(found: Mapping[str, Any]) -> int:
    parts = [found["training"], *([found["held_out"]] if found["held_out"] else [])]
    return sum(market["genomes_evaluated"] for part in parts for market in part["markets"])
