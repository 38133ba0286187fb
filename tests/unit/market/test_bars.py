"""Bars refuse what cannot be true, and know their length, their density and their content."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.defaults import default_bars
from common.market.synthetic import noise

SERIES = noise(3, 40)


def broken(field: str, bar: int, value: float) -> Bars:
    column = getattr(SERIES, field).copy()
    column[bar] = value
    return dataclasses.replace(SERIES, **{field: column})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("close", np.nan, "missing or not a number"),
        ("open", np.inf, "missing or not a number"),
        ("low", 0.0, "zero or negative"),
        ("low", -1.0, "zero or negative"),
        ("high", SERIES.low[7] / 2, "high is below low"),
        ("close", SERIES.high[7] * 1.01, "high is below open or close"),
        ("open", SERIES.low[7] * 0.99, "low is above open or close"),
        ("volume", -1.0, "volume"),
        ("volume", np.nan, "volume"),
        ("ts_us", SERIES.ts_us[6], "repeats"),
        ("ts_us", SERIES.ts_us[5], "backwards"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_with_its_place_and_reason(field: str, value: float, words: str) -> None:
    with pytest.raises(DataError, match=f"{words}.* first at 7 "):
        broken(field, 7, value)


def test_columns_of_other_lengths_or_types_are_refused() -> None:
    with pytest.raises(DataError, match="volume is float64"):
        dataclasses.replace(SERIES, volume=SERIES.volume[:-1])
    with pytest.raises(DataError, match="high is int64"):
        dataclasses.replace(SERIES, high=SERIES.high.astype(np.int64))
    with pytest.raises(DataError, match="bar_us"):
        dataclasses.replace(SERIES, bar_us=0)


def test_the_length_of_a_bar_is_the_usual_step_whatever_the_gaps() -> None:
    hours = np.array([0, 1, 2, 30, 31, 100]) * HOUR_US
    one = np.ones(6)
    assert Bars.make("x", hours, one, one, one, one, one).bar_us == HOUR_US
    with pytest.raises(DataError, match="at least two"):
        Bars.make("x", hours[:1], one[:1], one[:1], one[:1], one[:1], one[:1])


def test_a_year_of_the_default_markets_has_about_252_bars() -> None:
    for bars in default_bars():
        assert bars.bar_us == DAY_US
        assert bars.bars_per_year == pytest.approx(252, abs=1.5)


def test_a_single_bar_counts_as_if_the_market_never_closed() -> None:
    assert SERIES.until(1).bars_per_year == pytest.approx(365.25)


@given(st.integers(0, 40))
@settings(max_examples=20)
def test_the_beginning_of_bars_is_their_beginning(n: int) -> None:
    start = SERIES.until(n)
    assert len(start) == n
    assert start.bar_us == SERIES.bar_us
    np.testing.assert_array_equal(start.close, SERIES.close[:n])


def test_the_digest_tells_content_and_not_the_name() -> None:
    assert dataclasses.replace(SERIES, name="other").digest == SERIES.digest
    assert len(SERIES.digest) == 32
    others = [broken(field, 7, getattr(SERIES, field)[7] * 1.0000001) for field in ("open", "close", "volume")]
    others += [SERIES.until(39), dataclasses.replace(SERIES, bar_us=HOUR_US)]
    assert len({SERIES.digest, *(bars.digest for bars in others)}) == 6


def test_a_bad_bar_does_not_make_its_good_neighbour_look_late() -> None:
    ts_us, close = SERIES.ts_us.copy(), SERIES.close.copy()
    ts_us[7], close[7] = ts_us[30], np.nan  # a broken row that claims to be from the future
    with pytest.raises(DataError, match="missing or not a number in 1 bars, first at 7"):
        dataclasses.replace(SERIES, ts_us=ts_us, close=close)
