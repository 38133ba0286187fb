"""Truncating the future changes nothing before it: random genomes, real bars, random cuts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.arena import Arena, prepare
from common.backtest.replay import replay
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.backtest.adversarial import ALL_COSTS as COSTS

START, BARS = 300, 1400


@pytest.fixture(scope="module")
def full() -> Arena:
    return prepare(default_bars()[0].until(BARS))


@settings(max_examples=12)
@given(st.integers(START + 50, BARS - 1), st.integers(0, 2**31))
def test_the_past_of_random_genomes_does_not_depend_on_the_future(full, stop, seed):
    known = prepare(full.bars.until(stop), bars_per_year=full.bars_per_year)
    for genome in random_population(40, Settings(), seed, 0, 0):
        whole = replay(genome, full, START, BARS, COSTS)
        part = replay(genome, known, START, stop, COSTS)
        # The last bar known closes what is open: up to the bar before it both must have lived the same life.
        count = stop - 1 - START
        np.testing.assert_array_equal(whole.equity[:count], part.equity[:count])
        np.testing.assert_array_equal(whole.exposure[:count], part.exposure[:count])
        np.testing.assert_array_equal(whole.returns[:count], part.returns[:count])
        before = [trade for trade in whole.trades if trade.exit_bar < stop - 1]
        assert before == part.trades[: len(before)]
