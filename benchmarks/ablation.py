"""What each part of evolution adds on our markets: vault performance and diversity beside the plain default, paired.

Every history ends where the vault of a run of today would begin, so that what a user's champions are judged on decides
no default here; the vault of this benchmark is the last part of what is left.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.costs import cost_table
from common.backtest.measure import VALIDATION, VAULT, measure
from common.events.cohorts import EVIDENCE
from common.events.spec import RunSpec
from common.genome.layout import GENOME
from common.genome.operators import CROSSOVERS, MUTATIONS
from common.market.bars import Bars
from common.market.defaults import default_bars
from common.market.importing import read_bars
from common.market.synthetic import planted
from common.run.stretches import cut_of
from evaluator.preparing import arenas_of
from evaluator.service import service as evaluator
from generator.service import SERVICE as GENERATOR
from selector.archive import cells
from selector.service import SERVICE as SELECTOR
from selector.state import Members
from standalone.laboratory import Course, Z, best_of_cells, history, paired
from standalone.request import data_spec

GENERATIONS = 30
ISLANDS, OFFSPRING, POPULATION = 4, 512, 128
BEST = 20
"""So many elites of a run, chosen by validation and one of each cell, are shown to the vault."""
SHARED = Path(__file__).parents[2] / "shared" / "market"
FILES = ("BTCUSDT-1h", "EURUSD-1h", "XAUUSD-1h", "SPY-1d")
PLANTED = 0.12
"""Share of a day's return that the next takes back: near what can just be found."""
RETURN, TRADES = (EVIDENCE.index(name) for name in ("total_return", "trades"))

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "random search": {"evolution": {"immigrant_rate": 1.0}},
    "one island of four times the size": {
        "islands": 1,
        "evolution": {"offspring": ISLANDS * OFFSPRING, "population": ISLANDS * POPULATION},
    },
    "islands without migration": {"evolution": {"migrants": 0}},
    "islands, everybody to everybody": {"evolution": {"migration": {"topology": "full"}, "migrants": 3}},
    "islands, the most different migrate": {"evolution": {"migration": {"choice": "diverse"}}},
    "islands by side": {"evolution": {"specialisation": "side"}},
    "islands by regime": {"evolution": {"specialisation": "regime"}},
    "no parents from the archive": {"evolution": {"archive_parents": 0}},
    "crowding (NSGA-II)": {"evolution": {"survival": {"method": "crowding"}}},
    "weighted sum (plain GA)": {"evolution": {"survival": {"method": "fitness"}}},
    "lexicase": {"evolution": {"selection": {"method": "lexicase"}}},
    "roulette": {"evolution": {"selection": {"method": "roulette"}}},
    "no crossover": {"evolution": {"crossover_rate": 0.0}},
    "no mutation": {"evolution": {"mutation_rate": 0.0}},
    "all operators alike": {
        "evolution": {
            "operators": dict.fromkeys((*CROSSOVERS, *MUTATIONS), 1.0),
        }
    },
    "operators by credit": {"evolution": {"adaptation": {"operators": True}}},
    "rates by success": {"evolution": {"adaptation": {"rates": True}}},
    "species": {"evolution": {"species": {"wanted": 8}}},
    "novelty of behaviour, a fifth": {"evolution": {"survival": {"novelty": 0.2}}},
    "novelty of structure, a fifth": {"evolution": {"survival": {"novelty": 0.2, "novelty_of": "structure"}}},
    "iso-line emitter, a fifth": {"evolution": {"archive": {"iso_line": 0.2}}},
    "CMA-ME emitter, a fifth": {"evolution": {"archive": {"covariance": 0.2}}},
    "archive of 512 CVT cells": {"evolution": {"archive": {"shape": "cvt"}}},
    "restarts": {"evolution": {"adaptation": {"restart": True, "stagnation": 8}}},
    "extinction of half": {"evolution": {"adaptation": {"extinction": 0.5}}},
    "tabu": {"evolution": {"adaptation": {"tabu": True}}},
    "innovation bonus": {"evolution": {"adaptation": {"innovation": 0.5}}},
}


@dataclass(frozen=True, slots=True)
class Result:
    """One run: mean vault z and share of positive vault returns of its best, cells with profit in validation, time."""

    vault_z: float
    vault_positive: float
    cells: int
    cpu_us: float


@cache
def markets() -> list[Bars]:
    """Those of the installed package, those that lie beside the repository, and one with an edge in it."""
    found = [history(bars) for bars in default_bars()]
    found += [history(read_bars(SHARED / f"{name}.parquet")[0]) for name in FILES if SHARED.is_dir()]
    return [*found, planted(5, 4000, PLANTED)]


@cache
def prepared(place: int) -> list[Arena]:
    """The arena of one market, stress scenarios included."""
    bars = markets()[place]
    return arenas_of(spec_of(bars, {}, 0), [bars], 1)


def spec_of(bars: Bars, variant: dict[str, Any], seed: int) -> RunSpec:
    """A run of this variant: the same number of genomes for each."""
    plain = {"offspring": OFFSPRING, "population": POPULATION, "trades_min": 20}
    fields = {"islands": ISLANDS, "seed": seed, "generations": GENERATIONS, "data": (data_spec(bars),)} | variant
    return RunSpec.model_validate(fields | {"evolution": plain | variant.get("evolution", {})})


def run_one(variant: dict[str, Any], job: tuple[int, int]) -> Result:
    """One run from its seed; ``job``: market and seed."""
    place, seed = job
    run, arenas = spec_of(markets()[place], variant, seed), prepared(place)
    course = Course(run, [GENERATOR, evaluator(arenas), SELECTOR])
    course.onward()
    return judge(course.feasible(), run, arenas, 1e6 * sum(course.cpu_s.values()) / course.proposed)


def judge(members: Members, run: RunSpec, arenas: Sequence[Arena], cpu_us: float) -> Result:
    """What the best by validation, one of each cell, do in the vault; and how many cells have profit in validation."""
    shown = members["evidence"][:, VALIDATION]
    members = members[(shown[:, RETURN] > 0) & (shown[:, TRADES] >= run.promotion.validation_trades_min)]
    if not len(members):
        return Result(0.0, 0.0, 0, cpu_us)
    genomes = np.ascontiguousarray(best_of_cells(members, VALIDATION, BEST)["genome"]).view(GENOME)
    cuts = [cut_of(data.bars, run.windows) for data in run.data]
    costs = cost_table(run.costs.account, run.costs.venues())
    vault = measure(genomes, arenas, cuts, costs, run.evolution.trades_min, True).evidence[:, VAULT]
    found = len(np.unique(cells(members["descriptor"])))
    return Result(float(vault[:, Z].mean()), float((vault[:, RETURN] > 0).mean()), found, cpu_us)


def bench_ablation(repeats: int, scale: float) -> dict[str, Any]:
    """The table of variants; ``repeats`` is how many seeds, 5 unless said, ``scale`` how many of the variants."""
    seeds = repeats
    names = list(VARIANTS)[: max(2, round(scale * len(VARIANTS)))]
    jobs = [(place, seed) for place in range(len(markets())) for seed in range(seeds)]
    found: dict[str, list[Result]] = {}
    with ProcessPoolExecutor(2) as pool:
        for name in names:
            found[name] = list(pool.map(partial(run_one, VARIANTS[name]), jobs))
            print(f"{name}: {np.mean([each.vault_z for each in found[name]]):.3f}", file=sys.stderr, flush=True)

    def table(name: str, figure: str) -> npt.NDArray[np.float64]:
        return np.array([getattr(each, figure) for each in found[name]], np.float64).reshape(len(markets()), seeds)

    rows = []
    for name in names:
        row: dict[str, Any] = {"variant": name}
        for figure in ("vault_z", "cells"):
            mean, low, high = paired(table(name, figure), table("default", figure))
            row |= {figure: float(table(name, figure).mean())}
            row |= {f"{figure}_added": mean, f"{figure}_low": low, f"{figure}_high": high}
        row["vault_positive"] = float(table(name, "vault_positive").mean())
        row["cpu_us_per_strategy"] = float(table(name, "cpu_us").mean())
        rows.append(row)
    return {
        "markets": [bars.name for bars in markets()],
        "seeds": seeds,
        "strategies": GENERATIONS * ISLANDS * OFFSPRING,
        "variants": rows,
    }
