"""Scenarios as genomes: how a market could hurt, in nine numbers, and what each makes of past bars."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats
from common.market.bars import Bars
from common.market.shapes import Shapes, continued, shapes_of
from common.market.stress import (
    CRASH_DEVIATIONS,
    CRASH_MAX,
    GAP_DEVIATIONS,
    GAP_MAX,
    GAPS,
    SCENARIO_BARS,
    TURBULENCE_FACTOR,
    WARMUP_BARS,
    Scenario,
    stationary_places,
)
from common.random import Stream, below, new_stream, uniform
from generator.offspring import Variation, offspring

VARIATION = Variation(0.9, 10.0, 0.25, 15.0)


class Gene(NamedTuple):
    """One number of a scenario: its range, where it does nothing, and how far from there is as strange as one may be.

    ``strange`` 0: every value is as plausible as any other.
    """

    name: str
    low: float
    high: float
    neutral: float
    strange: float


GENES: tuple[Gene, ...] = (
    Gene("crash_deviations", 0.0, CRASH_DEVIATIONS, 0.0, CRASH_DEVIATIONS),
    Gene("crash_place", 0.1, 0.9, 0.5, 0.0),
    Gene("gap_deviations", 0.0, GAP_DEVIATIONS, 0.0, GAP_DEVIATIONS),
    Gene("volatility_log2", -1.0, float(np.log2(TURBULENCE_FACTOR)), 0.0, float(np.log2(TURBULENCE_FACTOR))),
    Gene("drift_deviations", -0.2, 0.2, 0.0, 0.2),
    Gene("memory", -0.3, 0.3, 0.0, 0.3),
    Gene("spread_factor", 1.0, 5.0, 1.0, 4.0),
    Gene("block_bars", 1.0, 60.0, 20.0, 0.0),
    Gene("path", 0.0, 1.0, 0.5, 0.0),
)
"""Deviations are of one bar's log return. Memory: correlation with the return before. Path: which bars of history."""
NAMES = tuple(gene.name for gene in GENES)
LOW, HIGH, NEUTRAL, STRANGE = (np.array([gene[field] for gene in GENES]) for field in range(1, 5))


def strangeness(scenarios: Floats) -> Floats:
    """How far scenarios (n, genes) are from usual, (n,): 1 is as far as one of the built-in stresses by itself."""
    counted = STRANGE > 0
    return np.sqrt((((scenarios - NEUTRAL)[:, counted] / STRANGE[counted]) ** 2).sum(axis=1))


def plausible(scenarios: Floats) -> Floats:
    """The scenarios, those stranger than 1 drawn straight towards what is usual until they are not."""
    shrink = 1.0 / np.maximum(strangeness(scenarios), 1.0)[:, None]
    return np.where(STRANGE > 0, NEUTRAL + (scenarios - NEUTRAL) * shrink, scenarios)


def random_scenarios(count: int, key: int) -> Floats:
    """``count`` plausible scenarios, uniform in their ranges before."""
    stream = new_stream(np.uint64(key), 2, 0, 0)
    drawn = np.array([[uniform(stream) for _ in GENES] for _ in range(count)])
    return plausible(LOW + drawn * (HIGH - LOW))


def bred_scenarios(parents: Floats, key: int, generation: int, count: int) -> Floats:
    """``count`` plausible children of parents (n, genes), the best first: SBX and polynomial mutation."""
    place, none = np.arange(len(parents), dtype=np.int32), np.zeros(len(parents))
    name = (np.uint64(key), 0, generation)
    return plausible(offspring(name, parents, place, none, LOW, HIGH, VARIATION, count))


@dataclass(frozen=True, slots=True)
class History:
    """What scenarios are made of: the bars before any validation."""

    warmup: Bars
    shapes: Shapes
    key: np.uint64

    @classmethod
    def of(cls, bars: Bars) -> "History":
        """Give the bars up to the end of training: whatever is given is known to who meets the scenarios."""
        key = hashlib.blake2b(f"{bars.digest}:coevolution".encode(), digest_size=8).digest()
        return cls(_last(bars, WARMUP_BARS), shapes_of(bars), np.uint64(int.from_bytes(key, "little")))

    def scenario(self, genes: Floats) -> Scenario:
        """The bars that a genome (genes,) makes: ``SCENARIO_BARS`` of them behind real ones.

        Blocks of history, given memory, stretched, tilted, torn by gaps, and fallen once, in this order. Moves are held
        to the limits of ``common.market.stress``.
        """
        told = dict(zip(NAMES, genes.tolist(), strict=True))
        stream, size = new_stream(self.key, 1, 0, int(told["path"] * 0xFFFFFFFF)), len(self.shapes.gap)
        places = stationary_places(stream, size, SCENARIO_BARS, max(int(told["block_bars"]), 1))
        factor, deviation = 2.0 ** told["volatility_log2"], float(self.shapes.returns.std())
        made = _with_memory(self.shapes.pick(places), told["memory"]).scaled(factor)
        made.gap[:] -= (factor - 1.0) * self.shapes.returns.mean()
        made = _lifted(made, np.full(SCENARIO_BARS, told["drift_deviations"] * deviation))
        made.gap[:] += _gaps(stream, min(told["gap_deviations"] * deviation, GAP_MAX))
        fall = np.zeros(SCENARIO_BARS)
        fall[int(told["crash_place"] * SCENARIO_BARS)] = -min(told["crash_deviations"] * deviation, CRASH_MAX)
        bars = continued(self.warmup, _lifted(made, fall), "coevolved")
        return Scenario("coevolved", bars, len(self.warmup), told["spread_factor"], factor)


def _last(bars: Bars, count: int) -> Bars:
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    open_, high, low, close, volume = (column[-count:] for column in columns)
    return Bars(bars.name, bars.ts_us[-count:], open_, high, low, close, volume, bars.bar_us)


def _lifted(shapes: Shapes, moves: Floats) -> Shapes:
    """Each close moved by so much in logs, and high or low with it."""
    high, low = shapes.high + np.maximum(moves, 0.0), shapes.low + np.minimum(moves, 0.0)
    return Shapes(shapes.gap, high, low, shapes.close + moves, shapes.volume)


def _with_memory(shapes: Shapes, memory: float) -> Shapes:
    """Returns of a first-order autoregression whose shocks are those of the shapes, of equal variance."""
    returns = shapes.returns
    made, before = np.empty(len(returns)), 0.0
    for bar, shock in enumerate((returns * (1.0 - memory**2) ** 0.5).tolist()):
        before = memory * before + shock
        made[bar] = before
    return _lifted(shapes, made - returns)


def _gaps(stream: Stream, size: float) -> Floats:
    """Jumps (bars,) at even distances, as many up as down, in random order."""
    jumps, found, apart = [size, -size] * (GAPS // 2), np.zeros(SCENARIO_BARS), SCENARIO_BARS // GAPS
    for place in range(apart // 2, GAPS * apart, apart):
        found[place] = jumps.pop(below(stream, len(jumps)))
    return found
