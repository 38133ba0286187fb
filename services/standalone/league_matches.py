"""Matches of the league: every player on every market, block by block of the windows that breeding has seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common.backtest.costs import Floats
from common.backtest.replay import replay
from standalone.leaderboard_tracks import SEEN, Ground
from standalone.league_players import Player

BLOCK_BARS = 60


class Field(NamedTuple):
    """Where matches are played: ``names`` of the blocks, and the score (blocks, players) of everybody on each."""

    names: tuple[str, ...]
    scores: Floats


def score(returns: Floats) -> float:
    """The t-value of the returns of a block: what it earned for its risk; 0 for who stayed out."""
    deviation = float(returns.std(ddof=1))
    return float(returns.mean()) / deviation * float(np.sqrt(len(returns))) if deviation > 0.0 else 0.0


def play(ground: Ground, players: Sequence[Player]) -> Field:
    """Everybody's scores. All trade the same market, whichever their genes name; a span is traded once and then cut.

    Blocks are of ``BLOCK_BARS`` bars or a little more, of training and validation; the vault and what follows are
    not played on, for winners breed.
    """
    names, rows = [], []
    for place, arena in enumerate(ground.arenas):
        for window in SEEN:
            for start, stop in ground.spans(place, window):
                found = [replay(each.genome, arena, start, stop, ground.costs).returns for each in players]
                for bars in np.array_split(np.arange(stop - start), max((stop - start) // BLOCK_BARS, 1)):
                    names.append(f"{arena.bars.name} {window} {start + bars[0]}")
                    rows.append([score(returns[bars]) for returns in found])
    return Field(tuple(names), np.array(rows, np.float64).reshape(len(names), len(players)))


def ranks(scores: Floats) -> list[int]:
    """Rank of each score (n,), 0 for the highest; equal scores share the best rank among them.

    >>> ranks(np.array([0.0, 2.0, 0.0, -1.0]))
    [1, 0, 1, 3]
    """
    return [int((scores > mine).sum()) for mine in scores]
