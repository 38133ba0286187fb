"""Every bit of the condition bank is the condition in words, known at that bar, in any order and on any thread."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.conditions import CONDITION_BY_TEXT, CONDITIONS, TIMEFRAMES, Condition
from common.genome.features import FEATURES
from common.market.bank import Bank, build_bank
from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.defaults import default_bars
from common.market.indicators import feature_series
from common.market.quantile import quantile_rank
from common.market.timeframes import Coarse, coarser
from tests.unit.market.samples import constant, walk


def _truth(condition: Condition, view: Coarse) -> np.ndarray:
    """The condition as its words say it, through pandas and without bitmaps."""
    values = pd.Series(feature_series(condition.feature, view.bars))
    match condition.predicate:
        case "above":
            holds = values > condition.threshold
        case "below":
            holds = values < condition.threshold
        case "above_quantile":
            holds = pd.Series(quantile_rank(values.to_numpy())) > condition.threshold
        case "below_quantile":
            holds = pd.Series(quantile_rank(values.to_numpy())) < condition.threshold
        case "rising":
            holds = values > values.shift()
        case "falling":
            holds = values < values.shift()
    on_coarse_bars = holds.tolist()
    return np.array([known >= 0 and on_coarse_bars[known] for known in view.known.tolist()])


def _views(bars: Bars) -> dict[str, Coarse]:
    return dict(zip(TIMEFRAMES, (Coarse(bars, np.arange(len(bars), dtype=np.int32)), *coarser(bars)), strict=True))


def condition_bits(bank: Bank, index: int) -> np.ndarray:
    """One condition of the bank as truth per bar, (bars,)."""
    little = bank.words[index].astype("<u8").view(np.uint8)
    return np.unpackbits(little, count=bank.bars, bitorder="little").astype(np.bool_)


@pytest.mark.parametrize("bar_us", [HOUR_US, DAY_US])
def test_every_bit_is_the_condition_in_words(bar_us: int) -> None:
    bars = walk(2000, seed=9, bar_us=bar_us)
    bank, views = build_bank(bars), _views(bars)
    assert bank.words.shape == (len(CONDITIONS), 32)
    for index in range(0, len(CONDITIONS), 13):  # 13 shares no factor with the 30 or 33 conditions of a usual feature
        condition = CONDITIONS[index]
        expected = _truth(condition, views[condition.timeframe])
        np.testing.assert_array_equal(condition_bits(bank, index), expected, err_msg=condition.text)


def test_a_classical_condition_on_real_bars() -> None:
    bars = default_bars()[0]
    index = CONDITION_BY_TEXT["close/sma(200) > 1"]
    close = pd.Series(bars.close)
    expected = close > close.rolling(200).mean()
    np.testing.assert_array_equal(condition_bits(build_bank(bars, [index]), index), expected)


def test_a_weekly_condition_changes_only_when_a_week_is_complete() -> None:
    bars = default_bars()[0]
    index = CONDITION_BY_TEXT["close/sma(10) > 1 @higher"]
    changes = np.flatnonzero(np.diff(condition_bits(build_bank(bars, [index]), index))) + 1
    new_week = np.flatnonzero(np.diff((bars.ts_us + 3 * DAY_US) // (7 * DAY_US))) + 1
    assert len(changes) > 50
    assert set(changes) <= set(new_week)


@given(st.integers(1, 900), st.integers(0, 2**32 - 1), st.sampled_from([HOUR_US, DAY_US]), st.booleans())
@settings(max_examples=10, deadline=None)
def test_truncating_the_future_changes_no_bit_before_it(kept: int, seed: int, bar_us: int, with_volume: bool) -> None:
    bars = walk(900, seed, bar_us=bar_us, with_volume=with_volume)
    full, cut = build_bank(bars), build_bank(bars.until(kept))
    words = -(-kept // 64)
    expected = full.words[:, :words].copy()
    expected[:, -1] &= np.uint64((1 << ((kept - 1) % 64 + 1)) - 1)
    np.testing.assert_array_equal(cut.words, expected)


@given(st.lists(st.integers(0, len(CONDITIONS) - 1), max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_wanted_rows_are_those_of_the_full_bank_and_the_others_empty(wanted: list[int], seed: int) -> None:
    bars = walk(300, seed)
    full, part = build_bank(bars), build_bank(bars, wanted)
    np.testing.assert_array_equal(part.words[wanted], full.words[wanted])
    assert not np.delete(part.words, wanted, axis=0).any()


def test_threads_change_nothing() -> None:
    bars = walk(1500, seed=1)
    np.testing.assert_array_equal(build_bank(bars, threads=3).words, build_bank(bars).words)


def test_bits_past_the_last_bar_are_zero() -> None:
    bank = build_bank(walk(965, seed=6))
    assert not (bank.words[:, -1] >> np.uint64(965 % 64)).any()


@pytest.mark.parametrize("bars", [constant(1000), constant(1000, volume=3.0)])
def test_a_price_that_never_moves_meets_no_quantile_and_no_direction(bars: Bars) -> None:
    bank = build_bank(bars)
    for index, condition in enumerate(CONDITIONS):
        # The Hilbert transform's filters start at zero and take some hundred bars to settle on any price.
        if condition.predicate not in ("above", "below") and not condition.feature.text.startswith("ht_"):
            assert not condition_bits(bank, index)[300:].any(), condition.text


def test_without_volume_no_volume_condition_holds() -> None:
    bank = build_bank(walk(800, seed=8, with_volume=False))
    about_volume = {f.text for f in FEATURES if f.indicator.group == "volume" or f.indicator.name == "mfi"}
    rows = [index for index, condition in enumerate(CONDITIONS) if condition.feature.text in about_volume]
    assert len(rows) > 200
    assert not bank.words[rows].any()


def test_most_conditions_hold_sometimes_and_not_always() -> None:
    bars = default_bars()[0]
    bank = build_bank(bars)
    held = np.bitwise_count(bank.words).sum(axis=1)
    assert (held > 0).mean() > 0.95
    assert (held < len(bars)).all()


@pytest.mark.parametrize("wanted", [[-1], [0, len(CONDITIONS)]])
def test_a_position_outside_the_table_is_refused(wanted: list[int]) -> None:
    with pytest.raises(IndexError, match=f"0 to {len(CONDITIONS) - 1}"):
        build_bank(walk(100, seed=1), wanted)


def test_bits_are_little_end_first() -> None:
    bank = Bank(np.array([[0b101, 1 << 5]], dtype=np.uint64), bars=70)
    assert np.flatnonzero(condition_bits(bank, 0)).tolist() == [0, 2, 69]
