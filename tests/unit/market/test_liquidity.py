"""Volume in money and the draws of latency belong to their bar alone, or to the bars before it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, Philox
from scipy.stats import kstest

from common.market.bars import Bars
from common.market.liquidity import LATENCY_KEY, latency_draws, mean_quote_volume
from tests.unit.market.real import real_markets
from tests.unit.market.samples import constant, rescaled, walk

MARKETS = real_markets()


def from_bar(bars: Bars, first: int) -> Bars:
    rest = (column[first:] for column in (bars.ts_us, bars.open, bars.high, bars.low, bars.close, bars.volume))
    return Bars(bars.name, *rest, bars.bar_us)


@pytest.mark.parametrize("bars", [*MARKETS, walk(500, 3), walk(5, 4)], ids=lambda bars: bars.name)
def test_volume_in_money_is_the_mean_that_pandas_takes(bars: Bars) -> None:
    money = pd.Series(bars.volume * (bars.high + bars.low + bars.close) / 3)
    expected = money.rolling(20, min_periods=1).mean()
    np.testing.assert_allclose(mean_quote_volume(bars), expected, rtol=1e-10, atol=1e-6)


def test_a_feed_without_volume_has_none_and_a_huge_bar_leaves_nothing_behind() -> None:
    assert not mean_quote_volume(walk(100, 1, with_volume=False)).any()
    quiet = constant(60)
    volume = np.zeros(60)
    volume[5], volume[50] = 1e17, 1.0
    found = mean_quote_volume(Bars("x", quiet.ts_us, *[quiet.close] * 4, volume, quiet.bar_us))
    assert found[24] == 50 * 1e17 / 20
    assert not found[25:50].any()
    assert (found[50:] == 50 / 20).all()


def test_volume_in_money_scales_with_price_and_volume() -> None:
    bars = walk(200, 6)
    np.testing.assert_allclose(mean_quote_volume(rescaled(bars, 4.0, 8.0)), 32 * mean_quote_volume(bars))


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_what_comes_later_changes_neither(bars: Bars, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bars)))
    for measure in (mean_quote_volume, latency_draws):
        np.testing.assert_array_equal(measure(bars.until(cut)), measure(bars)[:cut])
    np.testing.assert_array_equal(latency_draws(from_bar(bars, cut)), latency_draws(bars)[cut:])


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20, unique=True))
@settings(max_examples=30, deadline=None)
def test_draws_are_those_of_the_philox_of_numpy(instants: list[int]) -> None:
    ts_us = np.array(sorted(instants), np.int64)
    price = np.ones(len(ts_us))
    found = latency_draws(Bars("x", ts_us, price, price, price, price, price, 1))
    for instant, draw in zip(ts_us, found, strict=True):
        counter = np.array([0, np.uint64(int(instant) % 2**64), 0, 0], np.uint64)
        random = Generator(Philox(counter=counter, key=np.array([LATENCY_KEY, 0], np.uint64))).random()
        assert draw == pytest.approx(-np.log1p(-random), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("bars", MARKETS, ids=lambda bars: bars.name)
def test_draws_are_exponential_with_mean_one_and_forget_the_one_before(bars: Bars) -> None:
    draws = latency_draws(bars)
    assert (draws >= 0).all()
    assert kstest(draws, "expon").pvalue > 1e-3
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 4 / len(draws) ** 0.5
