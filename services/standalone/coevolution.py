"""Predator and prey: scenarios evolve to hurt strategies, strategies to earn and to bear them; the race is measured.

Scenarios share the credit for a strategy that several of them hurt (C. D. Rosin and R. K. Belew, "New methods for
competitive coevolution", Evolutionary Computation 5, 1997), and strategies also meet the best of earlier scenarios, so
that neither side forgets. The race is read from a table of ancestors against ancestors (D. Cliff and G. F. Miller,
"Tracking the red queen", ECAL 1995).
"""

from typing import Any, NamedTuple

import numpy as np

from common.backtest.costs import Floats
from common.backtest.measure import VALIDATION
from common.events.cohorts import EVIDENCE
from common.genome.layout import Population
from common.market.stress import Scenario
from common.market.stress import scenarios as standard
from standalone.coevolution_herd import World, bred, distinct, founders, kept
from standalone.coevolution_scenarios import NAMES, History, bred_scenarios, random_scenarios, strangeness

Row = dict[str, Any]
ARCHIVE = 8
SNAPSHOTS = 5
_TINY = 1e-9


class Sizes(NamedTuple):
    """How many strategies and scenarios stay, how many of each are born, and for how long."""

    strategies: int = 96
    scenarios: int = 12
    generations: int = 16


class Snapshot(NamedTuple):
    """Both sides after a generation, each the best first."""

    generation: int
    prey: Population
    predators: Floats


def hurt(paid: Floats) -> Floats:
    """Credit (m,) of each scenario for the losses (n, m) it brings; a strategy that many hurt counts less for each."""
    losses = np.maximum(-paid, 0.0)
    return (losses**2 / (losses.sum(axis=1, keepdims=True) + _TINY)).sum(axis=0)


def aims(sharpe: Floats, paid: Floats) -> Floats:
    """What strategies are kept for, (n, 3): Sharpe ratio in training, mean and worst return in the scenarios."""
    return np.stack([sharpe, paid.mean(axis=1), paid.min(axis=1)], axis=1)


def race(world: World, key: int, sizes: Sizes, *, is_frozen: bool = False) -> list[Snapshot]:
    """Evolve both sides; ``is_frozen``: the scenarios stay as drawn. Snapshots of the first and of later generations.

    The same number of strategies is measured either way. A strategy that loses in training is infeasible: to stay out
    would be a cheap way to bear anything.
    """
    history = History.of(world.arena.bars.until(world.cut.bred_stop))
    prey, foes = founders(world, key, 0, sizes.strategies), random_scenarios(sizes.scenarios, key)
    archive, shots = foes[:0], []
    moments = set(np.linspace(0, sizes.generations - 1, SNAPSHOTS).round().astype(int).tolist())
    for generation in range(sizes.generations):
        measured = world.measured(prey)
        young = foes[:0] if is_frozen or generation == 0 else bred_scenarios(foes, key, generation, sizes.scenarios)
        met = np.concatenate([foes, young, archive])
        paid = world.payoffs(prey, [history.scenario(genes) for genes in met])
        sharpe = measured.objectives[:, 0]
        points, violation = aims(sharpe, paid), measured.violation + np.maximum(-sharpe, 0.0)
        best = kept(points, violation, sizes.strategies)
        now = len(foes) + len(young)
        credit = hurt(paid[best][:, :now])
        order = np.argsort(-credit, kind="stable")[: sizes.scenarios]
        if not is_frozen:
            foes = met[:now][order]
            archive = np.concatenate([foes[:1], archive])[:ARCHIVE]
        if generation in moments:
            shots.append(Snapshot(generation, prey[best], foes))
        if generation + 1 < sizes.generations:
            name = (key, int(is_frozen), generation + 1)
            children = bred(world, prey[best], points[best], violation[best], name, sizes.strategies)
            prey = distinct(prey[best], children)
    return shots


def predator_prey(world: World, key: int, sizes: Sizes) -> Row:
    """A race, and beside it the same evolution against scenarios that stay; what each came to, as JSON values.

    ``table``: mean return of the strategies of each snapshot (rows) in the scenarios of each (columns).
    """
    history = History.of(world.arena.bars.until(world.cut.bred_stop))
    ours, control = race(world, key, sizes), race(world, key, sizes, is_frozen=True)
    preys, alone = [shot.prey for shot in ours], control[-1].prey
    foes: list[Scenario] = [history.scenario(genes) for shot in ours for genes in shot.predators]
    groups = np.concatenate([preys[0], *preys[1:], alone])
    paid = world.payoffs(groups, foes)
    ends = np.cumsum([len(part) for part in (*preys, alone)])[:-1]
    columns = np.cumsum([len(shot.predators) for shot in ours])[:-1]
    table = [[float(cell.mean()) for cell in np.split(rows, columns, axis=1)] for rows in np.split(paid, ends)]
    final = ours[-1].predators
    unseen = list(standard(world.arena.bars.until(world.cut.bred_stop)))
    return {
        "generations": [shot.generation for shot in ours],
        "table": table[:-1],
        "scenarios_harder_by": table[0][0] - table[0][-1],
        "strategies_better_by": table[-2][-1] - table[0][-1],
        "without_a_race": _told(world, alone, table[-1][-1], unseen),
        "with_a_race": _told(world, preys[-1], table[-2][-1], unseen),
        "hardest": dict(zip(NAMES, final[0].tolist(), strict=True)) | {"strangeness": float(strangeness(final)[0])},
    }


def _told(world: World, population: Population, against_last: float, unseen: list[Scenario]) -> Row:
    """Medians of a population: Sharpe in training, return in validation; and its means in scenarios."""
    found = world.measured(population)
    return {
        "sharpe_training": float(np.median(found.objectives[:, 0])),
        "return_validation": float(np.median(found.evidence[:, VALIDATION, EVIDENCE.index("total_return")])),
        "return_last_scenarios": against_last,
        "return_standard_scenarios": float(world.payoffs(population, unseen).mean()),
    }
