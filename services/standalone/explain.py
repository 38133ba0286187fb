"""A genome in plain words: when it trades, how it gets out, how much it risks, when it stays out, and what it pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.events.spec import Costs
from common.genome.genes import MONTHS, REGIMES, WEEKDAYS
from common.genome.slots import SLOTS
from standalone.cost_words import venue_lines
from standalone.feature_words import HOUR_US, timeframe_names
from standalone.gene_words import bars_text, heard, legs, order_lines, portfolio_lines, silence_lines, size_lines
from standalone.wording import tree_words

DAY_US = 24 * HOUR_US
HOURS = tuple(map(str, range(24)))


@dataclass(frozen=True, slots=True)
class Explanation:
    """``summary`` is one sentence; ``sections`` are a heading and its sentences, in reading order."""

    summary: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {"summary": self.summary, "sections": {heading: list(lines) for heading, lines in self.sections}}


def explain(document: dict[str, Any], instruments: Sequence[str], bar_us: int | None, costs: Costs) -> Explanation:
    """Explain the complete JSON form of a valid genome (``codec.to_json``), bar length in microseconds if known."""
    document = heard(document)
    instrument = (
        instruments[document["portfolio"]["instrument"] % len(instruments)] if instruments else "its instrument"
    )
    if split := legs(document, instruments):
        instrument = " or ".join(split)
    sides = [side for side in ("long", "short") if document["entry"]["direction"] in (side, "both")]
    sections = (
        ("When it trades", _entries(document, sides, instrument, bar_us)),
        ("How it gets out, the first that happens", _exits(document, sides, bar_us)),
        ("How much it puts at risk", _sizing(document, instruments, bar_us)),
        ("When it stays out", _masks(document)),
        ("What it pays", venue_lines(costs, document["execution"]["venue"])),
    )
    return Explanation(_summary(document, sides, instrument, bar_us), sections)


def bar_name(bar_us: int | None) -> str:
    """What one bar is called.

    >>> bar_name(DAY_US)
    'day'
    """
    names = {HOUR_US: "hour", DAY_US: "day", 7 * DAY_US: "week", HOUR_US // 60: "minute"}
    return names.get(bar_us or 0, "bar")


def _distance(kind: str, amount: float) -> str:
    match kind:
        case "percent":
            return f"{amount:.3g} % of the price"
        case "atr":
            return f"{amount:.3g} times the average range of a bar, ATR(14),"
        case _:
            return f"{amount:.3g} times the distance of the stop"


def _summary(document: dict[str, Any], sides: list[str], instrument: str, bar_us: int | None) -> str:
    logic, leave = document["logic"], document["exit"]
    parts = [
        f"{'buys' if side == 'long' else 'sells short'} {instrument} when {_logic(document, f'{side}_entry', bar_us)}"
        for side in sides
    ]
    outs = [f"a stop {_distance(leave['stop_kind'], leave['stop_distance'])} away"]
    if leave["target_kind"] != "none":
        outs.append("a profit target")
    if leave["trail_kind"] != "none":
        outs.append("a trailing stop")
    if leave["time_exit_bars"]:
        outs.append(f"a limit of {_bars(leave['time_exit_bars'], bar_us)}")
    if any(logic[f"{side}_exit"] is not None for side in sides):
        outs.append("an exit signal")
    listed = outs[0] if len(outs) == 1 else f"{', '.join(outs[:-1])} and {outs[-1]}"
    text = f"{'; '.join(parts)}; it gets out by {listed}."
    return text[0].upper() + text[1:]


def _logic(document: dict[str, Any], tree: str, bar_us: int | None) -> str:
    return tree_words(document["logic"][tree], bar_us, document["features"])


def _bars(count: int, bar_us: int | None) -> str:
    return bars_text(count, bar_name(bar_us))


def _entries(document: dict[str, Any], sides: list[str], instrument: str, bar_us: int | None) -> tuple[str, ...]:
    logic = document["logic"]
    lines = []
    for side in sides:
        verb = "Buys" if side == "long" else "Sells short"
        lines.append(f"{verb} {instrument} when {_logic(document, f'{side}_entry', bar_us)}.")
    lines.append(
        f"What the close of one {bar_name(bar_us)} says is done at the open of the next; "
        "it holds one position at a time and looks for a new one only when flat."
    )
    lines += order_lines(document, bar_name(bar_us))
    if len(sides) == 2:
        lines.append("When both sides ask at once it does nothing.")
    names = timeframe_names(bar_us)
    trees = str([logic[f"{side}_{part}"] for side in sides for part in ("entry", "exit")])
    asked = [document["features"][f"slot{slot}_sources"] for slot in range(SLOTS) if f"slot{slot} " in trees]
    if "@" in trees or "@" in str(asked):
        lines.append(f"Of the {names['higher']} and {names['highest']} bars it sees only complete ones.")
    return tuple(lines)


def _exits(document: dict[str, Any], sides: list[str], bar_us: int | None) -> tuple[str, ...]:
    logic, leave = document["logic"], document["exit"]
    lines = []
    for side in sides:
        if logic[f"{side}_exit"] is not None:
            lines.append(
                f"Signal: a {side} position is closed at the next open when "
                f"{_logic(document, f'{side}_exit', bar_us)}; while that holds, no {side} position is opened."
            )
    if leave["time_exit_bars"]:
        lines.append(f"Time: at the open after {_bars(leave['time_exit_bars'], bar_us)} in the position.")
    lines.append(
        f"Stop: {_distance(leave['stop_kind'], leave['stop_distance'])} from the entry price (at most half the price); "
        "it works inside every bar after the entry bar, and a gap through it fills at the open."
    )
    if leave["trail_kind"] != "none":
        lines.append(
            f"Trailing stop: {_distance(leave['trail_kind'], leave['trail_distance'])} from the best price "
            "since entry; it moves at each close and only ever tightens."
        )
    if leave["target_kind"] != "none":
        lines.append(
            f"Target: a profit of {_distance(leave['target_kind'], leave['target_distance'])}; "
            "if one bar touches the stop and the target, the stop is assumed to come first."
        )
    if document["time"]["hold_min_bars"]:
        held = _bars(document["time"]["hold_min_bars"], bar_us)
        lines.append(f"For the first {held} only the stop and the trailing stop are heard.")
    return tuple(lines)


def _sizing(document: dict[str, Any], instruments: Sequence[str], bar_us: int | None) -> tuple[str, ...]:
    risk = document["risk"]
    match risk["sizing"]:
        case "fixed_fraction":
            size = f"Puts {100 * risk['fraction']:.3g} % of its equity into each position."
        case "fixed_risk":
            size = f"Sizes each position so that the stop costs {100 * risk['risk_per_trade']:.2g} % of its equity."
        case "volatility_target":
            size = f"Sizes each position to a yearly volatility of {100 * risk['volatility_target']:.3g} %."
        case _:
            size = (
                f"Trades a constant number of units, worth {100 * risk['fraction']:.3g} % of the equity at the start."
            )
    cap = f"A position is never worth more than {risk['leverage_max']:.3g} times its equity."
    return (size, cap, *size_lines(risk), *portfolio_lines(document, instruments, bar_name(bar_us)))


def _masks(document: dict[str, Any]) -> tuple[str, ...]:
    lines = []
    regimes = document["regime"]["allowed"]
    if len(regimes) < len(REGIMES):
        lines.append(f"Enters only in these market regimes: {_list(regimes)}.")
    time = document["time"]
    masks = (
        ("hours", HOURS, "hours of the day (UTC)"),
        ("weekdays", WEEKDAYS, "weekdays"),
        ("months", MONTHS, "months"),
    )
    for name, everything, words in masks:
        if name in time and len(time[name]) < len(everything):
            lines.append(f"Enters only on signals in these {words}: {_list(time[name])}.")
    lines += silence_lines(document)
    return tuple(lines) or ("Enters in every market regime and at any time.",)


def _list(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
