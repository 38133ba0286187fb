"""Market orders fill at the printed open, a copy of the close before or not; that flatters no random genome."""

from dataclasses import replace

import numpy as np
import pytest

from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.index import build_index
from common.backtest.replay import replay
from common.genome.genes import ALLELE_SLOT, REAL_SLOT
from common.genome.layout import Population
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.backtest.gene_markets import SIDES, about, on, play

PLAIN = ("entry.order_type", "execution.preference", "execution.schedule", "exit.target_kind", "exit.trail_kind")
PLAIN += ("exit.stop_kind", "portfolio.method", "risk.sizing", "risk.recovery", "risk.kelly")
WARMUP, TRADES_MIN = 250, 40


@pytest.mark.parametrize(("side", "genes"), SIDES)
def test_a_market_order_fills_at_the_printed_open_in_both_directions(market, genome, arena_of, side, genes):
    # The market really opened 2 away on bar 1 and on bar 3; what is printed are the closes of bars 0 and 2.
    m = market(
        [100, 100, 103, 103],
        close=[100, 103, 103, 101],
        high=[100, 104, 103, 103],
        low=[100, 100, 103, 100],
        stale=[0, 1, 0, 1],
        conditions=[on(4, 0), on(4, 2)],
    )
    [trade] = play(arena_of(m), genome(**genes, **{"exit.stop_distance": 20.0}))
    assert (trade.entry_bar, trade.entry_price) == (1, 100.0)
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (3, 103.0, "signal")
    assert trade.profit == about(side * 0.03)


def takers() -> Population:
    """Random genomes that trade by market orders alone: whatever else they have of orders is as plain as can be."""
    found = random_population(1000, Settings(instruments=1), 5, 0, 0)
    for path in PLAIN:
        found["alleles"][:, ALLELE_SLOT[path]] = 0
    found["reals"][:, REAL_SLOT["exit.stop_distance"]] = 20.0
    found["reals"][:, REAL_SLOT["risk.drawdown_brake"]] = 1.0
    return found


def copying(arena: Arena) -> Arena:
    """The arena with opens that copy the closes before them, and signals as they were."""
    real = arena.arrays
    open_ = np.append(real.open[:1], real.close[:-1])
    high, low = np.maximum(real.high, open_), np.minimum(real.low, open_)
    arrays = real._replace(open=open_, high=high, low=low, stale=np.ones_like(real.stale))
    return replace(arena, arrays=arrays, index=build_index(arrays))


def test_copied_opens_flatter_neither_random_genomes_nor_the_best_of_them() -> None:
    nasdaq = prepare(next(bars for bars in default_bars() if bars.name == "NASDAQ"))
    arenas, bars = (nasdaq, copying(nasdaq)), len(nasdaq.bars)
    rows = []
    for genome in takers():
        honest, copied = (replay(genome, arena, WARMUP, bars, flat_costs()).trades for arena in arenas)
        if len(honest) >= TRADES_MIN:
            rows.append([1e4 * np.mean([trade.profit for trade in trades]) for trades in (honest, copied)])
    honest, copied = np.array(rows).T
    assert len(rows) > 400
    assert np.abs(copied - honest).mean() > 1.0  # they do trade at other prices
    assert (copied - honest).mean() < 0.5
    best = np.argsort(copied)[-len(rows) // 20 :]
    assert honest[best].mean() > 0.9 * copied[best].mean() > 0.0
