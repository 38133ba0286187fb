"""Legs on the clock of a master: its own, a coarser one and a finer one, of random strategies on real bars."""

import numpy as np
import pytest

from common.backtest.arena import prepare
from common.backtest.costs import flat_costs
from common.backtest.engine import make_path, simulate
from common.backtest.phenotype import express
from common.backtest.portfolio import make_legs, on_master
from common.backtest.portfolio_measure import logic_of
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings

COSTS = flat_costs(1, 2, 2, 1)
START, STOP = 300, 900


@pytest.fixture(scope="module")
def arena():
    return prepare(default_bars()[0].until(STOP))


def simulated(genome, arena, start=START, stop=STOP):
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    logic, path = logic_of(genome, phenotype, arena), make_path(stop - start)
    _, count, turnover = simulate(arena.arrays, logic, phenotype, COSTS, start, stop, 1e-4, 2e-4, path)
    return path, count, turnover


def test_on_its_own_clock_a_leg_is_what_the_engine_says(arena):
    traded_at_all = 0
    for genome in random_population(60, Settings(), 5, 0, 0):
        path, count, turnover = simulated(genome, arena)
        trades = path.trades[:count].copy()
        legs = make_legs(1, STOP - START)
        on_master(path, count, arena.arrays.close, np.arange(START, STOP), START, STOP, 0, legs)
        for name in ("equity", "returns", "excess"):
            np.testing.assert_array_equal(getattr(legs, name)[0], getattr(path, name))
        assert legs.traded.sum() == pytest.approx(turnover)
        trades[:, 1:3] -= START
        np.testing.assert_array_equal(path.trades[:count], trades)
        assert legs.opened.sum() == count
        # Held over two closes: the change of equity is that of the position's value.
        close = arena.arrays.close[START:STOP]
        ends = set(trades[:, 1]) | set(trades[:, 2])
        for t in (t for t in range(1, STOP - START) if t not in ends):
            gain = legs.value[0, t - 1] * (close[t] / close[t - 1] - 1)
            assert legs.equity[0, t] - legs.equity[0, t - 1] == pytest.approx(gain, abs=1e-12)
        traded_at_all += count > 0
    assert traded_at_all > 20


def test_on_a_coarser_clock_nothing_of_a_leg_is_lost(arena):
    known = np.arange(START - 3, STOP + 5, 7)  # the first bar of the master knows none of the fold, the last all of it
    for genome in random_population(30, Settings(), 6, 0, 0):
        path, count, turnover = simulated(genome, arena)
        trades = path.trades[:count].copy()
        legs = make_legs(1, len(known))
        on_master(path, count, arena.arrays.close, known, START, STOP, 0, legs)
        inside = np.clip(known, START - 1, STOP - 1) - START
        np.testing.assert_array_equal(legs.equity[0], np.append(path.equity, 1.0)[inside])
        assert legs.returns.sum() == pytest.approx(path.returns.sum(), abs=1e-12)
        assert legs.excess.sum() == pytest.approx(path.excess.sum(), abs=1e-12)
        assert legs.traded.sum() == pytest.approx(turnover)
        np.testing.assert_array_equal(path.trades[:count, 1:3], np.searchsorted(known, trades[:, 1:3]))


def test_on_a_finer_clock_a_leg_moves_when_its_bars_are_over(arena):
    known = np.repeat(np.arange(START, STOP), 4)
    for genome in random_population(10, Settings(), 7, 0, 0):
        path, count, _ = simulated(genome, arena)
        legs = make_legs(1, len(known))
        on_master(path, count, arena.arrays.close, known, START, STOP, 0, legs)
        np.testing.assert_array_equal(legs.equity[0], np.repeat(path.equity, 4))
        np.testing.assert_array_equal(legs.returns[0, ::4], path.returns)
        assert not legs.returns[0].reshape(-1, 4)[:, 1:].any()
