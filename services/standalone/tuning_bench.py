"""Where settings are tried: markets without a vault, runs side by side in stretches, elites judged on validation."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.backtest.measure import TRAINING, VALIDATION
from common.events.spec import RunSpec, Windows
from common.market.bars import Bars
from common.market.defaults import default_bars
from common.market.synthetic import planted
from evaluator.preparing import arenas_of
from evaluator.service import service as evaluator
from generator.service import SERVICE as GENERATOR
from selector.service import SERVICE as SELECTOR
from selector.state import Members
from standalone.laboratory import Course, Z, best_of_cells, history, part
from standalone.request import build_spec, read_data
from standalone.tuning_space import BLOCKS, generations_of, merged

ELITES = 20
"""So many elites of a run, chosen by training and one of each cell, are judged on validation."""
NOBODY = -3.0
"""Worth of an elite that was not found: or a run that finds few or none would beat one whose elites lose a little."""
WINDOWS = {"training": 0.55, "validation": 0.35, "vault": 0.05}
"""Of what is left before the vault of a run; a tuning needs no vault of its own."""
_PLANTED_BARS, _PLANTED = 2_500, 0.12
"""The share of a day's return that the next takes back is near what can just be found."""


@dataclass(frozen=True, slots=True)
class Market:
    """Bars before any vault, and the digest of the whole series that they are from."""

    bars: Bars
    digest: str
    made_up: bool = False

    @classmethod
    def of(cls, series: Bars, windows: Windows) -> "Market":
        """What a tuning may see of a series; raises DataError where it is too short."""
        return cls(history(series, windows), series.digest)


def markets_of(
    data: Sequence[Path], held_out: Sequence[Path], base: Mapping[str, Any]
) -> tuple[list[Market], list[Market]]:
    """Markets to train and to judge on, from files or, where there are none, built in. Raises what reading raises."""
    found = []
    for paths in (data, held_out):
        series = read_data(paths)
        windows = [build_spec([each], base).windows for each in series]
        found.append([Market.of(each, own) for each, own in zip(series, windows, strict=True)] if paths else None)
    usual = built_in(windows[0])
    return found[0] or usual[0], found[1] or usual[1]


def built_in(windows: Windows) -> tuple[list[Market], list[Market]]:
    """Markets to train and to judge on, from the installed package: no market and no year is in both.

    The early years of the S&P 500 against the late years of the NASDAQ, with a made-up market of known truth each.
    """
    early, late = (Market.of(series, windows) for series in default_bars())
    half = len(early.bars) // 2
    made_up = [Market(bars, bars.digest, True) for bars in (planted(seed, _PLANTED_BARS, _PLANTED) for seed in (5, 6))]
    first = Market(part(early.bars, 0, half), early.digest)
    second = Market(part(late.bars, half, len(late.bars)), late.digest)
    return [first, made_up[0]], [second, made_up[1]]


class Look(NamedTuple):
    """``worth`` (markets, seeds): what the elites of each run are worth; ``genomes`` (markets,): measured so far."""

    worth: Floats
    genomes: npt.NDArray[np.int64]


def shared(base: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that all runs of a tuning share: those of ``base``, and windows unless it has shares of its own."""
    own = {*WINDOWS} & {*base.get("windows", {})}
    return dict(base) if own else merged({"windows": WINDOWS}, base)


class Bench:
    """Runs of ``genomes`` genomes on every market; ``base`` holds the fields of a specification that all share."""

    def __init__(self, base: Mapping[str, Any], markets: Sequence[Market], genomes: int, pool: ThreadPoolExecutor):
        self._base, self._markets, self._genomes, self._pool = base, markets, genomes, pool
        self._arenas = [arenas_of(self.spec(market, {}, 0), [market.bars], 1) for market in markets]

    def spec(self, market: Market, over: Mapping[str, Any], seed: int) -> RunSpec:
        """The run with fields ``over`` those of the base."""
        run = build_spec([market.bars], merged(self._base, over) | {"seed": seed})
        return run.model_copy(update={"generations": generations_of(run, self._genomes)})

    def looks(self, over: Mapping[str, Any], seeds: Sequence[int]) -> Iterator[Look]:
        """A look after each quarter of the genomes; the same for any number of threads."""
        places = list(product(range(len(self._markets)), seeds))
        courses = [
            Course(self.spec(self._markets[place], over, seed), [GENERATOR, evaluator(self._arenas[place]), SELECTOR])
            for place, seed in places
        ]
        for block in range(1, BLOCKS + 1):
            worth = list(self._pool.map(lambda course, until=block: _onward(course, until), courses))
            counted = np.array([course.proposed for course in courses], np.int64)
            shape = (len(self._markets), len(seeds))
            yield Look(np.array(worth).reshape(shape), counted.reshape(shape).sum(axis=1))


def _onward(course: Course, block: int) -> float:
    generations = course.run.generations
    course.onward(None if block == BLOCKS else generations * block // BLOCKS)
    return worth_of(course.feasible())


def worth_of(members: Members) -> float:
    """Mean z of the detrended validation returns of the ``ELITES`` that training chose, or ``NOBODY`` for each missing.

    Validation chooses nobody here, and breeding does not see it: so it flatters no setting.
    """
    best = best_of_cells(members, TRAINING, ELITES)
    found = float(best["evidence"][:, VALIDATION, Z].sum())
    return (found + NOBODY * (ELITES - len(best))) / ELITES


def same_days(training: Sequence[Market], held_out: Sequence[Market]) -> list[tuple[str, str]]:
    """Pairs of real markets of which one was trained on in days on which the other judges."""
    return [
        (one.bars.name, other.bars.name)
        for one, other in product(training, held_out)
        if not (one.made_up or other.made_up)
        and one.bars.ts_us[0] <= other.bars.ts_us[-1]
        and other.bars.ts_us[0] <= one.bars.ts_us[-1]
    ]
