"""Strategies side by side: what each earned day by day in one window of a run, on one calendar for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats, venue_of
from common.backtest.measure import Plan, venture_of
from common.backtest.phenotype import instrument_of
from common.backtest.portfolio import is_portfolio
from common.backtest.portfolio_measure import Strategy
from common.backtest.replay import Replay, replay
from common.backtest.windows import Cut, Span
from common.events.spec import RunSpec
from common.genome.tree import conditions_in
from common.market.allocation import Allocation
from common.market.bars import DAY_US, Bars
from common.run.stretches import cut_of
from standalone.curves import rates_of

Days = npt.NDArray[np.int64]
DAYS_PER_YEAR = 365.25
SEEN = ("training", "validation")
"""The windows that breeding or its guard has seen: nothing is given away by what is played there."""


@dataclass(frozen=True, slots=True)
class Track:
    """``daily`` (days,): net return of each day of the axis, 0 where the market was shut; and how many trades."""

    daily: Floats
    trades: int


@dataclass(frozen=True, slots=True)
class Ground:
    """The markets of a run, ready for the strategies that it was made for."""

    spec: RunSpec
    arenas: tuple[Arena, ...]
    cuts: tuple[Cut, ...]
    costs: Floats
    allocation: Allocation

    @classmethod
    def of(cls, spec: RunSpec, bars: Sequence[Bars], genomes: Iterable[np.void]) -> "Ground":
        """Prepare every instrument with just the conditions that these genomes have."""
        wanted: set[int] = reduce(or_, (set(conditions_in(genome["trees"])) for genome in genomes), set())
        return cls(
            spec,
            tuple(prepare(series, sorted(wanted)) for series in bars),
            tuple(cut_of(len(series), spec.windows) for series in bars),
            rates_of(spec.costs),
            Allocation(bars),
        )

    def instrument(self, genome: np.void) -> int:
        """Which instrument a genome trades."""
        return int(instrument_of(genome, len(self.arenas)))

    def spans(self, place: int, window: str) -> tuple[Span, ...]:
        """The spans of a window on an instrument; empty where it has no bar."""
        cut = self.cuts[place]
        found = {"training": cut.training, "validation": cut.validation, "vault": cut.vault, "paper": (cut.paper,)}
        return tuple(span for span in found[window] if span[1] > span[0])

    def axis(self, window: str) -> Days:
        """Days since 1970 (UTC) on which any instrument has a bar in the window, ascending."""
        parts = [
            self.arenas[place].bars.ts_us[start:stop] // DAY_US
            for place in range(len(self.arenas))
            for start, stop in self.spans(place, window)
        ]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    def track(self, genome: np.void, window: str, place: int | None = None) -> Track:
        """What a genome earns in a window, on its own instrument or on ``place``; spans start flat."""
        if place is None and bool(is_portfolio(genome.reshape(1), len(self.arenas))[0]):
            return self._portfolio(genome, window)
        place = self.instrument(genome) if place is None else place
        daily, trades = np.zeros(len(axis := self.axis(window))), 0
        for start, stop in self.spans(place, window):
            found = replay(genome, self.arenas[place], start, stop, self.costs)
            self._add(place, (start, stop), found.returns, axis, daily)
            trades += len(found.trades)
        return Track(daily, trades)

    def replays(self, genome: np.void, window: str) -> list[tuple[Span, Replay]]:
        """A genome that trades one instrument, span by span; of a portfolio none."""
        if bool(is_portfolio(genome.reshape(1), len(self.arenas))[0]):
            return []
        place = self.instrument(genome)
        return [(span, replay(genome, self.arenas[place], *span, self.costs)) for span in self.spans(place, window)]

    def hold(self, window: str, place: int) -> Track:
        """Buy and hold: in at the first open and out at the last close of each span, a market order each way."""
        daily, axis = np.zeros(len(self.axis(window))), self.axis(window)
        venue, bars = venue_of(self.costs, 0), self.arenas[place].bars
        fee = venue.taker_fee + venue.half_spread + venue.slippage
        spans = self.spans(place, window)
        for start, stop in spans:
            before = np.append(bars.open[start], bars.close[start : stop - 1])
            returns = bars.close[start:stop] / before - 1.0
            returns[0] -= fee
            returns[-1] -= fee
            self._add(place, (start, stop), returns, axis, daily)
        return Track(daily, len(spans))

    def onto_days(self, place: int, span: Span, returns: Floats, window: str) -> Floats:
        """Returns of the bars of a span, added up day by day on the axis of the window."""
        daily = np.zeros(len(axis := self.axis(window)))
        self._add(place, span, returns, axis, daily)
        return daily

    def _add(self, place: int, span: Span, returns: Floats, axis: Days, daily: Floats) -> None:
        days = self.arenas[place].bars.ts_us[span[0] : span[1]] // DAY_US
        np.add.at(daily, np.searchsorted(axis, days), returns)

    def _portfolio(self, genome: np.void, window: str) -> Track:
        master, axis = self.instrument(genome), self.axis(window)
        spans = np.array(self.spans(master, window), np.int64).reshape(-1, 2)
        plan = Plan(spans, np.zeros(len(spans), np.int64))
        venture = venture_of(master, plan, self.arenas, self.allocation)
        strategy, daily, trades = Strategy.of(genome, self.arenas, self.costs), np.zeros(len(axis)), 0
        for fold, (start, stop) in enumerate(spans.tolist()):
            found = strategy.fold(venture, fold)
            self._add(master, (start, stop), found.sum.returns, axis, daily)
            trades += sum(map(len, found.trades))
        return Track(daily, trades)


def per_year(axis: Days) -> float:
    """Days of the axis in a year."""
    return DAYS_PER_YEAR * len(axis) / (int(axis[-1] - axis[0]) + 1) if len(axis) else DAYS_PER_YEAR


def figures(daily: Floats, days_per_year: float) -> dict[str, Any]:
    """Total return, yearly Sharpe ratio and volatility (0 for a constant), and the deepest fall, of days (n,)."""
    wealth = np.cumprod(1.0 + daily)
    deviation = float(daily.std(ddof=1)) if len(daily) > 1 else 0.0
    peak = np.maximum.accumulate(np.maximum(wealth, 1.0)) if len(daily) else np.ones(0)
    return {
        "total_return": float(wealth[-1]) - 1.0 if len(daily) else 0.0,
        "sharpe_annual": float(daily.mean()) / deviation * days_per_year**0.5 if deviation > 0.0 else 0.0,
        "volatility_annual": deviation * days_per_year**0.5,
        "drawdown_max": float((1.0 - wealth / peak).max(initial=0.0)),
    }
