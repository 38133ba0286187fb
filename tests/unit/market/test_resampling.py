"""Coarser bars agree with pandas, and a group is complete only once nobody can add to it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.defaults import default_bars
from common.market.resampling import resample
from tests.unit.market.real import needs_files, shared

HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def by_pandas(bars: Bars, rule: str) -> pd.DataFrame:
    frame = pd.DataFrame({field: getattr(bars, field) for field in HOW}, index=bars.ts_us.astype("datetime64[us]"))
    coarse = frame.resample(rule, label="left", closed="left").agg(HOW)
    return coarse[coarse["open"].notna()]


def expect_equal(bars: Bars, step: str, rule: str) -> None:
    mine, theirs = resample(bars, step), by_pandas(bars, rule)
    np.testing.assert_array_equal(mine.ts_us, theirs.index.astype("datetime64[us]").astype(np.int64))
    for field in HOW:
        np.testing.assert_allclose(getattr(mine, field), theirs[field], rtol=1e-13)


@pytest.mark.parametrize(("step", "rule"), [("1w", "W-MON"), ("1mo", "MS"), ("3mo", "QS"), ("1d", "1D")])
def test_daily_bars_become_the_bars_of_pandas(step: str, rule: str) -> None:
    expect_equal(default_bars()[0], step, rule)


@needs_files
@pytest.mark.parametrize("name", ["BTCUSDT-1h", "SPY-1h"])
@pytest.mark.parametrize(("step", "rule"), [("4h", "4h"), ("1d", "1D"), ("1w", "W-MON"), ("1mo", "MS"), ("60m", "1h")])
def test_hourly_bars_become_the_bars_of_pandas(name: str, step: str, rule: str) -> None:
    expect_equal(shared(name), step, rule)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=60), st.sampled_from(["1d", "4h", "7h", "90m"]))
@settings(max_examples=50, deadline=None)
def test_every_base_bar_goes_into_exactly_one_group(steps: list[int], step: str) -> None:
    ts_us = np.cumsum(steps) * 15 * 60_000_000
    price = 1.0 + np.arange(len(ts_us))
    bars = Bars("x", ts_us, price, price, price, price, np.ones(len(ts_us)), 15 * 60_000_000)
    coarse = resample(bars, step)
    assert coarse.volume.sum() == len(bars)
    assert coarse.open[0] == price[0]
    assert coarse.close[-1] == price[-1]
    assert (np.diff(coarse.ts_us) % coarse.bar_us == 0).all()


@pytest.mark.parametrize("step", ["", "h", "0h", "1y", "-1d", "1.5h", "4H", "1 d", "99999d"])
def test_a_step_that_is_no_length_is_refused(step: str) -> None:
    with pytest.raises(DataError, match="is not a length"):
        resample(default_bars()[0], step)


def test_a_step_shorter_than_the_bars_is_refused() -> None:
    with pytest.raises(DataError, match="shorter than the bars"):
        resample(default_bars()[0], "4h")


def test_names_and_lengths_tell_the_step() -> None:
    weekly = resample(default_bars()[1], "1w")
    assert weekly.name == "NASDAQ@1w"
    assert weekly.bar_us == 7 * DAY_US
    assert resample(weekly, "1mo").bar_us > 4 * 7 * DAY_US > HOUR_US
