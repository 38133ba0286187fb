"""How history is cut into training, validation, the vault and the paper stretch, in blocks or as a walk forward."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from common.errors import DataError
from common.market.bars import Bars

Span = tuple[int, int]
"""First bar and the bar after the last."""
Scheme = Literal["blocks", "rolling", "anchored"]
FOLD_BARS_MIN = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """Spans of bars of each window, in time order; between two windows lie bars that belong to none.

    In a walk forward training and validation take turns; ``scheme`` says which training counts as that of a step.
    """

    training: tuple[Span, ...]
    validation: tuple[Span, ...]
    vault: tuple[Span, ...]
    paper: Span
    scheme: Scheme = "blocks"

    @property
    def seen_stop(self) -> int:
        """The bar after the last one that breeding or its guard sees."""
        return max(stop for _, stop in (*self.training, *self.validation))

    @property
    def bred_stop(self) -> int:
        """The bar after the last one of training before the first of validation: up to here nothing judges a strategy.

        What is made of "the training bars" as one stretch (stress scenarios) ends here, in every scheme.
        """
        return max(stop for _, stop in self.training if stop <= self.validation[0][0])

    def sealed(self) -> "Cut":
        """This cut without the vault and what follows: who is handed it has no spans to read them by."""
        return replace(self, vault=(), paper=(self.seen_stop, self.seen_stop))


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
    scheme: Scheme = "blocks",
) -> Cut:
    """Cut ``bars`` bars by shares of what remains after warm-up and gaps; the paper stretch takes the rest.

    ``blocks``: the training folds, a gap, the validation folds. ``rolling`` and ``anchored``: ``training_folds`` steps
    of a training block, a gap and a validation block each, ``embargo_bars`` between two steps; ``validation_folds`` has
    no say. A gap is ``purge_bars + embargo_bars``. Every fold starts and ends flat, so no trade crosses a border; the
    purge removes bars whose outcome could reach over it and the embargo those whose features still see it (López de
    Prado, Advances in Financial Machine Learning, ch. 7). Raises DataError when a fold would be shorter than
    ``FOLD_BARS_MIN`` bars.
    """
    if training + validation + vault >= 1:
        raise DataError(
            f"windows: training {training:g} + validation {validation:g} + vault {vault:g} leave nothing "
            "for the paper stretch; make their sum less than 1"
        )
    gap = purge_bars + embargo_bars
    steps, pause = (1, 0) if scheme == "blocks" else (training_folds, embargo_bars)
    folds = (training_folds, validation_folds) if scheme == "blocks" else (1, 1)
    usable = bars - warmup_bars - (steps + 2) * gap - (steps - 1) * pause
    lengths = [
        _length(usable, share, count, bars, warmup_bars)
        for share, count in ((training, steps * folds[0]), (validation, steps * folds[1]), (vault, 1))
    ]
    train: list[Span] = []
    test: list[Span] = []
    first = warmup_bars
    for step in range(steps):
        train += _folds(first + pause * (step > 0), lengths[0], folds[0])
        test += _folds(train[-1][1] + gap, lengths[1], folds[1])
        first = test[-1][1]
    sealed = (first + gap, first + gap + lengths[2])
    return Cut(tuple(train), tuple(test), (sealed,), (sealed[1] + gap, bars), scheme)


def _length(usable: int, share: float, count: int, bars: int, warmup_bars: int) -> int:
    length = int(max(usable, 0) * share) // count
    if length < FOLD_BARS_MIN:
        raise DataError(
            f"data: {bars} bars give folds of {length} bars, {FOLD_BARS_MIN} are needed; "
            f"give more history, or fewer folds or warm-up bars (now {warmup_bars})"
        )
    return length


def _folds(first: int, length: int, count: int) -> list[Span]:
    return [(first + k * length, first + (k + 1) * length) for k in range(count)]


def check_sealed(series: Sequence[Bars], cuts: Sequence[Cut]) -> None:
    """Refuse windows of which one instrument's history before the vault overlaps another's from the vault on.

    Logic bred on one instrument can be read on the vault of another, so the seal is an instant, the same for all: the
    last bar that is seen has closed when the first bar of any vault opens. Raises DataError with the dates.
    """
    seen = [_close_us(bars, cut.seen_stop - 1) for bars, cut in zip(series, cuts, strict=True)]
    sealed = [int(bars.ts_us[cut.vault[0][0]]) for bars, cut in zip(series, cuts, strict=True)]
    last, first = int(np.argmax(seen)), int(np.argmin(sealed))
    if seen[last] > sealed[first]:
        until, since = (np.datetime64(moment, "us").astype("datetime64[m]") for moment in (seen[last], sealed[first]))
        raise DataError(
            f"data: {series[last].name} is bred and validated until {until}, but the vault of {series[first].name} "
            f"begins {since}; give series that cover the same dates, or run them one at a time"
        )


def _close_us(bars: Bars, bar: int) -> int:
    """When a bar that is not the last closes; months differ in length, so it is never after the next one's open."""
    return min(int(bars.ts_us[bar]) + bars.bar_us, int(bars.ts_us[bar + 1]))
