"""How history is cut into training folds, validation folds, the vault and the paper stretch."""

from dataclasses import dataclass

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
