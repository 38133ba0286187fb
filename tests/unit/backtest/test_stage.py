"""The stage plays the scenarios of the training bars one after the other; stress is what the worst of them leaves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.arena import Arena, Stage, prepare
from common.backtest.costs import flat_costs
from common.backtest.index import SPREAD
from common.backtest.measure import measure
from common.backtest.metrics import STRESS_OBJECTIVE
from common.backtest.phenotype import express
from common.backtest.replay import replay
from common.backtest.signals import LOOK_BACK_BARS, STACK_DEPTH, decide
from common.backtest.stage import LEAD_BARS, WORD_BARS, build_stage, with_stage
from common.backtest.windows import cut
from common.errors import DataError
from common.genome.genes import ALLELE_SLOT
from common.genome.layout import TREE_TOKENS, Population, default_population
from common.genome.slots import SLOT_BASE
from common.genome.tree import CONDITION_BASE, OPERATOR_BY_TEXT
from common.market.bars import Bars
from common.market.defaults import default_bars
from common.market.shapes import shapes_of
from common.market.stress import SCENARIO_BARS, scenarios
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.backtest.conftest import bitmap
from tests.unit.market.samples import constant, walk

BARS = 2500
CUTS = {scheme: cut(BARS, 250, 0.5, 0.15, 0.2, 4, 2, 10, 10, scheme) for scheme in ("blocks", "rolling", "anchored")}
SPREADS = [3.0, 2.0, 5.0, 1.0, 1.0]
SHAPES = ("gap", "high", "low", "close")
COSTS = flat_costs(1, 5, 4, 2)


class _Cut:
    """The engineered features of a stage, as an arena of its cut market asks for them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def rows(self, population: Population) -> tuple[np.ndarray, np.ndarray]:
        return self._stage.extra(population), self._stage.engineered.rows(population)[1]


@pytest.fixture(scope="module")
def arena() -> Arena:
    return with_stage(prepare(default_bars()[0].until(BARS)), CUTS["blocks"])


@pytest.fixture(scope="module")
def stage(arena: Arena) -> Stage:
    assert arena.stress is not None
    return arena.stress


@pytest.fixture(scope="module")
def population() -> np.ndarray:
    """Genomes of which at least half look at an engineered feature."""
    drawn = random_population(3000, Settings(instruments=1), 21, 0, 0)
    asking = (drawn["trees"] >= SLOT_BASE).any(axis=(1, 2))
    found: np.ndarray = np.concatenate((drawn[asking][:60], drawn[~asking][:60]))
    assert asking.sum() >= 60
    return found


def changed_from(bars: Bars, first: int) -> Bars:
    late = np.arange(len(bars)) >= first
    prices = {name: getattr(bars, name) * np.where(late, 3.0, 1.0) for name in ("open", "high", "low", "close")}
    return replace(bars, **prices, volume=bars.volume * np.where(late, 7.0, 1.0))


def parts(stage: Stage, population: Population) -> list[np.ndarray]:
    """All that a stage says, as arrays."""
    return [*map(np.asarray, (*stage.market, *stage.index, stage.spans, stage.lead)), stage.extra(population)]


def check_bars(bars: Bars, stage: Stage) -> None:
    """Each span has the bars of its scenario, but for the price and the volume at which it starts."""
    market, first = stage.market, min(len(bars), 6000)
    played = [market.open, market.high, market.low, market.close]
    found = scenarios(bars)
    assert stage.names == tuple(scenario.name for scenario in found)
    assert stage.spans[0, 0] + WORD_BARS * stage.lead == first
    np.testing.assert_array_equal(stage.spans[1:, 0], stage.spans[:-1, 1])
    assert stage.spans[-1, 1] == len(market.close) == len(market.spread)
    whole = shapes_of(
        Bars("played", bars.bar_us * np.arange(len(played[0])), *played, np.ones(len(played[0])), bars.bar_us)
    )
    for scenario, (start, stop) in zip(found, stage.spans.tolist(), strict=True):
        assert stop - start == SCENARIO_BARS
        own = shapes_of(scenario.bars)
        for name in SHAPES:
            np.testing.assert_allclose(
                getattr(whole, name)[start - 1 : stop - 1], getattr(own, name)[scenario.first - 1 :], atol=1e-12
            )


def test_spans_are_the_scenarios_in_order_with_bars_of_their_shapes(arena: Arena, stage: Stage) -> None:
    check_bars(arena.bars.until(CUTS["blocks"].bred_stop), stage)


@given(st.integers(2, 700), st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_so_they_are_on_a_history_of_any_length(bars: int, seed: int) -> None:
    history = walk(bars, seed)
    check_bars(history, build_stage(history, 8766.0))


def test_one_bar_makes_no_stage() -> None:
    with pytest.raises(DataError, match="give at least 2"):
        build_stage(constant(1), 252.0)


def test_spread_is_that_of_the_scenario_during_it_and_usual_before(stage: Stage) -> None:
    expected = np.append(np.ones(stage.spans[0, 0]), np.repeat(SPREADS, SCENARIO_BARS))
    np.testing.assert_array_equal(stage.market.spread, expected)
    np.testing.assert_array_equal(stage.index.facts.reshape(len(expected), -1)[:, SPREAD], expected)


def test_before_the_first_scenario_are_the_last_bars_of_training(arena: Arena, stage: Stage) -> None:
    first = int(stage.spans[0, 0])
    assert LEAD_BARS <= first < LEAD_BARS + WORD_BARS
    stop = CUTS["blocks"].bred_stop
    for name in ("open", "high", "low", "close", "atr", "volatility", "move", "volume", "regime", "hour", "weekday"):
        mine, theirs = getattr(stage.market, name), getattr(arena.arrays, name)
        np.testing.assert_array_equal(mine[:first], theirs[stop - first : stop], err_msg=name)
    words = first // WORD_BARS
    np.testing.assert_array_equal(stage.market.bank[:, :words], arena.arrays.bank[:, stage.lead : stage.lead + words])


def deepest_entries(bits: np.ndarray) -> np.ndarray:
    """Bars of a market at which the tree that looks furthest back enters, its only condition being ``bits``."""
    genome = default_population(1)[0]
    genome["trees"][0] = [CONDITION_BASE] + [OPERATOR_BY_TEXT["within_20"]] * (TREE_TOKENS - 1)
    genome["alleles"][ALLELE_SLOT["entry.confirm_bars"]] = 3  # 5 bars
    genome["alleles"][ALLELE_SLOT["entry.delay_bars"]] = 3
    bank, none = bitmap(bits).reshape(1, -1), np.empty((0, -(-len(bits) // WORD_BARS)), np.uint64)
    stack, into = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64), np.empty((4, bank.shape[1]), np.uint64)
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    found = decide(genome["trees"], phenotype, bank, none, stack, into).enter_long
    return np.unpackbits(found.view(np.uint8), bitorder="little")[: len(bits)].astype(bool)


def test_the_deepest_tree_looks_back_so_far_and_no_further() -> None:
    bar = LOOK_BACK_BARS + 100
    # Confirmed over five bars, of which the oldest is true by the oldest bit alone and the others by the youngest.
    youngest = bar - 3 - 3
    for back, enters in ((LOOK_BACK_BARS, True), (LOOK_BACK_BARS + 1, False)):
        bits = np.zeros(bar + 50, bool)
        bits[[bar - back, youngest]] = True
        assert deepest_entries(bits)[bar] == enters


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.003, 0.01]))
@settings(max_examples=20, deadline=None)
def test_bars_before_the_lead_have_no_say_in_a_scenario(seed: int, share: float) -> None:
    cut_off, lead = 5 * WORD_BARS, LEAD_BARS
    bits = np.random.default_rng(seed).random(cut_off + lead + 200) < share
    np.testing.assert_array_equal(deepest_entries(bits)[cut_off + lead :], deepest_entries(bits[cut_off:])[lead:])


@pytest.mark.parametrize("scheme", CUTS)
def test_nothing_after_training_changes_the_stage_and_its_last_bar_does(
    arena: Arena, population: np.ndarray, scheme: str
) -> None:
    stop = CUTS[scheme].bred_stop
    one, other, shorter, moved = (
        parts(with_stage(replace(arena, bars=bars), CUTS[scheme]).stress, population)
        for bars in (
            arena.bars,
            changed_from(arena.bars, stop),
            arena.bars.until(stop),
            changed_from(arena.bars, stop - 1),
        )
    )
    for alike in (other, shorter):
        for mine, theirs in zip(one, alike, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert (one[3] != moved[3]).any()  # closes


def test_engineered_rows_are_those_of_the_arena_in_its_order(
    arena: Arena, stage: Stage, population: np.ndarray
) -> None:
    extra, trees = arena.engineered.rows(population)
    staged = stage.extra(population)
    np.testing.assert_array_equal(stage.engineered.rows(population)[1], trees)
    assert staged.shape == (len(extra), stage.market.bank.shape[1])
    words = int(stage.spans[0, 0]) // WORD_BARS
    before = extra[:, stage.lead : stage.lead + words]
    assert len(np.unique(before, axis=0)) > 20  # rows differ, so another order would show
    np.testing.assert_array_equal(staged[:, :words], before)


@pytest.mark.parametrize("engine", ["skipping", "truth"])
def test_stress_is_the_return_in_the_scenario_that_hurts_most(
    arena: Arena, stage: Stage, population: np.ndarray, engine: str
) -> None:
    stand = replace(arena, arrays=stage.market, index=stage.index, engineered=_Cut(stage), stress=None)
    returns = np.array(
        [
            [replay(genome, stand, start, stop, COSTS).equity[-1] - 1.0 for start, stop in stage.spans.tolist()]
            for genome in population
        ]
    )
    found = measure(population, [arena], [CUTS["blocks"]], COSTS, 20, False, engine=engine).objectives
    np.testing.assert_allclose(found[:, STRESS_OBJECTIVE], returns.min(axis=1), rtol=1e-9, atol=1e-12)
    assert len(np.unique(returns.argmin(axis=1)[returns.min(axis=1) < 0])) == len(stage.spans)
