"""Partners: exits that evolve beside entries, and guests that have to do their host good.

Cooperative: a part is worth what it comes to with the best of the other population, or with a random one if that is
more (M. A. Potter and K. A. De Jong, "A cooperative coevolutionary approach to function optimization", PPSN 1994).
Symbiotic: hosts live alone too; a guest is worth what it adds to them.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.costs import Floats
from common.backtest.measure import VALIDATION, Measures
from common.events.cohorts import EVIDENCE
from common.genome.layout import Population
from common.random import below, new_stream
from standalone.coevolution_herd import World, bred, distinct, founders, kept
from standalone.coevolution_joining import CONDUCT, EXITS, joined, part

Row = dict[str, Any]
AIMS = (0, 1, 3)
"""Columns of the objectives: Sharpe ratio, drawdown, consistency."""
_HOSTS, _GUESTS, _ALONE, _PAIRS = range(4)
_MEAN, _DEVIATION = EVIDENCE.index("mean"), EVIDENCE.index("deviation")


class Herd(NamedTuple):
    """A population, its aims (n, k) and violation (n,), the best first."""

    population: Population
    points: Floats
    violation: Floats


def _next(world: World, herd: Herd, name: tuple[int, int, int], size: int) -> Population:
    return distinct(herd.population, bred(world, herd.population, herd.points, herd.violation, name, size))


def _select(population: Population, points: Floats, violation: Floats, size: int) -> Herd:
    best = kept(points, violation, size)
    return Herd(population[best], points[best], violation[best])


def _worth(found: Measures) -> Floats:
    """Sharpe ratio in training (n,), or as far below all of them as trades are missing."""
    return np.where(found.violation <= 0, found.objectives[:, 0], -100.0 - found.violation)


def _mates(count: int, others: int, name: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    """Rows (2, count) of the other population: its best, which is the first, and a random one for each."""
    stream = new_stream(np.uint64(name[0]), name[1], name[2], 0)
    return np.array([[0] * count, [below(stream, others) for _ in range(count)]], np.int64)


def _credited(world: World, pairs: list[Population]) -> tuple[Floats, Floats, Floats]:
    """Aims, violation and worth of each row by the better of its two pairs."""
    first, second = (world.measured(each) for each in pairs)
    better = (_worth(second) > _worth(first))[:, None]
    points = np.where(better, second.objectives, first.objectives)[:, AIMS]
    violation = np.where(better[:, 0], second.violation, first.violation)
    return points, violation, np.maximum(_worth(first), _worth(second))


def cooperative(world: World, key: int, size: int, generations: int) -> Row:
    """Entries and exits as two populations of ``size``, against one population of whole strategies at equal compute."""
    places = part(EXITS)
    hosts, guests = founders(world, key, _HOSTS, size), founders(world, key, _GUESTS, size)
    herds = [Herd(each, np.zeros((len(each), 3)), np.zeros(len(each))) for each in (hosts, guests)]
    spent = 0
    for time in range(generations):
        if time:
            hosts, guests = (_next(world, herd, (key, side, time), size) for side, herd in enumerate(herds))
        leaders = herds[_HOSTS].population, herds[_GUESTS].population
        chosen = [
            _mates(len(each), len(other), (key, _PAIRS + side, time))
            for side, (each, other) in enumerate(((hosts, leaders[1]), (guests, leaders[0])))
        ]
        with_guests = [joined(hosts, leaders[1][row], places, (key, _HOSTS, time)) for row in chosen[0]]
        with_hosts = [joined(leaders[0][row], guests, places, (key, _GUESTS, time)) for row in chosen[1]]
        spent += 2 * (len(hosts) + len(guests))
        for side, (each, pairs) in enumerate(((hosts, with_guests), (guests, with_hosts))):
            points, violation, worth = _credited(world, pairs)
            herd = _select(each, points, violation, size)
            first = int(np.argmax(worth))  # the best partner stands first, whatever the order of the others
            lead = Herd(each[first : first + 1], points[first : first + 1], violation[first : first + 1])
            herds[side] = Herd(*(np.concatenate([a, b]) for a, b in zip(lead, herd, strict=True)))
    final = joined(
        np.repeat(herds[0].population[:8], 8), np.tile(herds[1].population[:8], 8), places, (key, _PAIRS, generations)
    )
    return {
        "strategies_measured": spent,
        "together": best_of(world, final),
        "one_population": best_of(world, _alone(world, key, spent // generations, generations, size)),
    }


def _alone(world: World, key: int, a_generation: int, generations: int, size: int) -> Population:
    """One population that measures ``a_generation`` strategies each time, and keeps ``size``."""
    population = founders(world, key, _ALONE, a_generation)
    herd = Herd(population, np.zeros((0, 3)), np.zeros(0))
    for time in range(generations):
        if time:
            children = bred(world, herd.population, herd.points, herd.violation, (key, _ALONE, time), a_generation)
            population = distinct(herd.population, children)
        found = world.measured(population)
        herd = _select(population, found.objectives[:, AIMS], found.violation, size)
    return herd.population


def symbiotic(world: World, key: int, size: int, generations: int) -> Row:
    """Hosts, and guests that decide when they keep quiet and what they risk; gains in Sharpe ratio, first and last."""
    places = part(CONDUCT)
    hosts, guests = founders(world, key, _HOSTS, size), founders(world, key, _GUESTS, size)
    told = []
    for time in range(generations):
        alone = world.measured(hosts)
        rows = _mates(len(hosts), len(guests), (key, _PAIRS, time))[1]
        lead = int(np.argmax(_worth(alone)))
        with_guest = world.measured(joined(hosts, guests[rows], places, (key, _HOSTS, time)))
        visited = np.repeat(hosts[lead : lead + 1], len(guests))
        at_lead = world.measured(joined(visited, guests, places, (key, _GUESTS, time)))
        gain = np.maximum(_worth(at_lead) - _worth(alone)[lead], -10.0)
        drawn = _mates(len(guests), len(hosts), (key, _PAIRS + 1, time))[1]
        elsewhere = world.measured(joined(hosts[drawn], guests, places, (key, _PAIRS, time)))
        other = np.maximum(_worth(elsewhere) - np.maximum(_worth(alone)[drawn], -5.0), -10.0)
        if time in (0, generations - 1):
            told.append({"generation": time, **_gains(alone, lead, at_lead, int(np.argmax(gain)))})
        both = np.stack([_worth(alone), np.maximum(_worth(alone), _worth(with_guest))], axis=1)
        herds = (
            _select(hosts, both, alone.violation, size),
            _select(guests, np.stack([gain, other], axis=1), np.zeros(len(guests)), size),
        )
        hosts, guests = (_next(world, herd, (key, side, time + 1), size) for side, herd in enumerate(herds))
    return {"first": told[0], "last": told[-1]}


def _gains(alone: Measures, lead: int, at_lead: Measures, best: int) -> Row:
    outside = sharpe_outside(at_lead)[best] - sharpe_outside(alone)[lead]
    return {
        "host_sharpe_training": float(alone.objectives[lead, 0]),
        "gain_training": float(at_lead.objectives[best, 0] - alone.objectives[lead, 0]),
        "gain_validation_per_bar": float(outside),
        "guests_that_help": float((_worth(at_lead) > _worth(alone)[lead]).mean()),
    }


def sharpe_outside(found: Measures) -> Floats:
    """Mean over deviation of one bar's return in validation, (n,); 0 for who did not trade."""
    rows = found.evidence[:, VALIDATION]
    deviation = rows[:, _DEVIATION]
    return np.divide(rows[:, _MEAN], deviation, out=np.zeros(len(rows)), where=deviation > 0)


def best_of(world: World, population: Population) -> Row:
    """The feasible strategy with the best Sharpe ratio in training, and the same in validation, both yearly."""
    found = world.measured(population)
    best, annual = int(np.argmax(_worth(found))), world.arena.bars_per_year**0.5
    return {
        "sharpe_training": float(found.objectives[best, 0]),
        "sharpe_validation": float(sharpe_outside(found)[best] * annual),
    }
