"""How many ways to trade are found: elites of frozen cells, evolved, by hand, and on markets without truth.

Cells are holding time x exposure x beta x turnover x regime, told from training. Of each the elite by training counts
if its sealed net Sharpe ratio is above the median of the null lane's elites. The null lane is the whole search on bars
whose signs are flipped at random. Sharpe ratios are of detrended returns, or drift would count as skill. All lanes
measure equally many strategies, but for the classical ones as they are.
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import scaled
from benchmarks.evolution import generations_of
from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats
from common.backtest.measure import VAULT, measure
from common.backtest.replay import replay
from common.backtest.windows import Cut
from common.events.cohorts import EVIDENCE
from common.events.spec import OBJECTIVES, Costs, Windows
from common.genome.genes import REGIMES
from common.genome.layout import Population
from common.market.bars import Bars
from common.market.defaults import default_bars
from common.market.shapes import Shapes, continued, shapes_of
from common.run.stretches import cut_of
from generator.experts import expert_population
from generator.initialise import random_population
from generator.tables import INSTRUMENT, Settings
from standalone.coevolution_joining import joined, part
from standalone.curves import rates_of

OFFSPRING, GENERATIONS = 512, 20
HOLDING, EXPOSURE, BETA, TURNOVER = (4.0, 16.0, 64.0), (0.2, 0.6), (-0.1, 0.1, 0.5), (5.0, 20.0)
"""Edges: mean bars of a trade, share of bars with a position, beta, yearly turnover."""
TURNOVER_MAX, TRADES_MIN = 100.0, 40
FROZEN = hashlib.blake2b(repr((HOLDING, EXPOSURE, BETA, TURNOVER, TURNOVER_MAX, REGIMES)).encode(), digest_size=8)
_PARAMETERS = ("exit.", "risk.", "time.", "regime.", "entry.confirm", "entry.delay")
NULLS = 5
"""Null markets: what one of them drifts in its vault is luck, so the floor is the median over several."""
_COARSE = (np.geomspace(1, 256, 9), np.linspace(0.05, 0.95, 8), np.linspace(0.1, 0.9, 5), np.array(TURNOVER))
_BARS, _Z = EVIDENCE.index("bars"), EVIDENCE.index("detrended_z")

Rows = npt.NDArray[np.int64]


def flipped(bars: Bars, seed: int) -> Bars:
    """The bars with every bar's move turned round or not, by chance: no rule can be worth anything on them."""
    found = shapes_of(bars)
    signs = np.random.Generator(np.random.Philox(seed)).integers(0, 2, len(found.gap)) * 2 - 1
    up = signs > 0

    def turn(moves: Floats, opposite: Floats) -> Floats:
        # In prices, not in logs: flipped logs would drift upwards with the square of volatility, which can be foreseen.
        return np.where(up, moves, np.log(2.0 - np.exp(opposite)))

    turned = Shapes(
        turn(found.gap, found.gap),
        turn(found.high, found.low),
        turn(found.low, found.high),
        turn(found.close, found.close),
        found.volume,
    )
    return continued(bars.until(1), turned, "null")


def _best_of_each(cells: Rows, score: Floats) -> Rows:
    """The row with the best score of each row of ``cells`` (n, k); of equals the first."""
    order = np.argsort(-score, kind="stable")
    return order[np.unique(cells[order], axis=0, return_index=True)[1]]


def _binned(columns: list[Floats], edges: tuple[Any, ...]) -> Rows:
    return np.stack([np.digitize(c, e) for c, e in zip(columns, edges, strict=True)], axis=1).astype(np.int64)


def elites_of(population: Population, arena: Arena, cut: Cut, costs: Floats) -> tuple[Rows, Floats]:
    """Cells (m, 5) that a lane fills, and the sealed Sharpe ratio (m,) of the elite of each.

    Beta and regime need a replay, so they are told of the best of each of some thousand finer cells of the rest.
    """
    found = measure(population, [arena], [cut], costs, TRADES_MIN, True, threads=2)
    turnover = -found.objectives[:, OBJECTIVES.index("turnover")]
    able = np.flatnonzero((found.violation <= 0) & (turnover <= TURNOVER_MAX))
    told = [*found.descriptor[able].T, turnover[able]]
    score = found.objectives[able, 0]
    chosen = able[_best_of_each(_binned(told, _COARSE), score)] if len(able) else able
    market = np.concatenate([np.diff(np.log(arena.bars.close), prepend=np.nan)[a:b] for a, b in cut.training])
    labels = np.concatenate([arena.arrays.regime[a:b] for a, b in cut.training])
    beta, regime = np.zeros(len(chosen)), np.zeros(len(chosen), np.int64)
    for place, row in enumerate(chosen):
        paths = [replay(population[row], arena, a, b, costs) for a, b in cut.training]
        returns = np.concatenate([path.returns for path in paths])
        held = np.abs(np.concatenate([path.exposure for path in paths]))
        beta[place] = np.cov(returns, market)[0, 1] / market.var(ddof=1)
        regime[place] = np.bincount(labels, held, minlength=len(REGIMES)).argmax()
    columns = [found.descriptor[chosen, 0], found.descriptor[chosen, 1], beta, turnover[chosen]]
    cells = np.column_stack([_binned(columns, (HOLDING, EXPOSURE, BETA, TURNOVER)), regime])
    best = _best_of_each(cells, found.objectives[chosen, 0]) if len(cells) else np.empty(0, np.int64)
    vault = found.evidence[chosen[best], VAULT]
    return cells[best], vault[:, _Z] / np.sqrt(vault[:, _BARS] / arena.bars_per_year)


def by_hand(count: int) -> Population:
    """``count`` classical strategies with their parameters drawn anew: what the same compute does for them."""
    known = expert_population()
    hosts = known[np.arange(count) % len(known)]
    return joined(hosts, random_population(count, Settings(), 3, 0, 0), part(_PARAMETERS), (3, 0, 0))


def bench_diversity(repeats: int, scale: float) -> dict[str, Any]:
    """Cells with a quality-floored elite in each lane, on the default S&P 500; ``repeats`` has no say."""
    del repeats
    real, costs = default_bars()[0], rates_of(Costs())
    cut, offspring = cut_of(len(real), Windows()), scaled(OFFSPRING, scale, 80)
    ours = prepare(real)
    arenas = {"evolved": ours} | {f"null {seed}": prepare(flipped(real, seed)) for seed in range(NULLS)}
    lanes = {
        name: np.concatenate(generations_of(arena, offspring, scaled(GENERATIONS, scale, 4)))
        for name, arena in arenas.items()
    }
    lanes |= {"classical": expert_population(), "by hand": by_hand(len(lanes["evolved"]))}
    for population in lanes.values():
        population["alleles"][:, INSTRUMENT] = 0
    found = {name: elites_of(each, arenas.get(name, ours), cut, costs) for name, each in lanes.items()}
    floor = float(np.median(np.concatenate([found[f"null {seed}"][1] for seed in range(NULLS)])))
    rows: list[dict[str, Any]] = [
        {
            "lane": name,
            "strategies": len(lanes[name]),
            "cells_filled": len(ratios),
            "cells_above_floor": int((ratios > floor).sum()),
            "median_sealed_sharpe": float(np.median(ratios)) if len(ratios) else None,
        }
        for name, (_, ratios) in found.items()
    ]
    above: dict[str, float] = {row["lane"]: row["cells_above_floor"] for row in rows}
    above["null"] = float(np.mean([above[f"null {seed}"] for seed in range(NULLS)]))
    return {
        "cells": int(np.prod([len(e) + 1 for e in (HOLDING, EXPOSURE, BETA, TURNOVER)])) * len(REGIMES),
        "definition": FROZEN.hexdigest(),
        "floor_sealed_sharpe": floor,
        "ratio_evolved_to_classical": above["evolved"] / max(above["classical"], 1),
        "ratio_evolved_to_by_hand": above["evolved"] / max(above["by hand"], 1),
        "null_cells_above_floor_mean": above["null"],
        "ratio_evolved_less_null_to_classical": (above["evolved"] - above["null"]) / max(above["classical"], 1),
        "lanes": rows,
    }
