"""Orders, size, regimes and portfolios in plain words: what a genome says of them beyond its logic and its exits."""

from collections.abc import Sequence
from typing import Any

from common.genome.genes import REGIMES

_BLACKOUTS = {
    "month_end": "around the turn of the month",
    "option_expiry": "around the expiry of options",
    "holidays": "around holidays",
}
_METHODS = {
    "weights": "in the proportions of its weights",
    "risk_parity": "so that each adds the same risk (risk parity)",
    "hrp": "by hierarchical risk parity",
}


def heard(document: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a genome as the engine hears it: what is silenced says nothing."""
    silenced = set(document["expression"]["silenced"])
    leave, time, logic = dict(document["exit"]), dict(document["time"]), dict(document["logic"])
    if "target" in silenced:
        leave["target_kind"] = "none"
    if "trail" in silenced:
        leave["trail_kind"] = "none"
    if "time_exit" in silenced:
        leave["time_exit_bars"] = 0
    if "signal_exit" in silenced:
        logic["long_exit"] = logic["short_exit"] = None
    regime = {"allowed": list(REGIMES)} if "regime" in silenced else document["regime"]
    if "time" in silenced:
        time = {"blackout": "none", "hold_min_bars": 0}
    return document | {"exit": leave, "time": time, "logic": logic, "regime": regime}


def bars_text(count: int, name: str) -> str:
    """A number of bars, each called ``name``.

    >>> bars_text(2, "day")
    '2 days'
    """
    return f"{count} {name}{'s' if count != 1 else ''}"


def order_lines(document: dict[str, Any], name: str) -> list[str]:
    """How entries are confirmed, delayed and ordered; ``name``: what a bar is called."""
    entry, execution = document["entry"], document["execution"]
    lines = []
    if entry["confirm_bars"] > 1:
        lines.append(f"The signal must hold at {entry['confirm_bars']} closes in a row.")
    if entry["delay_bars"]:
        lines.append(f"It then waits another {bars_text(entry['delay_bars'], name)}.")
    lines += _orders(entry["order_type"], execution)
    if execution["schedule"] != "single":
        price = "(open + high + low + close) / 4" if execution["schedule"] == "twap" else "(high + low + close) / 3"
        market = "Market entries and" if entry["order_type"] == "market" else "Its"
        lines.append(
            f"{market} exits at an open are instead spread over that bar in {execution['slices']} part(s) "
            f"({execution['schedule'].upper()}), at about {price}."
        )
    if execution["iceberg_fraction"] > 0:
        lines.append(f"It hides {100 * execution['iceberg_fraction']:.3g} % of each order.")
    if execution["latency_budget_ms"] > 0:
        lines.append(f"An entry that would be later than {execution['latency_budget_ms']:.3g} ms is cancelled.")
    return lines


def _orders(order_type: str, execution: dict[str, Any]) -> list[str]:
    maker = execution["preference"] == "maker"
    away = f"{execution['limit_offset_bps']:.3g} basis points"
    if order_type == "limit":
        post = ", and never takes what others offer" if maker else ""
        return [f"It enters by a limit order {away} better than the close, good for one bar{post}."]
    if order_type == "stop":
        return [f"It enters by a stop order {away} beyond the close, good for one bar."]
    if maker and execution["schedule"] == "single":
        return ["It posts its entries at the open, and misses those beyond which the bar never trades."]
    return []


def size_lines(risk: dict[str, Any]) -> list[str]:
    """What changes the size of a position."""
    lines = []
    if risk["budget"] < 1:
        lines.append(f"Its equity is {100 * risk['budget']:.3g} % of the account; size and cap go by that.")
    if risk["drawdown_brake"] < 1:
        lines.append(f"Its size is halved while equity is {100 * risk['drawdown_brake']:.3g} % or more below its peak.")
    if risk["recovery"] != "none":
        factor = "0.5" if risk["recovery"] == "reduce_after_loss" else "1.5"
        lines.append(f"After losses in a row its size is multiplied by {factor} for each, up to three.")
    if risk["kelly"] != "off":
        lines.append(f"From its tenth trade on, size is at most {risk['kelly']} the Kelly fraction of its own trades.")
    return lines


def silence_lines(document: dict[str, Any]) -> list[str]:
    """When it stays out or trades less, other than by regime, hour, weekday and month; and what of it is silenced."""
    lines = []
    blackout = document["time"]["blackout"]
    if blackout != "none":
        lines.append(f"Enters on no signal {_BLACKOUTS[blackout]}.")
    expression = document["expression"]
    for weight, words in (("half", "Enters at half its size"), ("silent", "Enters nothing")):
        regimes = [regime.replace("_", " ") for regime in REGIMES if expression[f"in_{regime}"] == weight]
        if regimes:
            lines.append(f"{words} in these market regimes: {', '.join(regimes)}.")
    if expression["silenced"]:
        names = ", ".join(name.replace("_", " ") for name in expression["silenced"])
        lines.append(f"Carried in the genome but silenced, so without effect: {names}.")
    return lines


def legs(document: dict[str, Any], instruments: Sequence[str]) -> list[str]:
    """The instruments that a portfolio is split between; empty for a strategy that trades its own instrument alone."""
    genes = document["portfolio"]
    if genes["method"] == "single" or len(instruments) < 2:
        return []
    wanted = {slot % len(instruments) for slot in range(8) if genes[f"weight_{slot}"] > 0}
    own = genes["instrument"] % len(instruments)
    return [] if wanted <= {own} else [instruments[slot] for slot in sorted(wanted)]


def portfolio_lines(document: dict[str, Any], instruments: Sequence[str], name: str) -> list[str]:
    """How capital is split; nothing for a strategy on one instrument."""
    names, genes = legs(document, instruments), document["portfolio"]
    if not names:
        return []
    often = f"every {bars_text(genes['rebalance_bars'], name)}" if genes["rebalance_bars"] else "never after the start"
    lines = [f"Splits its capital between {', '.join(names)} {_METHODS[genes['method']]}; rebalances {often}."]
    if genes["correlation_max"] < 1:
        lines.append(
            f"Of two whose returns correlate above {genes['correlation_max']:.2g} it keeps the one of larger weight."
        )
    return lines
