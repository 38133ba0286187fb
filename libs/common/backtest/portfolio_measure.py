"""One portfolio measured: its legs simulated on their own clocks, added up on the master's, fold by fold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena, Stage
from common.backtest.costs import Floats, venue_of
from common.backtest.engine import TRADE_FIELDS, Path, make_path, simulate
from common.backtest.market import MarketArrays
from common.backtest.metrics import (
    BARS,
    HELD,
    HELD_LONG,
    OVERLAP,
    S1,
    S2,
    STRESS_OBJECTIVE,
    SUMS,
    TRADES,
    add_path,
    clear,
    fill_descriptor,
    fill_evidence,
    fill_objectives,
    sharpe,
)
from common.backtest.phenotype import Phenotype, express
from common.backtest.portfolio import (
    PortfolioGenes,
    Sum,
    combine,
    facts_at,
    make_legs,
    make_sum,
    on_master,
    portfolio_genes,
    stay_cash,
)
from common.backtest.rows import Measured
from common.backtest.signals import STACK_DEPTH, Logic, decide
from common.errors import ConfigurationError
from common.kernel import kernel
from common.market.allocation import Allocation

TRAINING = 0


class Ground(Protocol):
    """A market, the spans (folds, 2) of it that are traded, and the drift (windows, 2) of each window.

    A ``measure.Course`` is one. Empty spans are not traded; drift is overnight and within the day.
    """

    @property
    def market(self) -> MarketArrays:
        """Its bars."""

    @property
    def spans(self) -> npt.NDArray[np.int64]:
        """First bar, and bar after the last."""

    @property
    def drifts(self) -> Floats:
        """Mean returns of the market."""


@dataclass(frozen=True, slots=True)
class Venture:
    """What the portfolios of one master are measured on.

    ``spans`` (folds, 2) and ``window`` (folds,) of the master; ``arenas`` of all instruments of the run, and
    ``grounds``: the same folds on the clock of each (``Allocation.spans``).
    """

    master: int
    spans: npt.NDArray[np.int64]
    window: npt.NDArray[np.int64]
    allocation: Allocation
    arenas: Sequence[Arena]
    grounds: Sequence[Ground]


@dataclass(frozen=True, slots=True)
class FoldOfLegs:
    """One fold of a portfolio. ``trades``: of each leg, with bars of the fold; ``weights`` (splits, legs)."""

    sum: Sum
    turnover: float
    trades: list[Floats]
    weights: Floats


@kernel
def add_trades(trades: Floats, shares: Floats, busy: npt.NDArray[np.uint8], sums: Floats, profits: Floats) -> None:
    """Add one leg's trades to the sums: their profits times its share of the portfolio in the bar of their entry.

    ``busy`` (bars,): set where any leg so far has a position, so that ``OVERLAP`` counts bars that several trades have.
    """
    for trade in range(len(trades)):
        row = trades[trade]
        entry, end = np.int64(row[1]), np.int64(row[2])
        profits[trade] = shares[entry] * row[6]
        sums[HELD] += end - entry + 1.0
        if row[0] > 0.0:
            sums[HELD_LONG] += end - entry + 1.0
        for t in range(entry, end + 1):
            sums[OVERLAP] += busy[t]
            busy[t] = 1
    sums[TRADES] += len(trades)


def logic_of(genome: np.void, phenotype: Phenotype, arena: Arena, stage: Stage | None = None) -> Logic:
    """What a genome decides on the bars of an arena, or on those of its stage."""
    extra, trees = arena.engineered.rows(genome.reshape(1))
    bank = arena.arrays.bank
    if stage is not None:
        extra, bank = stage.extra(genome.reshape(1)), stage.market.bank
    stack, into = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64), np.empty((4, bank.shape[1]), np.uint64)
    return decide(trees[0], phenotype, bank, extra, stack, into)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A portfolio genome, read once for all folds; ``logic``: of each leg on its market."""

    genome: np.void
    genes: PortfolioGenes
    phenotype: Phenotype
    costs: Floats
    logic: tuple[Logic, ...]

    @classmethod
    def of(cls, genome: np.void, arenas: Sequence[Arena], costs: Floats) -> "Strategy":
        """``arenas``: of all instruments of the run."""
        genes = portfolio_genes(genome, len(arenas))
        parts = (np.ascontiguousarray(genome[block]) for block in ("alleles", "reals", "masks"))
        phenotype = express(*parts)
        logic = tuple(logic_of(genome, phenotype, arenas[leg]) for leg in genes.legs)
        return cls(genome, genes, phenotype, costs, logic)

    def weights(self, allocation: Allocation, start: int, stop: int) -> Floats:
        """Capital of each leg at the splits of a fold of the master, (splits, legs)."""
        genes = self.genes
        splits = allocation.splits(genes.master, start, stop, genes.rebalance_bars)
        weights = allocation.weights(genes.method, genes.wanted, genes.correlation_max, splits)
        return np.ascontiguousarray(weights[:, genes.legs])

    def fold(self, venture: Venture, fold: int) -> FoldOfLegs:
        """Trade one fold with the truth engine, every leg as if the whole account were its own."""
        genes, (start, stop), window = self.genes, venture.spans[fold], venture.window[fold]
        bars, count = stop - start, len(genes.legs)
        weights = self.weights(venture.allocation, int(start), int(stop))
        venue = venue_of(self.costs, self.phenotype.venue)
        before = np.maximum(start - 1 + genes.rebalance_bars * np.arange(len(weights)), 0)
        facts = np.zeros((count, len(weights), 4))
        legs, into, trades = make_legs(count, bars), make_sum(count, bars), []
        for place, leg in enumerate(genes.legs):
            ground = venture.grounds[leg]
            first, after = ground.spans[fold]
            if first == after:
                stay_cash(place, legs)
                trades.append(np.empty((0, len(TRADE_FIELDS))))
                continue
            known, path = venture.allocation.known(genes.master, leg), make_path(after - first)
            facts[place] = facts_at(ground.market, known[before], venue)
            drift, logic, costs = ground.drifts[window], self.logic[place], self.costs
            _, entered, _ = simulate(
                ground.market, logic, self.phenotype, costs, first, after, drift[0], drift[1], path
            )
            on_master(path, entered, ground.market.close, known[start:stop], first, after, place, legs)
            trades.append(path.trades[:entered])
        scratch, hidden = np.empty((3, count)), self.phenotype.hidden
        turnover = combine(
            legs, weights, genes.rebalance_bars, venue, hidden, facts, scratch[0], scratch[1], scratch[2], into
        )
        return FoldOfLegs(into, turnover, trades, weights)

    def stressed(self, venture: Venture) -> float:
        """The portfolio's return in the scenario that hurts it most, which strikes all legs at once.

        Capital is as at the last split of training, and is not split again. Every leg's arena has its stage.
        """
        fold = np.flatnonzero(venture.window == TRAINING)[-1]
        start, stop = venture.spans[fold].tolist()
        finals = [self._finals(venture.arenas[leg]) for leg in self.genes.legs]
        return float((self.weights(venture.allocation, start, stop)[-1] @ finals).min()) - 1.0

    def _finals(self, arena: Arena) -> list[float]:
        """What a leg makes of 1 in each scenario."""
        stage = arena.stress
        if stage is None:
            raise ConfigurationError(f"arena of {arena.bars.name}: it has no stress scenarios; give it with_stage")
        logic, finals = logic_of(self.genome, self.phenotype, arena, stage), []
        for first, after in stage.spans.tolist():
            path = make_path(after - first)
            finals.append(simulate(stage.market, logic, self.phenotype, self.costs, first, after, 0.0, 0.0, path)[0])
        return finals


def measure_portfolio(
    row: int, genome: np.void, venture: Venture, costs: Floats, trades_min: int, found: Measured
) -> None:
    """Everything of one portfolio into row ``row`` of ``found``; what ``rows.measure_row`` is for the rest.

    The trades counted are those of all legs; bars are the master's. Stress is measured where the master has a stage.
    """
    arenas = venture.arenas
    strategy, bars_per_year = Strategy.of(genome, arenas, costs), arenas[venture.master].bars_per_year
    sums, annual = np.empty(SUMS), math.sqrt(bars_per_year)
    for which in np.unique(venture.window):
        clear(sums)
        sharpes, profits = [], []
        for fold in np.flatnonzero(venture.window == which):
            # A fold's own sums, as in ``rows.measure_row``: a difference of totals would lose a quiet fold's digits.
            n, s1, s2 = sums[BARS], sums[S1], sums[S2]
            sums[S1], sums[S2] = 0.0, 0.0
            profits += _add_fold(strategy.fold(venture, int(fold)), sums)
            sharpes.append(sharpe(sums[BARS] - n, sums[S1], sums[S2], annual))
            sums[S1], sums[S2] = sums[S1] + s1, sums[S2] + s2
        fill_evidence(sums, found.evidence[row, which])
        if which == TRAINING:
            told, objectives = np.concatenate([*profits, np.zeros(1)]), found.objectives[row]
            fill_objectives(sums, np.array(sharpes), len(sharpes), told, bars_per_year, objectives)
            fill_descriptor(sums, found.descriptor[row])
            found.violation[row] = max(0.0, 1.0 - sums[TRADES] / trades_min)
    if arenas[venture.master].stress is not None:
        found.objectives[row, STRESS_OBJECTIVE] = strategy.stressed(venture)


def _add_fold(done: FoldOfLegs, sums: Floats) -> list[Floats]:
    """Add a fold to the sums; returns the profits of the trades of each leg."""
    bars = len(done.sum.equity)
    path = Path(done.sum.equity, done.sum.returns, done.sum.excess, done.sum.equity, np.empty((0, len(TRADE_FIELDS))))
    add_path(path, bars, 0, done.sum.equity[-1], done.turnover, sums)
    busy, profits = np.zeros(bars, np.uint8), [np.empty(len(trades)) for trades in done.trades]
    for leg, trades in enumerate(done.trades):
        add_trades(trades, done.sum.shares[leg], busy, sums, profits[leg])
    return profits
