"""Figures of steps are those of the evaluator, of empyrical, and do not depend on how blocks are put together."""

from dataclasses import replace
from functools import reduce

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.measure import measure
from common.backtest.replay import Replay, replay
from common.backtest.stage import with_stage
from common.backtest.walk_forward import EMPTY, Block, block_of, efficiency, figures, merge, walked
from common.backtest.windows import Cut, cut
from common.events.cohorts import EVIDENCE
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings

COSTS = flat_costs(1, 2, 2, 1)
RETURNS = st.lists(st.floats(-0.2, 0.25), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def arena() -> Arena:
    return prepare(default_bars()[0].until(3000))


@pytest.fixture(scope="module")
def population() -> np.ndarray:
    return random_population(60, Settings(instruments=1), 11, 0, 0)


def cut_by(scheme: str) -> Cut:
    return cut(3000, 250, 0.5, 0.15, 0.2, 4, 2, 10, 10, scheme)


def span(returns: list[float]) -> Block:
    """A span whose returns are relative to the equity just before, with as many trades as it has bars."""
    found = np.array(returns)
    return block_of(Replay(np.cumprod(1.0 + found), found, found, found, [None] * len(found)))  # type: ignore[list-item]


@given(st.lists(RETURNS, min_size=1, max_size=5))
def test_merged_spans_are_the_span_of_all_their_returns(parts):
    merged, whole = reduce(merge, map(span, parts), EMPTY), span([each for part in parts for each in part])
    np.testing.assert_allclose(merged, whole, rtol=1e-9, atol=1e-12)


@given(RETURNS, RETURNS, RETURNS)
def test_it_does_not_matter_which_are_merged_first(one, two, three):
    first, second, third = map(span, (one, two, three))
    np.testing.assert_allclose(
        merge(merge(first, second), third), merge(first, merge(second, third)), rtol=1e-9, atol=1e-12
    )
    assert merge(EMPTY, first) == merge(first, EMPTY) == first


@given(st.lists(RETURNS, min_size=1, max_size=4))
@settings(max_examples=50)
def test_figures_are_those_of_empyrical(parts):
    returns = np.array([each for part in parts for each in part])
    found = figures(reduce(merge, map(span, parts), EMPTY), 252.0)
    assert found.total_return == pytest.approx(empyrical.cum_returns_final(returns), abs=1e-9)
    assert found.drawdown_max == pytest.approx(-empyrical.max_drawdown(returns), abs=1e-9)
    assert (found.bars, found.trades) == (len(returns), len(returns))
    if len(returns) > 1 and returns.std() > 1e-6:
        assert found.sharpe_annual == pytest.approx(empyrical.sharpe_ratio(returns, annualization=252), rel=1e-6)


@pytest.mark.parametrize("scheme", ["blocks", "rolling", "anchored"])
@pytest.mark.parametrize("engine", ["skipping", "truth"])
def test_all_blocks_together_are_the_evidence_of_the_evaluator(arena, population, scheme, engine):
    found = cut_by(scheme)
    evidence = measure(population, [arena], [found], COSTS, 20, False, engine=engine).evidence
    for row, genome in enumerate(population):
        for window, spans in enumerate((found.training, found.validation)):
            block = reduce(merge, (block_of(replay(genome, arena, *each, COSTS)) for each in spans), EMPTY)
            told, expected = figures(block, 1.0), dict(zip(EVIDENCE, evidence[row, window], strict=True))
            assert (told.bars, told.trades) == (expected["bars"], expected["trades"])
            np.testing.assert_allclose(
                (told.total_return, told.drawdown_max), (expected["total_return"], expected["drawdown_max"]), atol=1e-9
            )
            sharpe = expected["mean"] / expected["deviation"] if expected["deviation"] else 0.0
            assert told.sharpe_annual == pytest.approx(sharpe, rel=1e-6, abs=1e-9)


def test_the_last_anchored_step_is_trained_on_all_and_the_first_is_the_rolling_one(arena, population):
    for genome in population[:10]:
        blocks, rolling, anchored = (
            walked(genome, arena, cut_by(scheme), COSTS) for scheme in ("blocks", "rolling", "anchored")
        )
        assert [len(each) for each in (blocks, rolling, anchored)] == [2, 4, 4]
        assert rolling[0] == anchored[0]
        assert [each.test for each in rolling] == [each.test for each in anchored]
        assert sum(each.train.trades for each in rolling) == anchored[-1].train.trades
        assert blocks[0].train == blocks[1].train


def test_steps_do_not_read_the_vault(arena, population):
    """They are the same when every bar from the vault on is another."""
    bars, found = arena.bars, cut_by("anchored")
    spoiled = [column.copy() for column in (bars.open, bars.high, bars.low, bars.close)]
    for column in spoiled:
        column[found.vault[0][0] :] *= 3.0
    other = prepare(
        type(bars)(bars.name, bars.ts_us, *spoiled, bars.volume, bars.bar_us), bars_per_year=arena.bars_per_year
    )
    for genome in population[:10]:
        assert walked(genome, arena, found, COSTS) == walked(genome, other, found.sealed(), COSTS)


@pytest.mark.parametrize("scheme", ["blocks", "rolling", "anchored"])
def test_stress_is_made_of_no_bar_that_validation_judges(arena, scheme):
    found = cut_by(scheme)
    late = np.arange(len(arena.bars)) >= found.validation[0][0]
    prices = {name: getattr(arena.bars, name) * np.where(late, 3.0, 1.0) for name in ("open", "high", "low", "close")}
    stages = [
        with_stage(replace(arena, bars=bars), found).stress for bars in (arena.bars, replace(arena.bars, **prices))
    ]
    for one, other in zip(stages[0].market[:4], stages[1].market[:4], strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.floats(-5, 5, allow_subnormal=False), st.floats(-5, 5, allow_subnormal=False))
def test_nothing_is_kept_of_a_loss_nor_by_one(inside, outside):
    kept = efficiency(inside, outside)
    if min(inside, outside) <= 0:
        assert kept == 0
    else:
        assert kept == pytest.approx(min(outside / inside, 100))
