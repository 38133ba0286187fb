"""Coevolution: plausible scenarios, payoffs that are the engine's, a race that is one, and parts that fit together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.measure import measure
from common.backtest.metrics import STRESS_OBJECTIVE
from common.backtest.stage import with_stage
from common.genome.codec import valid
from common.genome.genes import ALLELE_SLOT, REAL_SLOT
from common.genome.layout import TREES
from common.market.shapes import shapes_of
from common.market.stress import SCENARIO_BARS
from common.market.stress import scenarios as standard
from common.market.synthetic import noise
from generator.initialise import random_population
from standalone.coevolution import Sizes, hurt, predator_prey, race
from standalone.coevolution_herd import World, founders
from standalone.coevolution_joining import CONDUCT, EXITS, joined, part
from standalone.coevolution_partners import cooperative, symbiotic
from standalone.coevolution_rivals import blocks_of, competitive, wins
from standalone.coevolution_scenarios import (
    GENES,
    HIGH,
    LOW,
    NAMES,
    NEUTRAL,
    History,
    bred_scenarios,
    plausible,
    random_scenarios,
    strangeness,
)
from standalone.request import build_spec

BARS = noise(3, 1500)
SMALL = Sizes(24, 6, 5)


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(build_spec([BARS], {"evolution": {"trades_min": 5}}), BARS)


def genes(**told: float) -> np.ndarray:
    found = NEUTRAL.copy()
    for name, value in told.items():
        found[NAMES.index(name)] = value
    return found


@given(st.lists(st.floats(0, 1), min_size=len(GENES), max_size=len(GENES)))
@settings(max_examples=100, deadline=None)
def test_no_scenario_is_stranger_than_the_built_in_ones(shares: list[float]) -> None:
    drawn = (LOW + np.array(shares) * (HIGH - LOW))[None]
    made = plausible(drawn)
    assert strangeness(made)[0] <= 1 + 1e-9
    assert ((made >= LOW - 1e-12) & (made <= HIGH + 1e-12)).all()
    assert np.array_equal(made, drawn) or strangeness(drawn)[0] > 1


def test_children_of_scenarios_are_plausible_and_the_same_twice() -> None:
    parents = random_scenarios(8, 1)
    children = bred_scenarios(parents, 1, 3, 20)
    assert np.array_equal(children, bred_scenarios(parents, 1, 3, 20))
    assert (strangeness(children) <= 1 + 1e-9).all()
    assert ((children >= LOW - 1e-12) & (children <= HIGH + 1e-12)).all()
    assert not np.array_equal(children[:8], parents)


def test_each_gene_does_what_its_name_says() -> None:
    history = History.of(BARS)
    deviation = float(history.shapes.returns.std())

    def returns(**told: float) -> np.ndarray:
        made = history.scenario(genes(**told))
        assert len(made.bars) - made.first == SCENARIO_BARS
        return shapes_of(made.bars).returns[-SCENARIO_BARS:]

    usual = returns()
    assert np.isclose(returns(drift_deviations=0.1).mean() - usual.mean(), 0.1 * deviation)
    assert np.isclose(returns(volatility_log2=1.0).std() / usual.std(), 2.0)
    fallen = returns(crash_deviations=10.0, crash_place=0.25) - usual
    assert np.isclose(fallen[50], -10 * deviation)
    assert np.isclose(np.abs(fallen).sum(), 10 * deviation)
    torn = returns(gap_deviations=5.0) - usual
    assert np.isclose(np.abs(torn).sum(), 6 * 5 * deviation)
    assert np.isclose(torn.sum(), 0, atol=1e-9)
    trending = returns(memory=0.3)
    assert np.corrcoef(trending[1:], trending[:-1])[0, 1] > np.corrcoef(usual[1:], usual[:-1])[0, 1] + 0.15
    assert history.scenario(genes(spread_factor=3.0)).spread_factor == 3.0


def test_payoffs_are_what_the_evaluator_measures(world: World) -> None:
    population = founders(world, 1, 0, 24)
    bars = world.arena.bars.until(world.cut.bred_stop)
    paid = world.payoffs(population, list(standard(bars)))
    arena = with_stage(world.arena, world.cut)
    measured = measure(population, [arena], [world.cut], world.costs, 5, False)
    assert np.allclose(paid.min(axis=1), measured.objectives[:, STRESS_OBJECTIVE], atol=1e-12)
    assert np.ptp(paid) > 0


def test_credit_is_shared_by_the_scenarios_that_hurt_the_same_strategy() -> None:
    paid = np.array([[-0.1, -0.1, 0.0], [0.2, 0.3, -0.1]])
    assert hurt(paid) == pytest.approx([0.05, 0.05, 0.1])


def test_a_race_is_the_same_twice_and_a_frozen_one_keeps_its_scenarios(world: World) -> None:
    first, second = race(world, 4, SMALL), race(world, 4, SMALL)
    for one, two in zip(first, second, strict=True):
        assert np.array_equal(one.prey, two.prey)
        assert np.array_equal(one.predators, two.predators)
        assert valid(one.prey).all()
    frozen = race(world, 4, SMALL, is_frozen=True)
    assert np.array_equal(frozen[0].predators, frozen[-1].predators)
    assert not np.array_equal(first[0].predators, first[-1].predators)


def test_who_raced_bears_the_last_scenarios_better_than_who_did_not(world: World) -> None:
    found = [predator_prey(world, key, Sizes(48, 8, 10)) for key in range(3)]
    raced, calm = (
        np.mean([each[name]["return_last_scenarios"] for each in found]) for name in ("with_a_race", "without_a_race")
    )
    assert raced > calm
    assert all(len(each["table"]) == len(each["generations"]) == 5 for each in found)


@pytest.mark.parametrize("names", [EXITS, CONDUCT])
def test_a_strategy_of_two_has_the_guests_part_and_is_valid(world: World, names: tuple[str, ...]) -> None:
    hosts, guests = (random_population(200, world.settings, 5, island, 0) for island in range(2))
    made = joined(hosts, guests, part(names), (5, 0, 0))
    assert valid(made).all()
    assert np.array_equal(made, joined(hosts, guests, part(names), (5, 0, 0)))
    taken, left = ("exit.stop_kind", "risk.sizing")[:: 1 if names is EXITS else -1]
    assert np.array_equal(made["alleles"][:, ALLELE_SLOT[taken]], guests["alleles"][:, ALLELE_SLOT[taken]])
    assert np.array_equal(made["alleles"][:, ALLELE_SLOT[left]], hosts["alleles"][:, ALLELE_SLOT[left]])
    stops = (guests if names is EXITS else hosts)["reals"][:, REAL_SLOT["exit.stop_distance"]]
    assert np.array_equal(made["reals"][:, REAL_SLOT["exit.stop_distance"]], stops)
    assert TREES[part(EXITS)[0]] == "long_exit"


def test_partners_and_rivals_are_told_and_the_same_twice(world: World) -> None:
    for kind in (cooperative, symbiotic, competitive):
        assert kind(world, 3, 16, 3) == kind(world, 3, 16, 3)


def test_a_population_wins_half_of_itself_and_later_ones_win_of_the_first(world: World) -> None:
    draws = np.random.Generator(np.random.Philox(1)).standard_normal((7, 5))
    assert wins(draws, draws).mean() == pytest.approx(0.5)
    blocks = blocks_of(world.cut.training)
    assert sum(stop - start for start, stop in blocks) == sum(b - a for a, b in world.cut.training)
    assert competitive(world, 3, 32, 8)["last_against_first"]["training"] > 0.55


def test_nothing_from_the_vault_on_is_in_the_world(world: World) -> None:
    assert len(world.arena.bars) == world.cut.seen_stop
    assert world.cut.vault == ()
