"""Measuring a population: what it reports of each genome, and what it may not depend on."""

from dataclasses import replace
from functools import partial

import empyrical
import numpy as np
import pytest
from scipy import stats

from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.index import build_index
from common.backtest.measure import measure
from common.backtest.portfolio import is_portfolio
from common.backtest.replay import Replay, replay
from common.backtest.windows import Cut, cut
from common.events.cohorts import EVIDENCE
from common.events.spec import OBJECTIVES
from common.genome.genes import ALLELE_SLOT
from common.market.bars import Bars
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings

COSTS = flat_costs(1, 2, 2, 1)
CUT = cut(2000, 250, 0.5, 0.15, 0.2, 3, 2, 10, 10)
INSTRUMENT = ALLELE_SLOT["portfolio.instrument"]


@pytest.fixture(scope="module")
def arenas() -> list[Arena]:
    return [prepare(bars.until(2000)) for bars in default_bars()]


@pytest.fixture(scope="module")
def population() -> np.ndarray:
    return random_population(300, Settings(instruments=2), 5, 0, 0)


def measured(population, arenas, with_vault=False, **how):
    return measure(population, arenas, [CUT] * len(arenas), COSTS, 20, with_vault, **how)


@pytest.fixture(params=["skipping", "truth"])
def engine(request) -> str:
    return request.param


def test_every_figure_is_finite_and_bounded(population, arenas):
    found = measured(population, arenas, with_vault=True)
    for figures in (found.objectives, found.violation, found.descriptor, found.evidence):
        assert np.isfinite(figures).all()
    assert (found.violation >= 0).all()
    assert (found.violation <= 1).all()
    drawdown = found.evidence[:, :, EVIDENCE.index("drawdown_max")]
    assert ((drawdown >= 0) & (drawdown <= 1)).all()
    assert (found.objectives[:, OBJECTIVES.index("drawdown")] <= 0).all()
    assert (found.objectives[:, OBJECTIVES.index("cvar")] >= -1).all()
    assert ((found.descriptor[:, 1:] >= 0) & (found.descriptor[:, 1:] <= 1)).all()
    assert (found.evidence[:, 0, EVIDENCE.index("trades")] > 0).mean() > 0.5


def test_rows_do_not_depend_on_how_a_population_is_split(population, arenas, engine):
    whole = measured(population, arenas, engine=engine)
    for part in (slice(0, 7), slice(7, 8), slice(150, 300)):
        alone = measured(population[part], arenas, engine=engine)
        np.testing.assert_array_equal(alone.objectives, whole.objectives[part])
        np.testing.assert_array_equal(alone.evidence, whole.evidence[part])
        np.testing.assert_array_equal(alone.descriptor, whole.descriptor[part])


def test_rows_do_not_depend_on_the_number_of_threads(population, arenas, engine):
    whole, shared_out = (measured(population, arenas, True, threads=threads, engine=engine) for threads in (1, 3))
    for figures in ("objectives", "violation", "descriptor", "evidence"):
        np.testing.assert_array_equal(getattr(shared_out, figures), getattr(whole, figures))


def test_the_vault_is_read_only_when_asked(population, arenas, engine):
    sealed, read = (measured(population, arenas, with_vault, engine=engine) for with_vault in (False, True))
    assert not sealed.evidence[:, 2].any()
    assert read.evidence[:, 2].any()
    np.testing.assert_array_equal(sealed.objectives, read.objectives)


def test_no_bar_outside_its_window_moves_a_window(population, arenas, engine):
    """Prices of the vault multiplied, and the index made of them: training and validation must not notice."""
    start = CUT.vault[0][0]
    spoiled = []
    for arena in arenas:
        arrays = {
            name: np.where(np.arange(2000) >= start, getattr(arena.arrays, name) * 7.0, getattr(arena.arrays, name))
            for name in ("open", "high", "low", "close")
        }
        market = arena.arrays._replace(**arrays)
        spoiled.append(replace(arena, arrays=market, index=build_index(market)))
    after, before = (measured(population, each, engine=engine) for each in (spoiled, arenas))
    np.testing.assert_array_equal(after.evidence, before.evidence)
    np.testing.assert_array_equal(after.objectives, before.objectives)


def test_a_genome_trades_the_instrument_its_gene_names(population, arenas):
    moved = population.copy()
    moved["alleles"][:, INSTRUMENT] = 0
    first = measured(moved, arenas)
    moved["alleles"][:, INSTRUMENT] = 2  # slots wrap around the instruments of the run
    np.testing.assert_array_equal(measured(moved, arenas).evidence, first.evidence)
    moved["alleles"][:, INSTRUMENT] = 1
    assert not np.array_equal(measured(moved, arenas).evidence, first.evidence)


def returns_of(path: Replay, start: int) -> np.ndarray:
    """Change of equity of each bar over the equity before the position was taken, from equity and trades alone."""
    returns, cash = np.zeros(len(path.equity)), 1.0
    for trade in path.trades:
        last, left = cash, cash * (1.0 + trade.profit)
        for t in range(trade.entry_bar, trade.exit_bar + 1):
            value = left if t == trade.exit_bar else path.equity[t - start]
            returns[t - start] += (value - last) / cash
            last = value
        cash = left
    return returns


def drift_of(path: Replay, genome: np.void, bars: Bars, start: int, stop: int) -> np.ndarray:
    """What mean overnight and intraday returns alone would give the positions, over the equity before each."""
    close = bars.close
    overnight = np.mean([bars.open[t] / close[t - 1] - 1 for t in range(start, stop)])
    intraday = np.mean([close[t] / close[t - 1] - 1 for t in range(start, stop)]) - overnight
    worked = genome["alleles"][ALLELE_SLOT["execution.schedule"]] != 0
    market = genome["alleles"][ALLELE_SLOT["entry.order_type"]] == 0
    gain, cash = np.zeros(stop - start), 1.0
    for trade in path.trades:
        signed = trade.side * trade.units / cash
        at_open = trade.entry_price == bars.open[trade.entry_bar] and not (market and worked)
        first = signed * trade.entry_price * intraday
        gain[trade.entry_bar - start] += first if at_open else max(first, 0)
        for t in range(trade.entry_bar + 1, trade.exit_bar + 1):
            carried = signed * close[t - 1]
            gain[t - start] += carried * overnight
            if t < trade.exit_bar or trade.reason == "end":
                gain[t - start] += carried * intraday
            elif trade.reason in ("stop", "trail", "target") or worked:
                gain[t - start] += max(carried * intraday, 0)
        cash *= 1.0 + trade.profit
    return gain


def test_evidence_and_objectives_equal_a_replay_of_the_window(population, arenas, engine):
    """A vault of one fold: every figure again, from equity and trades, by NumPy, SciPy and empyrical."""
    alone = Cut(CUT.vault, (), CUT.vault, CUT.paper)
    found = measure(population, arenas, [alone] * 2, COSTS, 20, True, engine=engine)
    (start, stop) = CUT.vault[0]
    own = ~is_portfolio(population, len(arenas))
    traded = np.flatnonzero(own & (found.evidence[:, 2, EVIDENCE.index("trades")] > 0))[:60]
    assert len(traded) == 60
    for row in traded:
        arena = arenas[int(population["alleles"][row, INSTRUMENT]) % 2]
        path = replay(population[row], arena, start, stop, COSTS)
        evidence = dict(zip(EVIDENCE, found.evidence[row, 2], strict=True))
        objectives = dict(zip(OBJECTIVES, found.objectives[row], strict=True))
        returns, profits = returns_of(path, start), np.array([trade.profit for trade in path.trades])
        # Each number of trades and bars has a floor of rounding: figures near 0 are compared in their own scale.
        near = partial(pytest.approx, rel=1e-8, abs=1e-10)
        assert path.returns == near(returns)
        assert evidence["trades"] == len(path.trades)
        assert evidence["total_return"] == near(path.equity[-1] - 1)
        assert evidence["mean"] == pytest.approx(returns.mean(), rel=1e-9, abs=1e-15)
        assert evidence["deviation"] == pytest.approx(returns.std(ddof=1), rel=1e-9)
        assert evidence["skewness"] == near(stats.skew(returns))
        assert evidence["kurtosis"] == near(stats.kurtosis(returns, fisher=False))
        drawdown = -empyrical.max_drawdown(np.diff(path.equity, prepend=1.0) / np.append(1.0, path.equity[:-1]))
        assert evidence["drawdown_max"] == near(drawdown)
        excess = returns - drift_of(path, population[row], arena.bars, start, stop)
        assert evidence["detrended_z"] == near(excess.mean() / excess.std(ddof=1) * np.sqrt(stop - start))
        assert objectives["sharpe"] == near(empyrical.sharpe_ratio(returns, annualization=arena.bars_per_year))
        assert objectives["consistency"] == objectives["sharpe"]
        assert objectives["drawdown"] == near(-drawdown)
        assert objectives["cvar"] == near(empyrical.conditional_value_at_risk(profits, 0.05))
        equity = np.cumprod(np.append(1.0, 1.0 + profits))[:-1]
        value = [trade.units * (trade.entry_price + trade.exit_price) for trade in path.trades]
        turnover = np.sum(value / equity) / ((stop - start) / arena.bars_per_year)
        assert objectives["turnover"] == near(-turnover)
        held = np.array([trade.exit_bar - trade.entry_bar + 1 for trade in path.trades])
        busy = {t for trade in path.trades for t in range(trade.entry_bar, trade.exit_bar + 1)}
        long = np.array([trade.side > 0 for trade in path.trades])
        expected = held.mean(), len(busy) / (stop - start), held[long].sum() / held.sum()
        assert found.descriptor[row] == pytest.approx(expected)


def test_no_position_is_ever_above_the_leverage_cap_at_entry(population, arenas):
    for row in range(100):
        path = replay(population[row], arenas[0], 250, 1000, COSTS)
        for trade in path.trades:
            equity = 1.0 if trade.entry_bar == 250 else path.equity[trade.entry_bar - 251]
            assert trade.units * trade.entry_price <= equity * 3.0 * (1 + 1e-9)
