"""Voting: one position in each market, on the side that most of the strategies there hold."""

from collections.abc import Sequence

import numpy as np

from common.backtest.costs import Floats, venue_of
from standalone.leaderboard_tracks import Ground


def majority(exposures: Floats) -> Floats:
    """Position (n,) after each bar, -1, 0 or 1, from ``exposures`` (voters, n): a side that more than half of all hold.

    >>> majority(np.array([[1.0, 0.5, 0.0], [1.0, -1.0, 0.0], [-1.0, 2.0, 1.0]])).tolist()
    [1.0, 1.0, 0.0]
    """
    votes = np.sign(exposures)
    half = len(exposures) / 2
    return ((votes > 0).sum(axis=0) > half).astype(float) - ((votes < 0).sum(axis=0) > half)


def voted(ground: Ground, genomes: Sequence[np.void], window: str) -> tuple[Floats, int]:
    """Days of the vote of these genomes, and how often it changed position; each market has its voters' share.

    A vote is cast at a close and done at the next open, at the price of a market order; spans start and end flat.
    """
    places = [ground.instrument(genome) for genome in genomes]
    total, changes = np.zeros(len(ground.axis(window))), 0
    for place in sorted(set(places)):
        voters = [genome for genome, where in zip(genomes, places, strict=True) if where == place]
        seen = [dict(ground.replays(genome, window)) for genome in voters]
        share, bars, venue = len(voters) / len(genomes), ground.arenas[place].bars, venue_of(ground.costs, 0)
        fee = venue.taker_fee + venue.half_spread + venue.slippage
        for span in ground.spans(place, window):
            start, stop = span
            idle = np.zeros(stop - start)
            after = majority(np.array([each[span].exposure if span in each else idle for each in seen]))
            held = np.append(0.0, after[:-1])  # over the bar, from its open on
            before = np.append(0.0, held[:-1])  # over the close before it
            closed = np.append(bars.open[start], bars.close[start : stop - 1])
            opened, close = bars.open[start:stop], bars.close[start:stop]
            moved = np.abs(held - before)
            returns = before * (opened / closed - 1.0) + held * (close / opened - 1.0) - fee * moved
            returns[-1] -= fee * abs(held[-1])
            total += share * ground.onto_days(place, span, returns, window)
            changes += int((moved > 0).sum())
    return total, changes
