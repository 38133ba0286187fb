"""The hostile genomes of the benchmark are as bad as genomes can be: nothing has deeper trees or trades more often."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bars import bars_in, folds_of
from benchmarks.growth import trades_of
from benchmarks.hostile import arena_and_costs, hostile
from common.genome.codec import valid
from common.genome.layout import TREE_TOKENS, TREES
from generator.initialise import random_population
from generator.tables import Settings

BARS = 2500
FOLDS = folds_of(BARS)
MOST = bars_in(FOLDS) - len(FOLDS.training) - len(FOLDS.validation)
"""Trades of who holds every bar of every fold by itself; nobody is in the market on the first bar of a fold."""


@pytest.fixture(scope="module")
def world():
    return arena_and_costs(BARS)


def trades(world, population: np.ndarray) -> np.ndarray:
    arena, costs = world
    return trades_of(population, arena, FOLDS, costs)


@pytest.mark.parametrize("name", sorted(hostile()))
def test_a_hostile_genome_may_exist_and_trades_no_more_than_once_a_bar(world, name):
    genome = hostile()[name]
    assert valid(genome).all()
    assert trades(world, genome) <= MOST


def test_there_is_one_whose_four_trees_use_every_token_and_that_trades_on_every_bar(world):
    worst = hostile()["deepest trees and busiest at once"]
    assert np.count_nonzero(worst["trees"]) == len(TREES) * TREE_TOKENS
    assert trades(world, worst) == MOST


def test_both_sides_in_turn_trade_on_every_bar_too(world):
    genomes = hostile()
    found = [float(trades(world, genomes[name])[0]) for name in ("both sides in turn", "a trade on every bar")]
    assert found == [MOST, MOST]


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_no_random_genome_trades_more_often(world, key):
    drawn = random_population(200, Settings(hours=True), key, 0, 0)
    assert trades(world, drawn).max() <= MOST
