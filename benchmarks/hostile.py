"""The dearest genomes that can be written, beside the median of the generator's own: what a hostile seed can cost."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.bars import YEAR_BARS, folds_of, hourly_bars
from benchmarks.clock import interleaved, scaled
from benchmarks.growth import trades_of
from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats, cost_table
from common.backtest.measure import measure
from common.backtest.stage import with_stage
from common.events.spec import Costs
from common.genome.codec import from_json
from common.genome.conditions import CONDITIONS
from common.genome.layout import GENOME, GENOME_VERSION, TREE_TOKENS, Population
from generator.initialise import random_population
from generator.tables import Settings

CLONES = 256
RANDOM = 256
KEY = 13
_A, _B = CONDITIONS[0].text, CONDITIONS[len(CONDITIONS) // 2].text
_ALWAYS = ["or", _A, ["not", _A]]
_NEVER = ["and", _A, ["not", _A]]
Json = dict[str, Any]


def chain(operator: str, tree: Any = _B) -> Any:
    """``tree`` under as many operators of one operand as there are tokens left."""
    for _ in range(TREE_TOKENS - _tokens(tree)):
        tree = [operator, tree]
    return tree


def comb(operator: str, inner: str) -> Any:
    """A tree of ``TREE_TOKENS`` tokens that looks at as many bits as there can be, each through ``inner``."""
    tree: Any = [inner, _A]
    while _tokens(longer := [operator, tree, [inner, _B]]) <= TREE_TOKENS:
        tree = longer
    return chain(inner, tree)


def _tokens(tree: Any) -> int:
    return 1 if isinstance(tree, str) else 1 + sum(map(_tokens, tree[1:]))


def _genome(entries: Any, exits: Any, direction: str = "both", **chromosomes: Json) -> Json:
    logic = {"long_entry": entries, "long_exit": exits, "short_entry": entries, "short_exit": exits}
    if direction == "long":
        logic["short_entry"] = logic["short_exit"] = None
    document: Json = {"version": GENOME_VERSION, "logic": logic, **chromosomes}
    document["entry"] = {"direction": direction, **chromosomes.get("entry", {})}
    return document


def _far() -> Json:
    """Exits of every kind, so far away that they are looked for in vain."""
    return {
        "stop_kind": "atr",
        "stop_distance": 20.0,
        "target_kind": "atr",
        "target_distance": 40.0,
        "trail_kind": "atr",
        "trail_distance": 20.0,
    }


def hostile() -> dict[str, Population]:
    """Genomes by what makes them dear, one each."""
    every_bar, sliced = {"time_exit_bars": 1}, {"schedule": "vwap", "slices": 8, "iceberg_fraction": 1.0}
    memory = {"kelly": "half", "recovery": "increase_after_loss", "drawdown_brake": 0.05, "sizing": "volatility_target"}
    in_turn = _genome(_A, _NEVER, exit=every_bar)
    in_turn["logic"]["short_entry"] = ["not", _A]
    worst = _genome(chain("within_20", _ALWAYS), chain("within_20", _NEVER), exit=_far() | every_bar, risk=memory)
    worst["logic"]["short_entry"] = chain("within_20", _NEVER)
    documents = {
        "deepest trees, within_20": _genome(chain("within_20"), chain("within_20")),
        "deepest trees, streak_5": _genome(chain("streak_5"), chain("streak_5")),
        "deepest trees, many conditions": _genome(comb("xor", "within_20"), comb("or", "crossed")),
        "a trade on every bar": _genome(_ALWAYS, _NEVER, "long", exit=every_bar),
        "a trade on every bar, every exit, sliced orders": _genome(
            _ALWAYS, _NEVER, "long", exit=_far() | every_bar, execution=sliced, risk=memory
        ),
        "both sides in turn": in_turn,
        "an order on every bar that is always too late": _genome(
            _ALWAYS, _NEVER, "long", execution={"latency_budget_ms": 1e-6}
        ),
        "an order on every bar out of reach": _genome(
            _ALWAYS, _NEVER, "long", entry={"order_type": "limit"}, execution={"limit_offset_bps": 50.0}
        ),
        "held long, exits out of reach": _genome(_ALWAYS, _NEVER, "long", exit=_far()),
        "stopped out and in again": _genome(
            _ALWAYS,
            _NEVER,
            "long",
            exit={"stop_kind": "percent", "stop_distance": 0.5, "trail_kind": "percent", "trail_distance": 0.5},
        ),
        "deepest trees and busiest at once": worst,
    }
    return {name: np.array([from_json(document)], GENOME) for name, document in documents.items()}


def arena_and_costs(bars: int) -> tuple[Arena, Floats]:
    """Hours with their stress scenarios, and default costs."""
    series, costs = hourly_bars(bars), Costs()
    return with_stage(prepare(series), folds_of(len(series))), cost_table(costs.account, costs.venues())


def bench_hostile(repeats: int, scale: float) -> dict[str, Any]:
    """Microseconds of each hostile genome, of the median and the dearest random one, and the ratios to the median."""
    arena, costs = arena_and_costs(YEAR_BARS)
    folds = folds_of(YEAR_BARS)
    drawn = random_population(scaled(RANDOM, scale, 8), Settings(hours=True), KEY, 0, 0)
    subjects = hostile() | {f"random {row}": drawn[row : row + 1] for row in range(len(drawn))}
    works = {
        name: partial(measure, np.repeat(genome, CLONES), [arena], [folds], costs, 1, False)
        for name, genome in subjects.items()
    }
    seconds = interleaved(works, repeats)
    each_us = {name: taken / CLONES * 1e6 for name, taken in seconds.items()}
    random_us = np.array([each_us[f"random {row}"] for row in range(len(drawn))])
    median_us = float(np.median(random_us))
    rows = [
        {
            "genome": name,
            "trades": float(trades_of(genome, arena, folds, costs)[0]),
            "us": each_us[name],
            "to_median": each_us[name] / median_us,
        }
        for name, genome in hostile().items()
    ]
    return {
        "data": arena.bars.name,
        "bars": YEAR_BARS,
        "random_genomes": len(drawn),
        "median_random_us": median_us,
        "p99_random_to_median": float(np.quantile(random_us, 0.99)) / median_us,
        "ratio_hostile_to_median": max(each_us[name] for name in hostile()) / median_us,
        "hostile": rows,
    }
