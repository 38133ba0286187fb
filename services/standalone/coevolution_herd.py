"""Populations of strategies outside a run: drawn, bred, measured on training, and kept by NSGA-II."""

from dataclasses import dataclass

import numpy as np

from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats
from common.backtest.measure import Measures, measure
from common.backtest.metrics import STRESS_OBJECTIVE
from common.backtest.rows import Genes, Measured, make_scratch
from common.backtest.stage import stage_of
from common.backtest.stress_rows import stress_rows
from common.backtest.windows import Cut
from common.events.spec import RunSpec
from common.genome.codec import genome_ids
from common.genome.layout import Population
from common.genome.tree import conditions_in
from common.market.bars import Bars
from common.market.stress import Scenario
from common.run.stretches import cut_of
from generator.breed import breed
from generator.chances import Choice, Standing, breeders_of
from generator.experts import expert_population
from generator.initialise import random_population
from generator.mixing import USUAL
from generator.tables import INSTRUMENT, Settings
from selector.survival import standing, survivors
from standalone.curves import rates_of


@dataclass(frozen=True, slots=True)
class World:
    """One instrument, and what it costs to trade it; nothing beyond validation is in it."""

    arena: Arena
    cut: Cut
    costs: Floats
    trades_min: int
    settings: Settings

    @classmethod
    def of(cls, spec: RunSpec, bars: Bars) -> "World":
        """The bars up to the vault, prepared with the whole condition bank."""
        cut = cut_of(len(bars), spec.windows)
        seen = bars.until(cut.seen_stop)
        hours = bars.bars_per_year > 366
        arena = prepare(seen, bars_per_year=bars.bars_per_year)
        return cls(arena, cut.sealed(), rates_of(spec.costs), spec.evolution.trades_min, Settings(hours=hours))

    def measured(self, population: Population) -> Measures:
        """Training and validation of every genome, all on this instrument."""
        return measure(population, [self.arena], [self.cut], self.costs, self.trades_min, False)

    def payoffs(self, population: Population, scenarios: list[Scenario]) -> Floats:
        """Return (n, m) of each strategy in each scenario."""
        wanted = conditions_in(population["trees"])
        stage = stage_of(scenarios, self.arena.bars_per_year, 1, wanted)
        genes = Genes(*(np.array(population[block], order="C") for block in Genes._fields))
        _, genes.trees[:] = stage.engineered.rows(population)
        extra, rows = stage.extra(population), np.arange(len(population))
        found = Measured(*(np.zeros((len(population), *shape)) for shape in ((7,), (), (3,), (3, 9))))
        scratch, paid = make_scratch(stage.market, stage.spans, False), np.empty((len(population), len(scenarios)))
        for place in range(len(scenarios)):
            spans = stage.spans[place : place + 1]
            stress_rows(rows, genes, stage.market, stage.index, extra, self.costs, spans, False, scratch, found)
            paid[:, place] = found.objectives[:, STRESS_OBJECTIVE]
        return paid


def distinct(*parts: Population) -> Population:
    """Every genome once, in the order of the ids."""
    both = np.concatenate(parts)
    both["alleles"][:, INSTRUMENT] = 0
    ids = np.ascontiguousarray(genome_ids(both)).view("S16").reshape(-1)
    return both[np.unique(ids, return_index=True)[1]]


def founders(world: World, key: int, island: int, size: int) -> Population:
    """Classical strategies, as many as half of the population, and random genomes."""
    known = expert_population()[: size // 2]
    return distinct(known, random_population(size - len(known), world.settings, key, island, 0))


def bred(
    world: World, parents: Population, objectives: Floats, violation: Floats, name: tuple[int, int, int], size: int
) -> Population:
    """``size`` children of parents (n,) with these objectives (n, k), to be maximised; ``name``: key, island, time."""
    rank, crowding = standing(objectives, violation, len(parents))
    none = np.zeros(len(parents), np.uint8)
    known = Standing(rank, crowding, none, violation, objectives, none.astype(np.uint16))
    breeders = breeders_of(parents, known, Choice())
    return breed(breeders, world.settings, USUAL, name, np.arange(size), size).population


def kept(objectives: Floats, violation: Floats, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of those that stay, best first."""
    return survivors(objectives, violation, size)
