"""Portfolios: one strategy traded on several instruments, their accounts added up under the portfolio genes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats, Venue, concession
from common.backtest.engine import Path
from common.backtest.market import MarketArrays
from common.backtest.phenotype import instrument_of
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, REAL_SLOT
from common.genome.layout import Population
from common.kernel import kernel
from common.market.allocation import LEGS_MAX, SINGLE

_METHOD = ALLELE_SLOT["portfolio.method"]
_REBALANCE = ALLELE_SLOT["portfolio.rebalance_bars"]
_WEIGHT = REAL_SLOT["portfolio.weight_0"]
_CORRELATION = REAL_SLOT["portfolio.correlation_max"]
_REBALANCE_BARS = ALLELE_GENES[_REBALANCE].alleles
LOST = 1e-9
"""A leg's account that is no more than this share of what it began with is lost; scaling it would mean nothing."""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PortfolioGenes:
    """``wanted`` (instruments that a weight can name,): weights of all slots that name one, added up."""

    method: int
    master: int
    wanted: Floats
    correlation_max: float
    rebalance_bars: int

    @property
    def legs(self) -> npt.NDArray[np.intp]:
        """The instruments that are traded, in their order."""
        return np.flatnonzero(self.wanted > 0.0)


def wanted_weights(population: Population | np.void, instruments: int) -> Floats:
    """Weights that the genes give each of the first eight instruments, (n, k), or (k,) for one genome."""
    slots = population["reals"][..., _WEIGHT : _WEIGHT + LEGS_MAX].astype(np.float64)
    legs = min(instruments, LEGS_MAX)
    wanted = slots[..., :legs].copy()
    for slot in range(legs, LEGS_MAX):
        wanted[..., slot % instruments] += slots[..., slot]
    return wanted


def is_portfolio(population: Population, instruments: int) -> npt.NDArray[np.bool_]:
    """Which genomes trade anything but their own instrument, (n,): the others are what ``method`` single makes them."""
    wanted = wanted_weights(population, instruments) > 0.0
    alone = wanted.sum(axis=-1) == 1
    alone &= wanted.argmax(axis=-1) == instrument_of(population, instruments)
    return (population["alleles"][..., _METHOD] != SINGLE) & wanted.any(axis=-1) & ~alone


def portfolio_genes(genome: np.void, instruments: int) -> PortfolioGenes:
    """The portfolio genes of one genome that ``is_portfolio``."""
    return PortfolioGenes(
        int(genome["alleles"][_METHOD]),
        int(instrument_of(genome, instruments)),
        wanted_weights(genome, instruments),
        float(genome["reals"][_CORRELATION]),
        int(_REBALANCE_BARS[genome["alleles"][_REBALANCE]]),
    )


class Legs(NamedTuple):
    """Legs in one fold on the clock of the master, every array (legs, bars of the fold).

    ``equity`` from 1; ``returns`` and ``excess`` of the leg's own bars (see ``engine.Path``) added up; ``value`` of the
    position held over the close, signed, in units of the leg's equity; ``traded`` by the trades entered in the bar,
    exits included, in multiples of the equity before them; ``opened``: how many those are.
    """

    equity: Floats
    returns: Floats
    excess: Floats
    value: Floats
    traded: Floats
    opened: Floats


def make_legs(legs: int, bars: int) -> Legs:
    """Memory for one fold, not filled."""
    return Legs(*(np.empty((legs, bars)) for _ in Legs._fields))


@kernel
def stay_cash(leg: int, legs: Legs) -> None:
    """A leg that does not trade in this fold."""
    for t in range(legs.equity.shape[1]):
        legs.equity[leg, t] = 1.0
        legs.returns[leg, t], legs.excess[leg, t], legs.value[leg, t] = 0.0, 0.0, 0.0
        legs.traded[leg, t], legs.opened[leg, t] = 0.0, 0.0


@kernel
def on_master(
    path: Path, count: int | np.int64, close: Floats, known: Times, start: int, stop: int, leg: int, legs: Legs
) -> None:
    """Write a leg's fold into row ``leg`` of ``legs``, and the bars of its ``count`` trades on the clock of the master.

    ``path``: of bars ``[start, stop)`` of the leg, the trades of which get their entry and exit bars replaced by those
    of the fold's bars, from 0, within which they happen; ``close`` of all its bars; ``known``: its last bar at each
    close of the fold.
    """
    stay_cash(leg, legs)
    j, trade, entered, base, equity = start, 0, 0, 1.0, 1.0
    for t in range(legs.equity.shape[1]):
        until = min(known[t] + 1, stop)
        while j < until:
            equity = path.equity[j - start]
            legs.returns[leg, t] += path.returns[j - start]
            legs.excess[leg, t] += path.excess[j - start]
            j += 1
        while entered < count and path.trades[entered, 1] < until:
            row = path.trades[entered]
            legs.traded[leg, t] += row[5] * (row[3] + row[4]) / base
            legs.opened[leg, t] += 1.0
            base *= 1.0 + row[6]
            row[1] = t
            entered += 1
        while trade < entered and path.trades[trade, 2] < until:
            path.trades[trade, 2] = t
            trade += 1
        if trade < entered:
            legs.value[leg, t] = path.trades[trade, 0] * path.trades[trade, 5] * close[until - 1]
        legs.equity[leg, t] = equity


class Sum(NamedTuple):
    """One fold of a portfolio. ``equity``, ``returns``, ``excess`` (bars,) as in ``engine.Path``.

    ``shares`` (legs, bars): what a return of a leg counts for in that of the portfolio; of a flat leg it says nothing.
    """

    equity: Floats
    returns: Floats
    excess: Floats
    shares: Floats


def make_sum(legs: int, bars: int) -> Sum:
    """Memory for one fold, not filled."""
    return Sum(np.empty(bars), np.empty(bars), np.empty(bars), np.empty((legs, bars)))


def facts_at(market: MarketArrays, bars: Times, venue: Venue) -> Floats:
    """What decides over the concession of market orders after these bars of a leg, (bars, 4).

    Spread factor, volatility of a bar, mean quote volume, and how late the venue is in bars; -1, no bar yet, is bar 0.
    """
    rows = np.maximum(bars, 0)
    late = venue.latency_ms * market.late[rows] / market.bar_ms
    return np.stack([market.spread[rows], market.move[rows], market.volume[rows], late], axis=1)


@kernel
def _split(
    legs: Legs, weights: Floats, t: int, capital: float, venue: Venue, hidden: float, facts: Floats, units: Floats
) -> tuple[float, float, float]:
    """Give each leg its weight of ``capital``; returns capital after the costs, what no leg can hold, traded value.

    ``units``: how many of a leg's accounts, each of which began with 1, the portfolio holds. ``facts`` (legs, 4).
    """
    traded, cost = 0.0, 0.0
    for i in range(len(weights)):
        if t > 0 and legs.equity[i, t - 1] > LOST:
            change = weights[i] * capital / legs.equity[i, t - 1] - units[i]
            moved = abs(change * legs.value[i, t - 1])
            traded += moved
            spread, move, volume, late = facts[i]
            cost += moved * (venue.taker_fee + concession(venue, moved, spread, move, volume, late, hidden, 1.0))
    cost = min(cost, capital)
    after, idle = capital - cost, 0.0
    for i in range(len(weights)):
        equity = legs.equity[i, t - 1] if t > 0 else 1.0
        if equity > LOST:
            units[i] = weights[i] * after / equity
        else:
            units[i] = 0.0
            idle += weights[i] * after
    return after, idle, traded


@kernel
def combine(
    legs: Legs,
    weights: Floats,
    every: int,
    venue: Venue,
    hidden: float,
    facts: Floats,
    units: Floats,
    base: Floats,
    capital: Floats,
    into: Sum,
) -> float:
    """Add the legs up; returns traded value in multiples of equity.

    Before the first bar, and before every ``every``-th after it (0: never again), capital is split anew by the next row
    of ``weights`` (splits, legs): P(t) = P(split) * sum of w_i E_i(t) / E_i(split). That scales what the legs hold, by
    market orders of a taker with ``facts`` (legs, splits, 4) of ``facts_at`` and the genome's ``hidden`` share. What a
    lost leg would get stays cash.

    A portfolio's return of a bar is the change of each leg's account over the portfolio's equity before that leg's
    position was taken, or at the last split if that was later: sum of share_i * r_i with share_i = V_i / P at that
    moment, V_i being the leg's account before its position, scaled as splits have scaled it since. A leg that opens
    anew within the bar counts with its share at the close before. Excess returns have the same shares, so that they are
    free of drift as far as the legs' are. One leg that is never split again is the portfolio, to the last bit.

    ``units``, ``base`` and ``capital`` (legs,) are scratch: accounts held; the account before the position, in the
    leg's own units; the portfolio's equity at the same moment.
    """
    total, idle, turnover, row = 1.0, 0.0, 0.0, 0
    for i in range(len(units)):
        units[i], base[i] = 0.0, 1.0
    for t in range(len(into.equity)):
        cost = 0.0
        if t == 0 or (every > 0 and t % every == 0):
            after, idle, moved = _split(legs, weights[row], t, total, venue, hidden, facts[:, row], units)
            if total > 0.0:
                turnover += moved / total
                cost = (total - after) / total
            total = after
            row += 1
            for i in range(len(units)):
                capital[i] = total
        into.returns[t], into.excess[t] = -cost, -cost
        value = idle
        for i in range(len(units)):
            if legs.opened[i, t] > 0.0:
                base[i], capital[i] = legs.equity[i, t - 1] if t > 0 else 1.0, total
            share = units[i] * base[i] / capital[i] if capital[i] > 0.0 else 0.0
            into.shares[i, t] = share
            into.returns[t] += share * legs.returns[i, t]
            into.excess[t] += share * legs.excess[i, t]
            turnover += share * legs.traded[i, t]
            value += units[i] * legs.equity[i, t]
        total = value
        into.equity[t] = total
    return turnover
