"""Paper trading is the backtest: the same trades in whatever batches, a past that stays, leverage within its cap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.replay import Replay, Trade
from common.genome.genes import REAL_SLOT
from deployer.limits import Limits
from deployer.paper import account, follow
from deployer.service import service
from tests.unit.deployer.paper_world import (
    BARS,
    COSTS,
    HISTORIES,
    HISTORY_BARS,
    INSTRUMENT,
    PAPER_BARS,
    RUN,
    backtest,
    champion_event,
    feed,
    latest_performance,
    promoted,
    strategies,
    with_gene,
)

BATCHES = {"in one go": [], "bar by bar": range(1, PAPER_BARS), "in uneven batches": [1, 2, 40, 41, 64, 65, 128, 149]}


def followed(instrument: int, bars: int) -> list[Replay]:
    """All strategies of an instrument on its first ``bars`` paper bars."""
    mine = [genome for genome in strategies() if genome["alleles"][INSTRUMENT] % 2 == instrument]
    part = BARS[instrument].until(HISTORY_BARS + bars)
    return follow(mine, part, HISTORY_BARS, COSTS, RUN.data[instrument].bars_per_year)


def test_paper_trades_are_the_backtests_trades_exactly():
    traded = 0
    for instrument in range(2):
        mine = [genome for genome in strategies() if genome["alleles"][INSTRUMENT] % 2 == instrument]
        for genome, course in zip(mine, followed(instrument, PAPER_BARS), strict=True):
            expected = backtest(genome)
            assert course.trades == expected.trades
            assert course.equity.tobytes() == expected.equity.tobytes()
            assert course.exposure.tobytes() == expected.exposure.tobytes()
            traded += len(course.trades)
    assert traded > 200


@pytest.mark.parametrize("batches", BATCHES)
def test_the_batches_of_the_feed_do_not_matter(batches):
    chosen = strategies()[[0, 7, 12, -1]]
    champions = [champion_event(promoted(genome, f"niche {k}")) for k, genome in enumerate(chosen)]
    deployer = service(HISTORIES)
    events = [*champions, *(event for bars in BARS for event in feed(bars, BATCHES[batches]))]
    _, out = deployer.step(deployer.initial_state(), events)
    observed = latest_performance(out)
    assert len(observed) == 4
    for champion, genome in zip(champions, chosen, strict=True):
        now, expected = observed[champion.payload.genome_id[:12]], backtest(genome)
        assert (now.bars, now.trades, now.equity) == (PAPER_BARS, len(expected.trades), expected.equity[-1])
        assert now.bar_ts_us == BARS[genome["alleles"][INSTRUMENT] % 2].ts_us[-1]


@given(bars=st.integers(1, PAPER_BARS - 1), instrument=st.integers(0, 1))
@settings(max_examples=15, deadline=None)
def test_what_has_been_traded_stays_as_it_was_when_bars_come(bars, instrument):
    for early, late in zip(followed(instrument, bars), followed(instrument, PAPER_BARS), strict=True):
        closed = [trade for trade in early.trades if trade.reason != "end"]
        assert closed == late.trades[: len(closed)]
        # The last bar is marked after the costs of leaving, if something runs.
        assert early.equity[:-1].tobytes() == late.equity[: bars - 1].tobytes()


@given(cap=st.sampled_from([0.25, 0.3, 0.7, 1.0, 2.1, 3.0]), key=st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_no_order_of_an_admitted_strategy_is_above_the_leverage_limit(cap, key):
    deployer = service(HISTORIES, Limits(leverage_max=cap, deployments_max=1_000))
    population = strategies()[key::4]
    entered = 0
    for leverage in (0.25, cap, 3.0):
        genomes = [with_gene(genome, "reals", REAL_SLOT["risk.leverage_max"], leverage) for genome in population]
        events = [champion_event(promoted(genome, str(k))) for k, genome in enumerate(genomes)]
        _, out = deployer.step(deployer.initial_state(), events)
        admitted = {event.payload.genome_id for event in out if event.payload.state == "paper"}
        assert (len(admitted) == len(genomes)) == (leverage <= cap)
        for genome, event in zip(genomes, events, strict=True):
            if event.payload.genome_id in admitted:
                trades = backtest(genome).trades
                before = np.cumprod([1.0, *(1 + trade.profit for trade in trades)])[:-1]
                assert all(
                    trade.units * trade.entry_price <= cap * equity * (1 + 1e-6)  # the gene is a float32
                    for trade, equity in zip(trades, before, strict=True)
                )
                entered += len(trades)
    assert entered > 0


def test_nothing_is_earned_before_the_first_paper_bar():
    for instrument in range(2):
        for course in followed(instrument, 1):
            assert course.equity.tolist() == [1.0]
            assert course.trades == []


def course(equity: list[float], *trades: Trade) -> Replay:
    nothing = np.zeros(len(equity))
    return Replay(np.array(equity), nothing, nothing, nothing, list(trades))


def test_a_running_position_is_valued_at_the_last_close_against_the_equity_that_could_be_had():
    running = Trade(-1, 1, 2, 100.0, 80.0, 0.005, 0.1, "end")
    now = account(course([1.0, 0.8, 1.1], running))
    assert (now.bars, now.trades, now.equity) == (3, 1, 1.1)
    assert now.position == pytest.approx(-0.005 * 80 / 1.1)
    assert now.drawdown_max == pytest.approx(0.2)


def test_a_closed_position_is_none():
    assert account(course([1.0, 0.9], Trade(1, 1, 1, 100.0, 90.0, 0.01, -0.1, "stop"))).position == 0.0
    assert account(course([1.0])).drawdown_max == 0.0


def test_a_ruined_account_holds_nothing_and_has_lost_everything():
    now = account(course([1.0, 0.0], Trade(-1, 1, 1, 100.0, 300.0, 0.01, -1.0, "end")))
    assert (now.position, now.equity, now.drawdown_max) == (0.0, 0.0, 1.0)
