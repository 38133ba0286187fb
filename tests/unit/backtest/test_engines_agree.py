"""The event-skipping engine finds what the truth engine finds: every figure to 1e-9, and the same number of trades.

To 1e-9 of the figure, or of its scale where it is smaller (``agreement.scales``): the two engines add up the same
returns in different orders, and a sum of gains and losses that cancel is known no better than its parts.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest import engine
from common.backtest.arena import prepare
from common.backtest.costs import Venue, cost_table, flat_costs
from common.backtest.engine import make_path
from common.backtest.measure import measure
from common.backtest.phenotype import express
from common.backtest.replay import replay
from common.backtest.signals import STACK_DEPTH, decide
from common.backtest.stage import with_stage
from common.backtest.windows import Cut, cut
from common.events.cohorts import EVIDENCE
from common.events.spec import Costs
from common.market.defaults import default_bars
from common.market.synthetic import noise
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.backtest.adversarial import (
    ALL_COSTS,
    BARS_PER_YEAR,
    STYLES,
    drawn_arena,
    drawn_cut,
    drawn_population,
)
from tests.unit.backtest.agreement import apart, both, check_agreement
from tests.unit.market.real import needs_files, shared

LENGTHS = st.sampled_from([2, 3, 10, 40, 64, 65, 200, 700, 1500])
TABLES = {"everything": ALL_COSTS, "fees": flat_costs(1, 2, 2, 1), "nothing": flat_costs()}
TRADES, RETURN = EVIDENCE.index("trades"), EVIDENCE.index("total_return")


@pytest.mark.parametrize("style", STYLES)
@given(LENGTHS, st.integers(0, 2**32), st.sampled_from(sorted(TABLES)), st.booleans())
@settings(max_examples=30, deadline=None)
def test_on_bars_made_to_catch_them_out_the_engines_agree(style, bars, seed, costs, with_vault):
    arena, folds = drawn_arena(style, bars, seed), drawn_cut(bars, seed)
    found = check_agreement(drawn_population(40, seed), [arena], [folds], TABLES[costs], with_vault)
    assert found.evidence[:, 2].any() <= (with_vault and bool(folds.vault))


def test_the_markets_made_to_catch_them_out_are_traded_and_bring_every_kind_of_exit():
    reasons = set()
    for style in STYLES:
        arena = drawn_arena(style, 700, 1)
        for genome in drawn_population(40, 1):
            reasons |= {trade.reason for trade in replay(genome, arena, 0, 700, ALL_COSTS).trades}
    assert reasons == {"stop", "target", "trail", "time", "signal", "end", "ruin"}


def test_on_a_random_walk_the_engines_agree_with_and_without_vault():
    bars = noise(3, 3000)
    folds = cut(len(bars), 250, 0.5, 0.15, 0.2, 4, 2, 10, 10)
    arena = prepare(bars)
    for with_vault in (False, True):
        found = check_agreement(
            random_population(300, Settings(), 5, 0, 0), [arena], [folds], ALL_COSTS, with_vault=with_vault
        )
        assert found.evidence[:, 2].any() == with_vault
        assert (found.evidence[:, 0, TRADES] > 0).mean() > 0.5


def test_on_two_instruments_with_portfolios_and_stress_the_engines_agree():
    folds = cut(2000, 250, 0.5, 0.15, 0.2, 3, 2, 10, 10)
    arenas = [with_stage(prepare(bars.until(2000)), folds) for bars in default_bars()]
    costs = cost_table(Costs().account, Costs().venues())
    found = check_agreement(random_population(200, Settings(instruments=2), 5, 0, 0), arenas, [folds] * 2, costs, True)
    assert (found.objectives[:, -1] < 0).any()


@needs_files
@pytest.mark.parametrize("name", ["BTCUSDT-1h", "LUNAUSDT-1h", "SPY-1d", "EURUSD-1h", "VIX-1d"])
def test_on_real_series_the_engines_agree(name):
    bars = shared(name)
    folds = cut(len(bars), 250, 0.5, 0.15, 0.2, 4, 2, 10, 10)
    population = random_population(400, Settings(hours=True), 7, 0, 0)
    found = check_agreement(population, [prepare(bars)], [folds], ALL_COSTS, with_vault=True)
    assert found.evidence[:, :, TRADES].sum() > 10_000


def test_quiet_trades_after_wild_bars_have_the_moments_of_their_own_bars(market, genome, arena_of):
    """A prefix sum holds changes of 30 to the fourth power by then: of those of 0.01 it keeps no digit."""
    wild, quiet = 85.0 + 15.0 * (-1.0) ** np.arange(100), 100.0 + 0.01 * (np.arange(60) % 7)
    close = np.concatenate((wild, quiet))
    open_ = np.concatenate((close[:1], close[:-1]))
    m = market(open_, close=close, conditions=[np.arange(160) % 20 == 5])
    trader = np.array([genome(long_entry=[0], **{"exit.stop_distance": 20.0, "exit.time_exit_bars": 10})])
    found = check_agreement(trader, [arena_of(m)], [Cut(((100, 160),), (), (), (160, 160))], flat_costs(), False)
    assert found.evidence[0, 0, TRADES] == 3


def test_quiet_bars_between_others_have_the_moments_of_their_own(market, genome, arena_of):
    """Trades that are in the market for two changes of 0.01 where the others are 1, and were 30."""
    wild, moves = 85.0 + 15.0 * (-1.0) ** np.arange(100), (-1.0) ** np.arange(100)
    close = np.concatenate((wild, 100.0 + np.cumsum(np.where(np.arange(100) % 20 // 4 == 1, 0.01 * moves, moves))))
    open_ = np.concatenate((close[:1], close[:-1]))
    m = market(open_, close=close, conditions=[np.arange(200) % 20 == 3])
    trader = np.array([genome(long_entry=[0], **{"exit.stop_distance": 20.0, "exit.time_exit_bars": 3})])
    found = check_agreement(trader, [arena_of(m)], [Cut(((100, 200),), (), (), (200, 200))], flat_costs(), False)
    assert found.evidence[0, 0, TRADES] == 5


@pytest.mark.parametrize("field", Venue._fields)
def test_costs_that_differ_by_a_millionth_are_noticed(field):
    arena, folds, population = drawn_arena("gaps", 700, 3), drawn_cut(700, 3), drawn_population(60, 3)
    truth, _ = both(population, [arena], [folds], ALL_COSTS, True)
    other = ALL_COSTS.copy()
    # Of a latency it takes a thousandth: it is half a second against bars of a day, under a root.
    other[:, Venue._fields.index(field)] *= 1.001 if field == "latency_ms" else 1.000_001
    moved = measure(population, [arena], [folds], other, 20, True, engine="skipping")
    assert max(apart(truth, moved, BARS_PER_YEAR).values()) > 1e-8


def interpreted(file: str = "", right: str = "", wrong: str = "") -> Callable[..., Any]:
    """``engine.simulate`` as plain Python, with one line of ``file`` changed."""
    spaces: list[dict[str, Any]] = []
    for name in ("orders", "engine"):
        text = Path(engine.__file__).with_name(f"{name}.py").read_text()
        if name == file:
            assert text.count(right) == 1
            text = text.replace(right, wrong)
        text = re.sub("from common.kernel import .*", "inlined_kernel = lean_kernel = lambda function: function", text)
        space: dict[str, Any] = {"__name__": f"interpreted_{name}"}
        exec(compile(text, name, "exec"), space)
        spaces.append(space)
    orders, whole = spaces
    whole.update({name: value for name, value in orders.items() if name in whole})
    return whole["simulate"]


MISTAKES = {
    "target before stop": ("orders", "if low <= level:", "if low <= level and not 0.0 < target <= high:"),
    "a stop that is touched is missed": ("orders", "if low <= level:", "if low < level:"),
    "a gap through a stop fills at the stop": ("orders", "return min(open_, level), TRAILED", "return level, TRAILED"),
    "a limit that is touched is missed": ("orders", "(through - worst) >= 0.0", "(through - worst) > 0.0"),
    "the time exit is a bar late": ("orders", "return min(entry + max(", "return min(entry + 1 + max("),
    "exit signals are heard a bar late": ("engine", "bit(leave, np.uint64(t - 1))", "bit(leave, np.uint64(t - 2))"),
    "positions are held a bar too long": ("engine", "entry + max(phenotype.hold", "entry + 1 + max(phenotype.hold"),
    "the trail loosens": ("engine", "best = max(best, market.high[t])", "best = market.high[t]"),
    "a bar is lost after an exit inside a bar": ("engine", "reason) else end + 1", "reason) else end + 2"),
}


def gap_to_the_skipping_engine(simulate: Callable[..., Any], style: str, bars: int) -> float:
    """Largest distance in total return, and in number of trades."""
    arena, population = drawn_arena(style, bars, 11), drawn_population(100, 11)
    found = measure(population, [arena], [Cut(((0, bars),), (), (), (bars, bars))], ALL_COSTS, 20, False)
    labels = ("regime", "hour", "weekday", "month", "blackout")
    wide = {name: getattr(arena.arrays, name).astype(int) for name in labels}
    market, widest = arena.arrays._replace(**wide), 0.0  # Python shifts no mask by a byte
    words = market.bank.shape[1]
    extra = np.zeros((0, words), np.uint64)
    for genome, evidence in zip(population, found.evidence[:, 0], strict=True):
        phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
        stack, into = np.empty((STACK_DEPTH, words), np.uint64), np.empty((4, words), np.uint64)
        logic = decide(genome["trees"], phenotype, market.bank, extra, stack, into)
        cash, count, _ = simulate(market, logic, phenotype, ALL_COSTS, 0, bars, 0.0, 0.0, make_path(bars))
        widest = max(widest, abs(cash - 1.0 - evidence[RETURN]), abs(count - evidence[TRADES]))
    return widest


def test_the_truth_engine_as_plain_python_agrees():
    assert gap_to_the_skipping_engine(interpreted(), "equal", 250) < 1e-9


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_copy_of_the_truth_engine_is_noticed(mistake):
    assert gap_to_the_skipping_engine(interpreted(*MISTAKES[mistake]), "equal", 250) > 1e-4
