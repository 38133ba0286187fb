"""What a fill costs, at each of the venues that a genome may choose."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import lean_kernel

Floats = npt.NDArray[np.float64]
CONCESSION_MAX = 0.5
"""No market order pays more than this share of the price, however thin the market."""
_BPS = 1e-4
_DAYS_PER_YEAR = 365.25


class Venue(NamedTuple):
    """One row of the cost table: shares of traded value, except where the name says otherwise."""

    maker_fee: float
    taker_fee: float
    half_spread: float
    slippage: float
    slippage_volatility: float
    """Share of one bar's volatility."""
    impact: float
    """Coefficient of the square-root law."""
    latency_ms: float
    participation_max: float
    """Share of the mean volume of a bar that one order takes at most."""
    funding_long_day: float
    funding_short_day: float
    account: float
    """Money that an equity of 1 stands for; 0: too little to move a market."""


def cost_table(account: float, venues: Sequence[Mapping[str, float]]) -> Floats:
    """The venues in the order of the gene ``execution.venue``, shape (venues, fields of ``Venue``).

    Fields come in basis points where their name ends so; one that is not given is 0, ``participation_max`` 1.
    """
    rows = [
        Venue(
            venue.get("maker_fee_bps", 0.0) * _BPS,
            venue.get("taker_fee_bps", 0.0) * _BPS,
            venue.get("spread_bps", 0.0) / 2 * _BPS,
            venue.get("slippage_bps", 0.0) * _BPS,
            venue.get("slippage_volatility", 0.0),
            venue.get("impact", 0.0),
            venue.get("latency_ms", 0.0),
            venue.get("participation_max", 1.0),
            venue.get("funding_long_bps_day", 0.0) * _BPS,
            venue.get("funding_short_bps_day", 0.0) * _BPS,
            account,
        )
        for venue in venues
    ]
    return np.array(rows, np.float64)


def flat_costs(
    maker_fee_bps: float = 0.0, taker_fee_bps: float = 0.0, spread_bps: float = 0.0, slippage_bps: float = 0.0
) -> Floats:
    """The same plain costs at every venue, for an account too small to move a market."""
    venue = {
        "maker_fee_bps": maker_fee_bps,
        "taker_fee_bps": taker_fee_bps,
        "spread_bps": spread_bps,
        "slippage_bps": slippage_bps,
    }
    return cost_table(0.0, [venue] * 3)


@lean_kernel
def venue_of(costs: Floats, venue: int | np.int64) -> Venue:
    """Row ``venue`` of the cost table."""
    row = costs[venue]
    return Venue(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10])


@lean_kernel
def concession(
    venue: Venue, value: float, spread: float, move: float, volume: float, late: float, hidden: float, slices: float
) -> float:
    """How far beyond the price a market order for ``value`` (multiples of the account) fills, as a share of it.

    Half the spread and the fixed slippage, both times the bar's ``spread`` factor; slippage that grows with ``move``,
    the volatility of one bar; impact by the square-root law (Almgren, Thum, Hauptmann and Li 2005; Toth et al. 2011),
    ``volume`` being the mean quote volume of a bar (0: unknown, no impact); and what the price moves during the
    latency, ``late`` being its length in bars. ``hidden`` share of the order and ``slices`` lessen the impact.
    """
    share = venue.half_spread * spread + venue.slippage * spread + venue.slippage_volatility * move
    if volume > 0.0 and venue.account > 0.0 and venue.impact > 0.0:
        share += venue.impact * (1.0 - 0.5 * hidden) * move * math.sqrt(value * venue.account / (volume * slices))
    if late > 0.0:
        share += move * math.sqrt(late)
    return min(share, CONCESSION_MAX)


@lean_kernel
def largest_value(venue: Venue, volume: float) -> float:
    """What one order can take of a market with this mean quote volume a bar, in multiples of the account."""
    if volume > 0.0 and venue.account > 0.0:
        return venue.participation_max * volume / venue.account
    return np.inf


def days_per_bar(bars_per_year: float) -> float:
    """Calendar days that a bar stands for, over which funding accrues."""
    return _DAYS_PER_YEAR / bars_per_year
