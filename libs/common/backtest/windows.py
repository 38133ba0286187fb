"""How history is cut into training folds, validation folds, the vault and the paper stretch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.errors import DataError

Span = tuple[int, int]
"""First bar and the bar after the last."""
FOLD_BARS_MIN = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """Spans of bars in time order; between two windows lie purged and embargoed bars that belong to none."""

    training: tuple[Span, ...]
    validation: tuple[Span, ...]
    vault: tuple[Span, ...]
    paper: Span


def cut(
    bars: int,
    warmup_bars: int,
    training: float,
    validation: float,
    vault: float,
    training_folds: int,
    validation_folds: int,
    purge_bars: int,
    embargo_bars: int,
) -> Cut:
    """Cut ``bars`` bars by shares of what remains after warm-up and gaps; the paper stretch takes the rest.

    Every fold starts and ends flat, so no trade crosses a border; the purge removes bars whose outcome could reach
    over it and the embargo those whose features still see it (López de Prado, Advances in Financial Machine Learning,
    ch. 7). Raises DataError when a fold would be shorter than ``FOLD_BARS_MIN`` bars.
    """
    if training + validation + vault >= 1:
        raise DataError(
            f"windows: training {training:g} + validation {validation:g} + vault {vault:g} leave nothing "
            "for the paper stretch; make their sum less than 1"
        )
    gap = purge_bars + embargo_bars
    usable = bars - warmup_bars - 3 * gap
    first = warmup_bars
    spans: list[tuple[Span, ...]] = []
    for share, folds in ((training, training_folds), (validation, validation_folds), (vault, 1)):
        length = int(max(usable, 0) * share) // folds
        if length < FOLD_BARS_MIN:
            raise DataError(
                f"data: {bars} bars give folds of {length} bars, {FOLD_BARS_MIN} are needed; "
                f"give more history, or fewer warm-up bars (now {warmup_bars})"
            )
        spans.append(tuple((first + k * length, first + (k + 1) * length) for k in range(folds)))
        first += folds * length + gap
    return Cut(spans[0], spans[1], spans[2], (first, bars))


def check_sealed(names: Sequence[str], times: Sequence[npt.NDArray[np.int64]], cuts: Sequence[Cut]) -> None:
    """Refuse windows of which one instrument's history before the vault overlaps another's from the vault on.

    ``times`` (bars,) per instrument, microseconds since 1970. Logic bred on one instrument can be read on the vault of
    another, so the seal is a date, the same for all. Raises DataError with the dates.
    """
    seen = [int(clock[cut.validation[-1][1] - 1]) for clock, cut in zip(times, cuts, strict=True)]
    sealed = [int(clock[cut.vault[0][0]]) for clock, cut in zip(times, cuts, strict=True)]
    last, first = int(np.argmax(seen)), int(np.argmin(sealed))
    if seen[last] >= sealed[first]:
        until, since = (np.datetime64(moment, "us").astype("datetime64[D]") for moment in (seen[last], sealed[first]))
        raise DataError(
            f"data: {names[last]} is bred and validated until {until}, but the vault of {names[first]} begins {since}; "
            "give series that cover the same dates, or run them one at a time"
        )
