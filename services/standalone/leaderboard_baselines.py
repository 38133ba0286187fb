"""What a champion has to beat: holding the market, the classical strategies, and its own trades at random."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats
from common.backtest.replay import Replay
from common.random import new_stream
from generator.experts import experts
from standalone.leaderboard_statistics import random_entries
from standalone.leaderboard_tracks import SEEN, Ground, figures, per_year

HOLD, ALL, BEST, RANDOM = "buy and hold", "the classics together", "the best classic", "random entries"
"""``ALL``: the classical strategies at equal weights; ``BEST``: that which was best in training and validation."""


class Classic(NamedTuple):
    """A classical strategy on one instrument: ``before`` is its yearly Sharpe ratio in training and validation."""

    name: str
    place: int
    daily: Floats
    trades: int
    before: float


def classics(ground: Ground, window: str) -> list[Classic]:
    """Every classical strategy on every instrument, with what it did in the window and what it had shown before it."""
    axes = {name: ground.axis(name) for name in SEEN}
    annual = per_year(np.concatenate([axes[name] for name in SEEN]))
    found = []
    for place in range(len(ground.arenas)):
        for expert in experts():
            seen = np.concatenate([ground.track(expert.genome, name, place).daily for name in SEEN])
            track = ground.track(expert.genome, window, place)
            before = figures(seen, annual)["sharpe_annual"]
            found.append(Classic(expert.name, place, track.daily, track.trades, before))
    return found


def rivals(ground: Ground, window: str, place: int, known: list[Classic]) -> Iterator[tuple[str, Floats]]:
    """Name and days of what a strategy on this instrument is tested against day by day."""
    here = [classic for classic in known if classic.place == place]
    yield HOLD, ground.hold(window, place).daily
    yield ALL, np.mean([classic.daily for classic in here], axis=0)
    yield BEST, max(here, key=lambda classic: classic.before).daily


def luck(ground: Ground, genome: np.void, window: str, key: int, draws: int) -> Floats:
    """Yearly Sharpe ratios (draws,) of a genome's own trades, entered at random times: equal turnover and equal costs.

    None at all where it does not trade, or trades several instruments.
    """
    replays = [(span, found, _trades_of(found, span[0])) for span, found in ground.replays(genome, window)]
    if not any(len(bars) for _, _, (bars, _, _) in replays):
        return np.empty(0)
    place, axis = ground.instrument(genome), ground.axis(window)
    bars, annual, ratios = ground.arenas[place].bars, per_year(axis), np.empty(draws)
    for draw in range(draws):
        daily, stream = np.zeros(len(axis)), new_stream(np.uint64(key), 0, 1, draw)
        for (start, stop), found, (lengths, worth, costs) in replays:
            returns = np.empty(len(found.returns))
            random_entries(stream, bars.open[start:stop], bars.close[start:stop], lengths, worth, costs, returns)
            daily += ground.onto_days(place, (start, stop), returns, window)
        ratios[draw] = figures(daily, annual)["sharpe_annual"]
    return ratios


def _trades_of(found: Replay, start: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats, Floats]:
    """Bars, signed worth as a multiple of the equity, and costs as a share of it, of each trade.

    A trade that a stop ends within a bar counts as ended at its open.
    """
    equity = np.append(1.0, found.equity)
    rows = []
    for trade in found.trades:
        before = equity[trade.entry_bar - start]
        worth = trade.side * trade.units * trade.entry_price / before
        gross = worth * (trade.exit_price / trade.entry_price - 1.0)
        rows.append((trade.exit_bar - trade.entry_bar, worth, gross - trade.profit))
    table = np.array(rows, np.float64).reshape(-1, 3)
    return table[:, 0].astype(np.int64), table[:, 1].copy(), table[:, 2].copy()
