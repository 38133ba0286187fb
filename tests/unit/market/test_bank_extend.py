"""A bank that is extended by new bars is the bank of all bars, bit by bit, wherever the old bars ended."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.genome.conditions import CONDITIONS
from common.genome.features import FEATURES
from common.market.bank import Bank, build_bank, extend
from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.indicators import feature_series
from common.market.timeframes import coarser
from tests.unit.market.real import real_markets
from tests.unit.market.samples import walk

REAL = [market.until(9000) for market in real_markets()]
FULL = [build_bank(market) for market in REAL]


@given(
    st.integers(0, 900),
    st.integers(1, 900),
    st.integers(0, 2**32 - 1),
    st.sampled_from([HOUR_US, 4 * HOUR_US, DAY_US, 3 * HOUR_US]),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_an_extended_bank_is_the_bank_of_all_bars(
    old: int, new: int, seed: int, bar_us: int, with_volume: bool
) -> None:
    bars = walk(max(old, new), seed, bar_us=bar_us, with_volume=with_volume)
    early = bars.until(min(old, new))
    extended = extend(build_bank(early), early, bars)
    assert extended.bars == len(bars)
    np.testing.assert_array_equal(extended.words, build_bank(bars).words)


@pytest.mark.parametrize("market", range(len(REAL)))
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_on_real_bars_too(market: int, data: st.DataObject) -> None:
    bars = REAL[market]
    early = bars.until(data.draw(st.one_of(st.integers(0, len(bars)), st.integers(len(bars) - 200, len(bars)))))
    extended = extend(build_bank(early), early, bars, threads=2)
    np.testing.assert_array_equal(extended.words, FULL[market].words)


def test_bar_by_bar_over_words_days_and_weeks() -> None:
    bars = REAL[-1].until(1200)
    bank = build_bank(bars.until(1000))
    for count in range(1001, 1200):
        bank = extend(bank, bars.until(count - 1), bars.until(count))
    np.testing.assert_array_equal(bank.words, build_bank(bars.until(1199)).words)


@pytest.mark.parametrize("bars", REAL, ids=lambda bars: bars.name)
def test_no_indicator_on_any_timeframe_depends_on_what_comes_later(bars: Bars) -> None:
    """To the last bit of the number: this is what an extension rests on, bits of the bank show it only by luck."""
    for view in (bars, *(coarse.bars for coarse in coarser(bars))):
        for feature in FEATURES:
            full = feature_series(feature, view)
            for kept in {len(view) - 1, len(view) - 7, len(view) * 2 // 3, len(view) // 2 + 1}:
                early = feature_series(feature, view.until(kept))
                np.testing.assert_array_equal(early, full[:kept], err_msg=f"{feature.text} {view.name} {kept}")


@given(st.lists(st.integers(0, len(CONDITIONS) - 1), max_size=12), st.integers(0, 300))
@settings(max_examples=15, deadline=None)
def test_a_bank_of_some_conditions_is_extended_in_these(wanted: list[int], old: int) -> None:
    bars = walk(300, seed=5)
    extended = extend(build_bank(bars.until(old), wanted), bars.until(old), bars, wanted)
    np.testing.assert_array_equal(extended.words, build_bank(bars, wanted).words)


def test_the_old_bank_stays_as_it_is() -> None:
    bars = walk(300, seed=5)
    old = build_bank(bars.until(100))
    before = old.words.copy()
    extend(old, bars.until(100), bars)
    np.testing.assert_array_equal(old.words, before)


def _revised(bars: Bars, field: str) -> Bars:
    """The same bars but for one early number."""
    middle = (bars.high + bars.low) / 2
    others = {"ts_us": bars.ts_us + 1, "high": bars.high + 1, "low": bars.low / 2, "volume": bars.volume + 1}
    changed, other = getattr(bars, field).copy(), others.get(field, middle)
    row = int((changed != other).argmax())
    changed[row] = other[row]
    return replace(bars, **{field: changed})


@pytest.mark.parametrize("field", ["ts_us", "open", "high", "low", "close", "volume"])
def test_a_history_that_was_revised_is_refused(field: str) -> None:
    bars = walk(300, seed=21)
    with pytest.raises(DataError, match="build it anew"):
        extend(build_bank(bars.until(200)), bars.until(200), _revised(bars, field))


def test_fewer_bars_bars_of_another_length_and_the_bank_of_others_are_refused() -> None:
    bars = walk(300, seed=6)
    bank, early = build_bank(bars.until(200)), bars.until(200)
    for wrong_bank, old, new in (
        (bank, early, bars.until(199)),
        (bank, early, replace(bars, bar_us=4 * HOUR_US)),
        (Bank(bank.words, 199), early, bars),
    ):
        with pytest.raises(DataError, match="build it anew"):
            extend(wrong_bank, old, new)
