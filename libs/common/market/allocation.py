"""How capital is split over the legs of a portfolio, from nothing that was not known at the close before the split."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

import numpy as np

from common.kernel import kernel
from common.market.alignment import Spans, known_at, leg_spans, returns_on
from common.market.bars import Bars, Times
from common.market.hierarchical import Floats, Places, Tree, correlation, hierarchical_weights, make_tree

SINGLE, WEIGHTS, RISK_PARITY, HRP = range(4)
"""Alleles of ``portfolio.method``."""
LEGS_MAX = 8
"""Weight slots of a genome; slot s is of instrument s mod n."""
VOLATILITY_BARS = 120
CORRELATION_BARS = 250


class Splits(NamedTuple):
    """What is known at the dates of one fold at which capital is split: of the bars before them, and of nothing else.

    ``dates`` (S,): bars of the master. ``covariance`` (S, k, k) of the returns of the first k instruments over the last
    CORRELATION_BARS bars of the master, ``volatility`` (S, k) over the last VOLATILITY_BARS; of one bar, NaN for an
    instrument that has no return on all of them.
    """

    dates: Times
    covariance: Floats
    volatility: Floats


@kernel
def covariances(returns: Floats, dates: Times, window: int, into: Floats) -> None:
    """Sample covariances of ``returns`` (T, k) on the ``window`` rows before each of ``dates``, into (S, k, k).

    ``returns`` have NaN only in front; a column with one among the rows gets NaN.
    """
    k = returns.shape[1]
    for s in range(len(dates)):
        first = dates[s] - window
        for i in range(k):
            for j in range(i + 1):
                known = first >= 0 and not math.isnan(returns[first, i]) and not math.isnan(returns[first, j])
                value = np.nan
                if known:
                    mean_i, mean_j, value = 0.0, 0.0, 0.0
                    for t in range(first, dates[s]):
                        mean_i += returns[t, i]
                        mean_j += returns[t, j]
                    mean_i, mean_j = mean_i / window, mean_j / window
                    for t in range(first, dates[s]):
                        value += (returns[t, i] - mean_i) * (returns[t, j] - mean_j)
                    value /= window - 1
                into[s, i, j], into[s, j, i] = value, value


@kernel
def _accept(wanted: Floats, covariance: Floats, correlation_max: float, legs: Places) -> int:
    """Legs by falling weight (equal: the earlier), less those correlated with an accepted one; into ``legs``, how many.

    What is not known of a pair does not part it.
    """
    count, last, last_at = 0, np.inf, -1
    for _ in range(len(wanted)):
        best, at = 0.0, -1
        for i in range(len(wanted)):
            later = wanted[i] < last or (wanted[i] == last and i > last_at)
            if later and wanted[i] > best:
                best, at = wanted[i], i
        if at < 0:
            break
        last, last_at, fits = best, at, True
        for other in range(count):
            fits = fits and not correlation(covariance, at, legs[other]) > correlation_max
        if fits:
            legs[count] = at
            count += 1
    return count


@kernel
def split_weights(
    method: int | np.int64,
    wanted: Floats,
    correlation_max: float,
    splits: Splits,
    legs: Places,
    risky: Places,
    tree: Tree,
    into: Floats,
) -> None:
    """Share of capital of each instrument at each split, ``into`` (S, k); every row sums to 1.

    ``wanted`` (k,): the weights that the genes ask for, at least one above 0. Legs are the instruments with weight,
    less those whose correlation with a leg of more weight is above ``correlation_max``. WEIGHTS: by the genes.
    RISK_PARITY: inverse to volatility. HRP: ``hierarchical_weights``. Under the last two a leg whose risk is 0 or not
    known yet gets nothing, unless that is true of all legs, which then get what the genes ask for. ``legs``, ``risky``
    (k,) and ``tree`` are scratch.
    """
    for s in range(len(splits.dates)):
        weights, covariance, volatility = into[s], splits.covariance[s], splits.volatility[s]
        for i in range(len(weights)):
            weights[i] = 0.0
        count, able = _accept(wanted, covariance, correlation_max, legs), 0
        for place in range(count):
            weights[legs[place]] = wanted[legs[place]]
        for leg in range(len(weights)):  # in the order of instruments, so that HRP knows nothing of the genes' weights
            risk = volatility[leg] if method == RISK_PARITY else covariance[leg, leg]
            if method != WEIGHTS and weights[leg] > 0.0 and risk > 0.0:
                risky[able] = leg
                able += 1
        if able > 0:
            for i in range(len(weights)):
                weights[i] = 0.0
        if able > 0 and method == HRP:
            hierarchical_weights(covariance, risky, able, tree, weights)
        elif able > 0:
            for place in range(able):
                weights[risky[place]] = 1.0 / volatility[risky[place]]
        total = 0.0
        for i in range(len(weights)):
            total += weights[i]
        for i in range(len(weights)):
            weights[i] /= total


@dataclass(frozen=True, slots=True)
class Allocation:
    """The instruments of a run on each other's clocks, and what their past says at dates of a split.

    Knows no genome. Everything is computed when first asked for and then kept; threads may ask at the same time.
    """

    bars: Sequence[Bars]
    _known: dict[tuple[int, int], Times] = field(default_factory=dict)
    _returns: dict[int, Floats] = field(default_factory=dict)
    _splits: dict[tuple[int, int, int, int], Splits] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def legs(self) -> int:
        """How many instruments, from the first on, a weight can name."""
        return min(len(self.bars), LEGS_MAX)

    def known(self, master: int, leg: int) -> Times:
        """``alignment.known_at`` of two instruments."""
        with self._lock:
            return self._known_of(master, leg)

    def spans(self, master: int, leg: int, spans: Spans) -> Spans:
        """``alignment.leg_spans`` of two instruments, for spans (folds, 2) of the master."""
        return leg_spans(self.bars[master], self.bars[leg], self.known(master, leg), spans)

    def splits(self, master: int, start: int, stop: int, every: int) -> Splits:
        """Dates ``start``, and each ``every`` bars after it before ``stop`` (0: none), on the clock of ``master``."""
        key = (master, start, stop, every)
        with self._lock:
            if key not in self._splits:
                self._splits[key] = self._moments(master, np.arange(start, stop, every or max(stop - start, 1)))
            return self._splits[key]

    def _known_of(self, master: int, leg: int) -> Times:
        if (master, leg) not in self._known:
            self._known[master, leg] = known_at(self.bars[master], self.bars[leg])
        return self._known[master, leg]

    def _moments(self, master: int, dates: Times) -> Splits:
        if master not in self._returns:
            columns = [returns_on(self._known_of(master, leg), self.bars[leg].close) for leg in range(self.legs)]
            self._returns[master] = np.stack(columns, axis=1)
        returns = self._returns[master]
        covariance, recent = np.empty((2, len(dates), self.legs, self.legs))
        covariances(returns, dates, CORRELATION_BARS, covariance)
        covariances(returns, dates, VOLATILITY_BARS, recent)
        return Splits(dates, covariance, np.sqrt(np.diagonal(recent, axis1=1, axis2=2)))

    def weights(self, method: int, wanted: Floats, correlation_max: float, splits: Splits) -> Floats:
        """``split_weights`` with memory of its own, (S, k)."""
        into = np.empty((len(splits.dates), self.legs))
        lists = np.empty((2, self.legs), np.int64)
        split_weights(method, wanted, correlation_max, splits, lists[0], lists[1], make_tree(self.legs), into)
        return into
