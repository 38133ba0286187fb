"""Rivals: two populations of strategies, worth what they win of each other block by block of the same market."""

from dataclasses import replace
from typing import Any

import numpy as np

from common.backtest.costs import Floats
from common.backtest.measure import TRAINING, measure
from common.backtest.windows import Span
from common.events.cohorts import EVIDENCE
from common.genome.layout import Population
from standalone.coevolution_herd import World, bred, distinct, founders, kept

Row = dict[str, Any]
BLOCK_BARS = 120
ARCHIVE = 16
_MEAN, _DEVIATION = EVIDENCE.index("mean"), EVIDENCE.index("deviation")


def blocks_of(spans: tuple[Span, ...]) -> list[Span]:
    """Spans cut into blocks of ``BLOCK_BARS`` bars or a little more."""
    found = []
    for start, stop in spans:
        parts = np.array_split(np.arange(start, stop), max((stop - start) // BLOCK_BARS, 1))
        found += [(int(rows[0]), int(rows[-1]) + 1) for rows in parts]
    return found


def scores(world: World, population: Population, blocks: list[Span]) -> Floats:
    """Mean over deviation of each strategy on each block, (n, blocks), each begun flat; 0 for who stayed out."""
    found = np.zeros((len(population), len(blocks)))
    for place, span in enumerate(blocks):
        cut = replace(world.cut, training=(span,))
        told = measure(population, [world.arena], [cut], world.costs, 1, False).evidence[:, TRAINING]
        deviation = told[:, _DEVIATION]
        found[:, place] = np.divide(told[:, _MEAN], deviation, out=np.zeros(len(told)), where=deviation > 0)
    return found


def wins(ours: Floats, theirs: Floats) -> Floats:
    """Share (n,) of all meetings with strategies (m, blocks) that each of ours (n, blocks) wins; a draw is half.

    >>> wins(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
    [0.5]
    """
    differences = np.sign(ours[:, None, :] - theirs[None, :, :])
    return np.asarray(0.5 + 0.5 * differences.mean(axis=(1, 2)), np.float64)


def competitive(world: World, key: int, size: int, generations: int) -> Row:
    """Two populations of ``size`` against each other and the best of earlier times; who wins against the first ones."""
    training, validation = blocks_of(world.cut.training), blocks_of(world.cut.validation)
    sides = [founders(world, key, side, size) for side in range(2)]
    first = [each[:size] for each in sides]
    past = [np.zeros((0, len(training)))] * 2
    course = []
    for time in range(generations):
        told = [scores(world, each, training) for each in sides]
        after, leaders = [], []
        for side, (mine, population) in enumerate(zip(told, sides, strict=True)):
            won = wins(mine, np.concatenate([told[1 - side], past[1 - side]]))
            found = world.measured(population)
            points = np.stack([won, found.objectives[:, 0]], axis=1)
            best = kept(points, found.violation, size)
            leaders.append(mine[best[np.argmax(won[best])]][None])
            herd = population[best], points[best], found.violation[best]
            is_last = time + 1 == generations
            after.append(distinct(herd[0], *([] if is_last else [bred(world, *herd, (key, side, time + 1), size)])))
        past = [np.concatenate([leader, each])[:ARCHIVE] for leader, each in zip(leaders, past, strict=True)]
        course.append({"generation": time, "leader_against_all_earlier": float(wins(leaders[0], past[1]).mean())})
        sides = after
    return {
        "course": course,
        "last_against_first": {
            name: float(np.mean([_share(world, sides[side], first[1 - side], blocks) for side in range(2)]))
            for name, blocks in (("training", training), ("validation", validation))
        },
    }


def _share(world: World, ours: Population, theirs: Population, blocks: list[Span]) -> float:
    """Share of all meetings that one population wins."""
    return float(wins(scores(world, ours, blocks), scores(world, theirs, blocks)).mean())
