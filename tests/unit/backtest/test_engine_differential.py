"""The truth engine against vectorbt and backtesting.py: programs that nobody here wrote.

SMA crosses, long or short, with a stop or a trailing stop, a target, a time exit, fees and a fixed number of units, on
the S&P 500. Where vectorbt has another rule it is told ours through its own hooks; a test shows what the rule is worth:

- an exit decided at a close fills at the next open, before anything inside that bar; vectorbt looks at stops first;
- an open beyond the target fills there; vectorbt looks at the stop inside the bar first;
- a trailing stop knows the extreme of the entry bar; vectorbt follows prices from the bar after.

vectorbt has one stop for each position, fixed or trailing: beside a trail our fixed stop is set out of reach. Its
slippage is on every order, ours not on targets, which are limit orders: strategies with a target trade without. It
knows no time exit: at that open it is given a stop and a target without distance. It takes no trail that is beyond the
price at once, so trails are wider than any entry bar.
"""

import warnings
from dataclasses import replace
from typing import NamedTuple

import numba
import numpy as np
import pandas as pd
import pytest

from common.backtest.arena import Arena, prepare
from common.backtest.costs import flat_costs
from common.backtest.index import build_index
from common.backtest.replay import replay
from common.genome.codec import from_json
from common.genome.conditions import CONDITION_BY_TEXT
from common.market.defaults import default_bars

PAIRS = [(5, 20), (10, 20), (10, 50), (20, 50), (20, 100), (50, 100), (50, 200)]
FEE, CONCESSION, FRACTION = 0.0005, 0.0002, 0.25
STOP_FIRST, ENTRY_BAR_UNKNOWN = 1, 2
"""Rules of vectorbt's that it keeps in a test."""


class Cross(NamedTuple):
    """In when the fast average crosses the slow one, upwards for ``side`` 1, out when it is back. Percent; 0: none."""

    fast: int
    slow: int
    side: int
    stop: float
    trail: float = 0.0
    target: float = 0.0
    hold: int = 0

    @property
    def concession(self) -> float:
        return 0.0 if self.target else CONCESSION


@pytest.fixture(scope="module")
def arena() -> Arena:
    wanted = [CONDITION_BY_TEXT[f"sma/sma({fast},{slow}) > 1"] for fast, slow in PAIRS]
    found = prepare(default_bars()[0], wanted)
    # Neither oracle knows that an open may be a copy of the close before: here every open is a price.
    arrays = found.arrays._replace(stale=np.zeros_like(found.arrays.stale))
    return replace(found, arrays=arrays, index=build_index(arrays))


def stops(count: int) -> list[Cross]:
    """Long, with a stop and nothing else."""
    draws = np.random.default_rng(20)
    return [Cross(*PAIRS[draws.integers(len(PAIRS))], 1, _single(draws.uniform(0.5, 8.0))) for _ in range(count)]


def strategies(count: int) -> list[Cross]:
    """Every kind of exit on either side."""
    draws = np.random.default_rng(21)
    chosen = []
    for _ in range(count):
        pair, side = PAIRS[draws.integers(len(PAIRS))], int(draws.choice([1, -1]))
        trail = _single(draws.uniform(9.0, 14.0)) if draws.random() < 0.5 else 0.0
        stop = 20.0 if trail else _single(draws.uniform(0.5, 8.0))
        target = _single(draws.uniform(1.0, 10.0)) if draws.random() < 0.5 else 0.0
        chosen.append(Cross(*pair, side, stop, trail, target, int(draws.choice([0, 0, 1, 5, 20, 60]))))
    return chosen


def _single(value: float) -> float:
    """As a gene holds it."""
    return float(np.float32(value))


def ours(arena: Arena, strategy: Cross, concession: float | None = None) -> tuple[float, list[str]]:
    """Final equity, and the reasons of the exits."""
    condition = f"sma/sma({strategy.fast},{strategy.slow}) > 1"
    above, below = condition, ["not", condition]
    side, (inside, outside) = ("long", (above, below)) if strategy.side > 0 else ("short", (below, above))
    kinds = {"target": strategy.target, "trail": strategy.trail}
    genome = from_json(
        {
            "version": 2,
            "logic": {f"{side}_entry": ["crossed", inside], f"{side}_exit": outside},
            "entry": {"direction": side},
            "exit": {
                "stop_distance": strategy.stop,
                "time_exit_bars": strategy.hold,
                **{f"{name}_kind": "percent" for name, far in kinds.items() if far},
                **{f"{name}_distance": far for name, far in kinds.items() if far},
            },
            "risk": {"sizing": "fixed_units", "fraction": FRACTION, "leverage_max": 3.0},
        }
    )
    share = strategy.concession if concession is None else concession
    course = replay(genome, arena, 0, len(arena.bars), flat_costs(FEE * 1e4, FEE * 1e4, 0, share * 1e4))
    return float(course.equity[-1]), [trade.reason for trade in course.trades]


@numba.njit
def adjust_stop(c, leave, open_, extreme, side, trail, target, hold, rules):
    """vectorbt's hook: the distance of the stop in this bar, as a share of ``curr_price``."""
    stop, moving, sign = c.curr_stop, c.curr_trail, side[c.col]
    if c.position_now == 0:
        return stop, moving
    if leave[c.i, c.col] and not rules & STOP_FIRST:
        return np.nan, moving
    if hold[c.col] > 0 and c.i >= c.init_i + hold[c.col]:
        return 0.0 if sign * (open_[c.i] - c.curr_price) <= 0 else np.nan, moving
    if sign * (open_[c.i] - c.init_price * (1 + sign * target[c.col])) >= 0:  # NaN: no target
        return np.nan, moving
    if moving and not rules & ENTRY_BAR_UNKNOWN:
        best = sign * max(sign * c.curr_price, sign * extreme[c.init_i, c.col])
        stop = sign * (1 - best * (1 - sign * trail[c.col]) / c.curr_price)
    return stop, moving


@numba.njit
def adjust_target(c, leave, hold, rules):
    """vectorbt's hook: the distance of the target in this bar."""
    if c.position_now != 0:
        if leave[c.i, c.col] and not rules & STOP_FIRST:
            return np.nan
        if hold[c.col] > 0 and c.i >= c.init_i + hold[c.col]:
            return 0.0
    return c.curr_stop


def vectorbt_equity(arena: Arena, chosen: list[Cross], rules: int = 0) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt as vbt
    bars = arena.bars
    close = pd.Series(bars.close)
    side = np.array([each.side for each in chosen])
    above = np.stack(
        [(close.rolling(each.fast).mean() > close.rolling(each.slow).mean()).to_numpy() for each in chosen], axis=1
    )
    # A condition that is not known yet is false, so its negation is true: as in a genome.
    inside = np.where(side > 0, above, ~above)
    nothing = np.zeros((1, len(chosen)), bool)
    entries = np.vstack([nothing, (inside & ~np.vstack([nothing, inside[:-1]]))[:-1]])
    exits = np.vstack([nothing, ~inside[:-1]])
    trail, target = (np.array([getattr(each, name) for each in chosen]) * 0.01 for name in ("trail", "target"))
    target[target == 0] = np.nan
    stop = np.where(trail > 0, trail, np.array([each.stop for each in chosen]) * 0.01)
    hold, concession = np.array([each.hold for each in chosen]), np.array([each.concession for each in chosen])
    extreme = np.where(side > 0, bars.high[:, None], bars.low[:, None])
    portfolio = vbt.Portfolio.from_signals(
        close=close,
        entries=pd.DataFrame(entries),
        exits=pd.DataFrame(exits),
        direction=np.where(side > 0, 0, 1)[None, :],  # long only, short only
        price=bars.open[:, None],
        open=bars.open[:, None],
        high=bars.high[:, None],
        low=bars.low[:, None],
        sl_stop=stop[None, :],
        sl_trail=(trail > 0)[None, :],
        tp_stop=target[None, :],
        adjust_sl_func_nb=adjust_stop,
        adjust_sl_args=(exits, bars.open, extreme, side, trail, target, hold, rules),
        adjust_tp_func_nb=adjust_target,
        adjust_tp_args=(exits, hold, rules),
        stop_entry_price="price",
        stop_exit_price="stopmarket",
        size=FRACTION / bars.open[0],
        init_cash=1.0,
        fees=FEE,
        slippage=concession[None, :],
        freq="1D",
    )
    # Ours is flat after the last bar; vectorbt marks an open position without paying for its exit.
    final = portfolio.final_value().to_numpy()
    held, sign = portfolio.assets().to_numpy()[-1], side
    return final - held * bars.close[-1] * (1 - (1 - sign * concession) * (1 - sign * FEE))


def test_final_equity_of_300_strategies_with_every_kind_of_exit_equals_vectorbts(arena):
    chosen = strategies(300)
    mine, reasons = zip(*(ours(arena, strategy) for strategy in chosen), strict=True)
    np.testing.assert_allclose(mine, vectorbt_equity(arena, chosen), rtol=1e-9)
    assert len(set(mine)) > 250
    kinds = ("stop", "trail", "target", "time", "signal")
    counts = {kind: sum(kind in each for each in reasons) for kind in kinds}
    assert min(counts.values()) > 30, counts


@pytest.mark.parametrize("rule", [STOP_FIRST, ENTRY_BAR_UNKNOWN])
def test_the_wrong_rule_alone_moves_equity(arena, rule):
    chosen = strategies(300)
    mine = np.array([ours(arena, strategy)[0] for strategy in chosen])
    moved = np.abs(vectorbt_equity(arena, chosen, rule) / mine - 1)
    assert (moved > 1e-6).sum() >= 10
    assert 1e-4 < moved.max() < 0.1


def backtesting_equity(arena: Arena, strategy: Cross) -> float:
    from backtesting import Backtest, Strategy

    fast, slow, stop = strategy.fast, strategy.slow, strategy.stop
    bars, units = arena.bars, 1000
    close = pd.Series(bars.close)
    above = (close.rolling(fast).mean() > close.rolling(slow).mean()).to_numpy()
    crossed = above & ~np.concatenate(([False], above[:-1]))

    class Trader(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            bar = len(self.data) - 1
            for trade in self.trades:
                if not above[bar]:
                    trade.sl = None  # our tie rule: the scheduled exit fills at the open, before the stop
                    trade.close()
                elif trade.sl is None:
                    trade.sl = trade.entry_price * (1 - float(np.float32(stop)) * 0.01)  # live from the bar after
            if not self.position and crossed[bar]:
                self.buy(size=units)

    frame = pd.DataFrame(
        {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close},
        index=pd.to_datetime(bars.ts_us, unit="us"),
    )
    cash = units * bars.open[0] / FRACTION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = Backtest(frame, Trader, cash=cash, commission=FEE, finalize_trades=True).run()
    return float(result["Equity Final [$]"]) / cash


def test_final_equity_of_20_strategies_equals_backtesting_pys(arena):
    chosen = stops(20)
    mine = [ours(arena, strategy, concession=0.0)[0] for strategy in chosen]
    theirs = [backtesting_equity(arena, strategy) for strategy in chosen]
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)
