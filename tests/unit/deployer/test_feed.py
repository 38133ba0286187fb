"""The feed: appends what is new, drops what is known, and refuses what cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from deployer.feed import PRICES, extend, joined, none_yet
from tests.unit.market.samples import walk

ALL = walk(90, 4)
HISTORY = ALL.until(50)


def columns(start: int, stop: int) -> dict[str, list[float]]:
    return {name: getattr(ALL, name)[start:stop].tolist() for name in PRICES}


def extended(received, start: int, stop: int):
    return extend(HISTORY, received, ALL.ts_us[start:stop].tolist(), columns(start, stop))


@given(borders=st.lists(st.integers(51, 90), min_size=1), again=st.integers(0, 50))
@settings(max_examples=40)
def test_overlapping_and_repeated_batches_make_the_series(borders, again):
    received, reached = none_yet(), 50
    for border in [*borders, 90]:
        received = extended(received, min(max(0, reached - again), border - 1), border)
        reached = max(reached, border)
    series = joined(HISTORY, received)
    assert series.digest == ALL.digest
    assert (series.name, series.bar_us) == (ALL.name, ALL.bar_us)


def test_a_known_bar_keeps_its_first_value():
    received = extended(none_yet(), 50, 60)
    changed = {name: [2 * value for value in values] for name, values in columns(55, 65).items()}
    received = extend(HISTORY, received, ALL.ts_us[55:65].tolist(), changed)
    assert received["close"].tolist() == [*ALL.close[50:60], *(2 * ALL.close[60:65])]


@pytest.mark.parametrize("start", [0, 55])
def test_an_unknown_bar_older_than_the_last_one_is_refused(start):
    received = np.delete(extended(none_yet(), 50, 70), 7)
    history = replace(HISTORY, **{name: getattr(HISTORY, name)[5:] for name in ("ts_us", *PRICES)})
    with pytest.raises(DataError, match="older than the last one known"):
        extend(history, received, ALL.ts_us[start:75].tolist(), columns(start, 75))


def _swapped(times: list[int], _: dict[str, list[float]]) -> None:
    times[3], times[4] = times[4], times[3]


def _repeated(times: list[int], _: dict[str, list[float]]) -> None:
    times[3] = times[4]


def _late_century(times: list[int], _: dict[str, list[float]]) -> None:
    times[-1] = 2**70


def _short(_: list[int], prices: dict[str, list[float]]) -> None:
    prices["low"].pop()


def _free(_: list[int], prices: dict[str, list[float]]) -> None:
    prices["low"][2] = 0.0


def _high_below_low(_: list[int], prices: dict[str, list[float]]) -> None:
    prices["high"][2] = prices["low"][2] / 2


@pytest.mark.parametrize("spoil", [_swapped, _repeated, _late_century, _short, _free, _high_below_low])
def test_bars_that_cannot_be_are_refused(spoil):
    times, prices = ALL.ts_us[50:60].tolist(), columns(50, 60)
    spoil(times, prices)
    with pytest.raises(DataError, match="bars walk: "):
        extend(HISTORY, none_yet(), times, prices)


def test_an_empty_batch_adds_nothing():
    assert len(extended(none_yet(), 50, 50)) == 0
