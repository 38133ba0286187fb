"""Measuring a population: what it reports of each genome, and what it may not depend on."""

import numpy as np
import pytest

from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.measure import measure
from common.backtest.replay import Trade, replay
from common.backtest.windows import cut
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


def measured(population, arenas, with_vault=False):
    return measure(population, arenas, [CUT] * len(arenas), COSTS, 20, with_vault)


def test_every_figure_is_finite_and_bounded(population, arenas):
    found = measured(population, arenas, with_vault=True)
    for figures in (found.objectives, found.violation, found.descriptor, found.evidence):
        assert np.isfinite(figures).all()
    assert (found.violation >= 0).all()
    assert (found.violation <= 1).all()
    drawdown = found.evidence[:, :, EVIDENCE.index("drawdown_max")]
    assert ((drawdown >= 0) & (drawdown <= 1)).all()
    assert (found.objectives[:, OBJECTIVES.index("cvar")] <= 0).all()
    assert ((found.descriptor[:, 1:] >= 0) & (found.descriptor[:, 1:] <= 1)).all()
    assert (found.evidence[:, 0, EVIDENCE.index("trades")] > 0).mean() > 0.5


def test_rows_do_not_depend_on_how_a_population_is_split(population, arenas):
    whole = measured(population, arenas)
    for part in (slice(0, 7), slice(7, 8), slice(150, 300)):
        alone = measured(population[part], arenas)
        np.testing.assert_array_equal(alone.objectives, whole.objectives[part])
        np.testing.assert_array_equal(alone.evidence, whole.evidence[part])
        np.testing.assert_array_equal(alone.descriptor, whole.descriptor[part])


def test_the_vault_is_read_only_when_asked(population, arenas):
    sealed, read = measured(population, arenas), measured(population, arenas, with_vault=True)
    assert not sealed.evidence[:, 2].any()
    assert read.evidence[:, 2].any()
    np.testing.assert_array_equal(sealed.objectives, read.objectives)


def test_no_bar_outside_its_window_moves_a_window(population, arenas):
    """Prices of the vault multiplied: training and validation must not notice."""
    start = CUT.vault[0][0]
    spoiled = []
    for arena in arenas:
        arrays = {
            name: np.where(np.arange(2000) >= start, getattr(arena.arrays, name) * 7.0, getattr(arena.arrays, name))
            for name in ("open", "high", "low", "close")
        }
        spoiled.append(Arena(arena.bars, arena.arrays._replace(**arrays), arena.bars_per_year))
    np.testing.assert_array_equal(measured(population, spoiled).evidence, measured(population, arenas).evidence)


def test_a_genome_trades_the_instrument_its_gene_names(population, arenas):
    moved = population.copy()
    moved["alleles"][:, INSTRUMENT] = 0
    first = measured(moved, arenas)
    moved["alleles"][:, INSTRUMENT] = 2  # slots wrap around the instruments of the run
    np.testing.assert_array_equal(measured(moved, arenas).evidence, first.evidence)
    moved["alleles"][:, INSTRUMENT] = 1
    assert not np.array_equal(measured(moved, arenas).evidence, first.evidence)


def drift_gain(trades: list[Trade], bars: Bars, start: int, stop: int) -> np.ndarray:
    """What mean overnight and intraday returns alone would give the positions, in money, bar by bar."""
    close = bars.close
    overnight = np.mean([bars.open[t] / close[t - 1] - 1 for t in range(start, stop)])
    intraday = np.mean([close[t] / close[t - 1] - 1 for t in range(start, stop)]) - overnight
    gain = np.zeros(stop - start)
    for trade in trades:
        signed = trade.side * trade.units
        gain[trade.entry_bar - start] += signed * trade.entry_price * intraday
        for t in range(trade.entry_bar + 1, trade.exit_bar + 1):
            carried = signed * close[t - 1]
            gain[t - start] += carried * overnight
            if t < trade.exit_bar or trade.reason == "end":
                gain[t - start] += carried * intraday
            elif trade.reason in ("stop", "trail", "target"):
                gain[t - start] += max(carried * intraday, 0)
    return gain


def test_evidence_equals_a_replay_of_the_window(population, arenas):
    found = measured(population, arenas, with_vault=True)
    (start, stop) = CUT.vault[0]
    traded = np.flatnonzero(found.evidence[:, 2, EVIDENCE.index("trades")] > 0)[:60]
    assert len(traded) == 60
    for row in traded:
        arena = arenas[int(population["alleles"][row, INSTRUMENT]) % 2]
        path = replay(population[row], arena, start, stop, COSTS)
        evidence = dict(zip(EVIDENCE, found.evidence[row, 2], strict=True))
        returns = np.diff(np.concatenate(([1.0], path.equity))) / np.concatenate(([1.0], path.equity[:-1]))
        assert evidence["trades"] == len(path.trades)
        assert evidence["total_return"] == pytest.approx(path.equity[-1] - 1, rel=1e-12)
        assert evidence["mean"] == pytest.approx(returns.mean(), rel=1e-9, abs=1e-15)
        assert evidence["deviation"] == pytest.approx(returns.std(ddof=1), rel=1e-9)
        before = np.concatenate(([1.0], path.equity[:-1]))
        excess = returns - drift_gain(path.trades, arena.bars, start, stop) / before
        z = excess.mean() / excess.std(ddof=1) * np.sqrt(stop - start)
        assert evidence["detrended_z"] == pytest.approx(z, rel=1e-8, abs=1e-10)


def test_no_position_is_ever_above_the_leverage_cap_at_entry(population, arenas):
    for row in range(100):
        path = replay(population[row], arenas[0], 250, 1000, COSTS)
        for trade in path.trades:
            equity = 1.0 if trade.entry_bar == 250 else path.equity[trade.entry_bar - 251]
            assert trade.units * trade.entry_price <= equity * 3.0 * (1 + 1e-9)
