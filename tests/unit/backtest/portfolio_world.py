"""Hand-made instruments, and a strategy that buys and holds each leg of its portfolio."""

import numpy as np

from common.backtest.arena import prepare
from common.backtest.costs import flat_costs
from common.backtest.measure import Course, Plan
from common.backtest.portfolio_measure import Strategy, Venture
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, REAL_SLOT
from common.genome.layout import TREES, default_population
from common.genome.tree import CONDITION_BASE, NOT, OR
from common.market.allocation import Allocation
from common.market.bars import DAY_US, Bars

FREE = flat_costs()
BARS, START, STOP = 320, 300, 312


def made(name, close, *, bar_us=DAY_US, ts_us=None):
    """Bars that open at the close before."""
    close = np.asarray(close, float)
    open_ = np.concatenate((close[:1], close[:-1]))
    times = bar_us * np.arange(len(close)) if ts_us is None else ts_us
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return Bars(name, times, open_, high, low, close, np.zeros(len(close)), bar_us)


def zigzag(size, seed):
    """A price that moves by ``size`` up or down, as a hash of the bar says."""
    t = np.arange(BARS)
    return 100 * np.exp(size * np.cumsum(np.where((t * 7919 + t * t * (31 + seed)) % 13 < 6, -1, 1)))


def always_long(weights=None, instrument=0, **genes):
    """Buys at the second open of a fold and holds to its end; the stop is far."""
    genome = default_population(1)[0]
    tokens = [CONDITION_BASE, CONDITION_BASE, NOT, OR]
    genome["trees"][TREES.index("long_entry"), : len(tokens)] = tokens
    genome["reals"][REAL_SLOT["exit.stop_distance"]] = 20.0
    given = {"portfolio.method": "weights", "portfolio.instrument": instrument, **genes}
    for slot, weight in (weights or {}).items():
        given[f"portfolio.weight_{slot}"] = weight
    for path, value in given.items():
        if path in REAL_SLOT:
            genome["reals"][REAL_SLOT[path]] = value
        else:
            genome["alleles"][ALLELE_SLOT[path]] = ALLELE_GENES[ALLELE_SLOT[path]].alleles.index(value)
    return genome


def venture(series, spans, master=0, window=None, arenas=None):
    arenas = arenas or [prepare(bars) for bars in series]
    allocation, spans = Allocation(series), np.array(spans, np.int64).reshape(-1, 2)
    window = np.zeros(len(spans), np.int64) if window is None else window
    grounds = [Course.of(arena, Plan(allocation.spans(master, leg, spans), window)) for leg, arena in enumerate(arenas)]
    return Venture(master, spans, window, allocation, arenas, grounds)


def traded(genome, series, costs=FREE, master=0, span=(START, STOP)):
    stand = venture(series, [span], master)
    return Strategy.of(genome, stand.arenas, costs).fold(stand, 0)


def held(bars, start=START, stop=STOP):
    """Equity of a leg that holds all the time."""
    equity = bars.close[start:stop] / bars.open[start + 1]
    equity[0] = 1.0
    return equity
