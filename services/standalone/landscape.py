"""A survey of the landscape that breeding climbs on: walks, climbs, slopes and drift, all on the training folds.

Validation and the vault are not read: what a survey teaches may be used in a run on the same market.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats
from common.backtest.measure import measure
from common.backtest.windows import Span
from common.errors import ConfigurationError
from common.events.spec import OBJECTIVES, RunSpec
from common.genome.layout import Population
from common.market.allocation import Allocation
from common.market.bars import Bars
from common.run.stretches import cut_of
from generator.generation import settings_of
from standalone.curves import date_text, rates_of
from standalone.landscape_optima import Network, network
from standalone.landscape_slopes import drift, fitness_distance, slopes
from standalone.landscape_space import AS_BRED, MOVES, Genomes, Seen, distance
from standalone.landscape_walks import describe, walk

NOT_SURVEYED = "stress"
"""Needs scenarios, which take longer than the survey."""
_DRAWN_PER_WALK = 8
_NODES_MAX = 200
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: ``walks`` of ``steps`` steps a kind; ``walks`` climbs, each kicked ``kicks`` times."""

    walks: int = 32
    steps: int = 48
    tries: int = 16
    patience: int = 3
    kicks: int = 4


class Ground:
    """Where strategies are measured: one objective over the training folds of every instrument."""

    def __init__(self, spec: RunSpec, bars: Sequence[Bars], objective: str, threads: int) -> None:
        if objective not in OBJECTIVES or objective == NOT_SURVEYED:
            allowed = ", ".join(name for name in OBJECTIVES if name != NOT_SURVEYED)
            raise ConfigurationError(f"--objective {objective!r}: cannot be surveyed; use one of {allowed}")
        self._objective = OBJECTIVES.index(objective)
        self._arenas: list[Arena] = [prepare(series, None, threads) for series in bars]
        self._cuts = [cut_of(len(series), spec.windows) for series in bars]
        self._allocation = Allocation(list(bars))
        self._costs, self._trades_min, self._threads = rates_of(spec.costs), spec.evolution.trades_min, threads
        self.folds = len(self._cuts[0].training)
        self.measured = 0

    def fold_dates(self) -> list[str]:
        """First and last day of each training fold of the first instrument."""
        bars = self._arenas[0].bars
        return [
            f"{date_text(int(bars.ts_us[start]), bars.bar_us)} to {date_text(int(bars.ts_us[stop - 1]), bars.bar_us)}"
            for start, stop in self._cuts[0].training
        ]

    def look(self, population: Population) -> Seen:
        """Fitness of strategies, and what they do as one number: two that trade alike are one place.

        Who trades less than a run asks for lies below zero, the deeper the fewer trades.
        """
        fitness, descriptor = self._measure(population, [cut.training for cut in self._cuts], self._trades_min)
        return Seen(fitness, _mark(np.column_stack([fitness, descriptor])))

    def by_fold(self, population: Population) -> Floats:
        """Fitness on each training fold by itself, shape (n, folds), where its share of the trades is asked for."""
        trades_min = max(1, self._trades_min // self.folds)
        spans = [[cut.training[fold : fold + 1] for cut in self._cuts] for fold in range(self.folds)]
        return np.column_stack([self._measure(population, each, trades_min)[0] for each in spans])

    def _measure(
        self, population: Population, training: Sequence[tuple[Span, ...]], trades_min: int
    ) -> tuple[Floats, Floats]:
        self.measured += len(population)
        cuts = [
            replace(cut, training=spans, validation=(), vault=())
            for cut, spans in zip(self._cuts, training, strict=True)
        ]
        found = measure(
            population,
            self._arenas,
            cuts,
            self._costs,
            trades_min,
            False,
            self._threads,
            allocation=self._allocation,
        )
        value = np.nan_to_num(found.objectives[:, self._objective], posinf=0.0, neginf=0.0)
        return np.where(found.violation > 0, np.minimum(value, 0.0) - found.violation, value), found.descriptor


def _mark(figures: Floats) -> Any:
    mark = np.zeros(len(figures), np.uint64)
    for column in np.round(figures, 9).T:
        mark = (mark ^ np.ascontiguousarray(column + 0.0).view(np.uint64)) * _MIX
        mark ^= mark >> np.uint64(29)
    return mark


def survey(
    spec: RunSpec, bars: Sequence[Bars], objective: str, size: Size, threads: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """All figures of a landscape as JSON values, whatever the number of ``threads``; ``say`` tells how far it is."""
    ground = Ground(spec, bars, objective, threads)
    space = Genomes(settings_of(spec), spec.stream_key, ground.look)
    drawn = space.draw(_DRAWN_PER_WALK * size.walks)
    level = ground.look(drawn).fitness
    starts = drawn[np.argsort(level <= 0.0, kind="stable")[: size.walks]]
    walks, walked = [], []
    for kind, name in enumerate(MOVES):
        say(f"walks: {name}")
        points = walk(space, starts, kind, size.steps)
        fitness = ground.look(points.reshape(-1)).fitness.reshape(points.shape)
        far = float(distance(points[1], starts).mean())
        walks.append({"move": name, **_plain(asdict(describe(fitness))), "distance_of_a_step": far})
        walked.append((points, fitness))
    say("climbs")
    optima = network(space, starts, AS_BRED, tries=size.tries, patience=size.patience, kicks=size.kicks)
    say("slopes and drift")
    points, fitness = (
        np.concatenate([array.reshape(-1), more])
        for array, more in zip(walked[AS_BRED], (optima.points, optima.fitness), strict=True)
    )
    apart = distance(points, np.repeat(optima.points[:1], len(points)))
    at = np.concatenate([starts, optima.points[: size.walks]])
    return {
        "data": [series.name for series in bars],
        "seed": spec.seed,
        "objective": objective,
        "random_genomes_above_zero": float((level > 0.0).mean()),
        "walks": walks,
        "optima": _network(optima, size),
        "slopes": [each._asdict() for each in slopes(at, space.speaking(at), lambda rows: ground.look(rows).fitness)],
        "fitness_distance": {
            "correlation": fitness_distance(fitness, apart),
            "points": len(points),
        },
        "drift": {"folds": ground.fold_dates(), **drift(ground.by_fold(points))},
        "strategies_measured": ground.measured,
    }


def _network(found: Network, size: Size) -> dict[str, Any]:
    kept = min(len(found.fitness), _NODES_MAX)
    edges = found.edges[(found.edges[:, :2] < kept).all(axis=1)]
    best = np.repeat(found.points[:1], kept)
    return {
        "climbs": size.walks * (1 + size.kicks),
        "optima": len(found.fitness),
        "steps_of_a_climb": found.steps,
        "kicks_that_return": found.returning,
        "kicks_that_improve": found.improving,
        "funnel_bottoms": len(found.sinks),
        "best": float(found.fitness[0]),
        "climbs_that_reach_the_best": int(found.reached[0]),
        "nodes": [
            {"fitness": float(fitness), "reached": int(reached), "distance_to_best": float(far)}
            for fitness, reached, far in zip(
                found.fitness[:kept], found.reached[:kept], distance(found.points[:kept], best), strict=True
            )
        ],
        "edges": edges.tolist(),
    }


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: a correlation length that has none is null."""
    found = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in figures.items()}
    return {name: None if value == float("inf") else value for name, value in found.items()}
