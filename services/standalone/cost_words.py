"""Costs in plain words, for explanations and reports."""

from common.events.spec import Costs, Venue


def taker_bps(venue: Venue) -> float:
    """What any market order pays, before what depends on the market, in basis points of its value.

    >>> taker_bps(Venue())
    3.0
    """
    return venue.taker_fee_bps + venue.spread_bps / 2 + venue.slippage_bps


def venue_of(costs: Costs, name: str) -> Venue:
    """The venue of an allele of ``execution.venue``; one that is not given is as the default."""
    found: Venue | None = getattr(costs, name)
    return found or costs.default


def venue_lines(costs: Costs, name: str) -> tuple[str, ...]:
    """What a strategy pays that trades at the venue ``name``, sentence by sentence."""
    venue = venue_of(costs, name)
    where = "" if name == "default" else f"At the venue \u201c{name}\u201d"
    if where and getattr(costs, name) is None:
        where += ", which in this run is as the default"
    opening = f"{where}, a market order" if where else "A market order"
    moving = f" and {100 * venue.slippage_volatility:g} % of one bar's volatility" if venue.slippage_volatility else ""
    lines = [
        f"{opening} pays {taker_bps(venue):g} basis points of its value: fee {venue.taker_fee_bps:g}, "
        f"half the spread {venue.spread_bps / 2:g}, slippage {venue.slippage_bps:g}{moving}.",
        f"A limit order (every target is one) pays {venue.maker_fee_bps:g}.",
    ]
    if costs.account:
        lines.append(_size(costs.account, venue))
    if venue.latency_ms:
        lines.append(f"An order is {venue.latency_ms:g} ms late on average; prices move against it meanwhile.")
    if venue.funding_long_bps_day or venue.funding_short_bps_day:
        sides = (("long", venue.funding_long_bps_day), ("short", venue.funding_short_bps_day))
        told = [f"a {side} one {'receives' if rate < 0 else 'pays'} {abs(rate):g}" for side, rate in sides]
        lines.append(f"Per day held, in basis points of a position's value, {' and '.join(told)}.")
    return tuple(lines)


def costs_lines(costs: Costs) -> tuple[str, ...]:
    """The venues that a run was given, one sentence each, and the account."""
    shown = ["default", *(name for name in ("cheap", "expensive") if getattr(costs, name) is not None)]
    lines = [f"Costs at the venue \u201c{name}\u201d: {_figures(venue_of(costs, name))}." for name in shown]
    if len(shown) == 1:
        lines[0] = f"Costs, the same at every venue: {_figures(costs.default)}."
    account = f"{costs.account:,.0f}" if costs.account else "too small to move a market"
    return (*lines, f"Account of one strategy: {account}.")


def _size(account: float, venue: Venue) -> str:
    share = f"takes at most {100 * venue.participation_max:g} % of a bar's mean volume"
    if not venue.impact:
        return f"With an account of {account:,.0f} an order {share}."
    return (
        f"With an account of {account:,.0f} an order {share} and moves the price by {venue.impact:g} times one bar's "
        "volatility times the square root of that share."
    )


def _figures(venue: Venue) -> str:
    return (
        f"taker fee {venue.taker_fee_bps:g}, maker fee {venue.maker_fee_bps:g}, spread {venue.spread_bps:g}, slippage "
        f"{venue.slippage_bps:g} basis points and {100 * venue.slippage_volatility:g} % of a bar's volatility; "
        f"impact {venue.impact:g}; latency {venue.latency_ms:g} ms; at most {100 * venue.participation_max:g} % of "
        f"the volume; funding {venue.funding_long_bps_day:g} long and {venue.funding_short_bps_day:g} short basis "
        "points a day"
    )
