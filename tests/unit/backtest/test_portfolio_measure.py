"""Portfolio genomes measured: what a single strategy would be, and figures of random ones."""

import numpy as np
import pytest

from common.backtest.arena import prepare
from common.backtest.costs import flat_costs
from common.backtest.measure import WINDOWS, Plan, measure
from common.backtest.metrics import DESCRIPTOR_COUNT, EVIDENCE_COUNT, OBJECTIVE_COUNT
from common.backtest.portfolio_measure import measure_portfolio
from common.backtest.rows import Measured
from common.backtest.stage import with_stage
from common.backtest.windows import Cut
from common.genome.genes import ALLELE_SLOT, REAL_SLOT
from common.market.bars import Bars
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings

from .portfolio_world import venture


def blank(size):
    return Measured(
        np.zeros((size, OBJECTIVE_COUNT)),
        np.zeros(size),
        np.zeros((size, DESCRIPTOR_COUNT)),
        np.zeros((size, WINDOWS, EVIDENCE_COUNT)),
    )


@pytest.fixture(scope="module")
def real():
    """The S&P 500 with its stress scenarios, and a second series whose returns are its halves."""
    bars = default_bars()[0].until(1500)
    calm = [100 * (column / 100) ** 0.5 for column in (bars.open, bars.high, bars.low, bars.close)]
    series = [bars, Bars("calm", bars.ts_us, *calm, bars.volume, bars.bar_us)]
    plan = Cut(((300, 600), (600, 900)), ((920, 1150),), ((1170, 1400),), (1420, 1500))
    return series, [with_stage(prepare(each), plan) for each in series], plan


COSTS = flat_costs(1, 2, 2, 1)


def portfolios(real, population):
    series, arenas, cut = real
    plan, found = Plan.of(cut, True), blank(len(population))
    stand = venture(series, plan.spans, 0, plan.window, arenas)
    for row, genome in enumerate(population):
        measure_portfolio(row, genome, stand, COSTS, 30, found)
    return found


def test_a_portfolio_of_its_own_instrument_alone_is_the_single_strategy(real):
    population = random_population(40, Settings(), 11, 0, 0)
    population["alleles"][:, ALLELE_SLOT["portfolio.instrument"]] = 0
    population["alleles"][:, ALLELE_SLOT["portfolio.rebalance_bars"]] = 0
    for slot in range(8):
        population["reals"][:, REAL_SLOT[f"portfolio.weight_{slot}"]] = 0.5 if slot == 0 else 0.0
    _, arenas, cut = real
    expected = measure(population, arenas[:1], [cut], COSTS, 30, True, engine="truth")
    assert (expected.evidence[:, 0, 1] > 0).sum() > 10
    for method in range(1, 4):
        population["alleles"][:, ALLELE_SLOT["portfolio.method"]] = method
        found = portfolios(real, population)
        for name in ("objectives", "violation", "descriptor", "evidence"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12)


def test_two_copies_of_a_leg_are_the_leg_in_everything_but_the_number_of_trades(real):
    series, arenas, cut = real
    twice = ([series[0]] * 2, [arenas[0]] * 2, cut)
    population = random_population(20, Settings(), 12, 0, 0)
    population["alleles"][:, ALLELE_SLOT["portfolio.instrument"]] = 0
    population["alleles"][:, ALLELE_SLOT["portfolio.rebalance_bars"]] = 0
    population["alleles"][:, ALLELE_SLOT["portfolio.method"]] = 1
    population["reals"][:, REAL_SLOT["portfolio.correlation_max"]] = 1.0
    for slot in range(8):
        population["reals"][:, REAL_SLOT[f"portfolio.weight_{slot}"]] = 0.5 if slot < 2 else 0.0
    found = portfolios(twice, population)
    expected = measure(population, arenas[:1], [cut], COSTS, 30, True, engine="truth")
    np.testing.assert_allclose(found.evidence[:, :, 1], 2 * expected.evidence[:, :, 1])
    same = [0, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_allclose(found.evidence[:, :, same], expected.evidence[:, :, same], rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(found.descriptor, expected.descriptor)
    objectives = [0, 1, 2, 3, 5, 6]
    np.testing.assert_allclose(
        found.objectives[:, objectives], expected.objectives[:, objectives], rtol=1e-7, atol=1e-9
    )
    # Each of the two trades is half of what the one is; a twentieth of twice as many may take one more of them.
    np.testing.assert_allclose(found.objectives[:, 4], expected.objectives[:, 4] / 2, rtol=0.2, atol=1e-3)


def test_random_portfolios_have_finite_figures(real):
    population = random_population(60, Settings(), 13, 0, 0)
    draw = np.random.default_rng(3)
    population["alleles"][:, ALLELE_SLOT["portfolio.instrument"]] = 0
    population["alleles"][:, ALLELE_SLOT["portfolio.method"]] = draw.integers(1, 4, 60)
    population["alleles"][:, ALLELE_SLOT["portfolio.rebalance_bars"]] = draw.integers(0, 4, 60)
    for slot in range(8):
        population["reals"][:, REAL_SLOT[f"portfolio.weight_{slot}"]] = draw.random(60)
    found = portfolios(real, population)
    assert all(np.isfinite(figures).all() for figures in found)
    assert (found.evidence[:, 0, 1] > 0).sum() > 20
    assert (found.evidence[:, :, 7] >= 0).all()
