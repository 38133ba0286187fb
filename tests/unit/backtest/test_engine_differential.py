"""The truth engine against vectorbt and backtesting.py: programs that nobody here wrote.

SMA crosses with a stop, fees and a fixed number of units on the S&P 500. Stated tie rule: an exit decided at a close
fills at the next open, before anything that happens inside that bar. vectorbt looks at the stop first;
it is told our rule by lifting the low of each bar that has a scheduled exit up to its open.
"""

import warnings

import numpy as np
import pandas as pd
import pytest

from common.backtest.arena import Arena, prepare
from common.backtest.costs import Floats, flat_costs
from common.backtest.replay import replay
from common.genome.codec import from_json
from common.genome.conditions import CONDITION_BY_TEXT
from common.market.defaults import default_bars

PAIRS = [(5, 20), (10, 20), (10, 50), (20, 50), (20, 100), (50, 100), (50, 200)]
FEE, CONCESSION, FRACTION = 0.0005, 0.0002, 0.25
COSTS = flat_costs(maker_fee_bps=5, taker_fee_bps=5, spread_bps=0, slippage_bps=2)


@pytest.fixture(scope="module")
def arena() -> Arena:
    wanted = [CONDITION_BY_TEXT[f"sma/sma({fast},{slow}) > 1"] for fast, slow in PAIRS]
    return prepare(default_bars()[0], wanted)


def strategies(count: int) -> list[tuple[int, int, float]]:
    draws = np.random.default_rng(20)
    return [(*PAIRS[draws.integers(len(PAIRS))], float(np.float32(draws.uniform(0.5, 8.0)))) for _ in range(count)]


def ours(arena: Arena, fast: int, slow: int, stop: float, costs: Floats = COSTS) -> float:
    condition = f"sma/sma({fast},{slow}) > 1"
    genome = from_json(
        {
            "version": 2,
            "logic": {"long_entry": ["crossed", condition], "long_exit": ["not", condition]},
            "exit": {"stop_distance": stop},
            "risk": {"sizing": "fixed_units", "fraction": FRACTION, "leverage_max": 3.0},
        }
    )
    return float(replay(genome, arena, 0, len(arena.bars), costs).equity[-1])


def vectorbt_equity(arena: Arena, chosen: list[tuple[int, int, float]], our_tie_rule: bool) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt as vbt
    bars = arena.bars
    close = pd.Series(bars.close)
    above = np.stack([(close.rolling(f).mean() > close.rolling(s).mean()).to_numpy() for f, s, _ in chosen], axis=1)
    before = np.vstack([np.zeros((1, len(chosen)), bool), above[:-1]])
    entries = np.vstack([np.zeros((1, len(chosen)), bool), (above & ~before)[:-1]])
    exits = np.vstack([np.zeros((1, len(chosen)), bool), (~above)[:-1]])
    low = np.repeat(bars.low[:, None], len(chosen), axis=1)
    if our_tie_rule:
        low = np.where(exits, bars.open[:, None], low)
    portfolio = vbt.Portfolio.from_signals(
        close=close,
        entries=pd.DataFrame(entries),
        exits=pd.DataFrame(exits),
        price=bars.open[:, None],
        open=bars.open[:, None],
        high=bars.high[:, None],
        low=low,
        sl_stop=np.array([np.float32(stop) for _, _, stop in chosen], float)[None, :] * 0.01,
        stop_entry_price="price",
        stop_exit_price="stopmarket",
        size=FRACTION / bars.open[0],
        init_cash=1.0,
        fees=FEE,
        slippage=CONCESSION,
        freq="1D",
    )
    # Ours is flat after the last bar; vectorbt marks an open position without paying for its exit.
    final = portfolio.final_value().to_numpy()
    held = portfolio.assets().to_numpy()[-1]
    return final - held * bars.close[-1] * (1 - (1 - CONCESSION) * (1 - FEE))


def test_final_equity_of_200_random_strategies_equals_vectorbts(arena):
    chosen = strategies(200)
    mine = np.array([ours(arena, *strategy) for strategy in chosen])
    np.testing.assert_allclose(mine, vectorbt_equity(arena, chosen, our_tie_rule=True), rtol=1e-9)
    assert len(set(mine)) > 150


def test_the_wrong_tie_rule_alone_moves_equity(arena):
    chosen = strategies(200)
    mine = np.array([ours(arena, *strategy) for strategy in chosen])
    moved = np.abs(vectorbt_equity(arena, chosen, our_tie_rule=False) / mine - 1)
    assert (moved > 1e-6).sum() >= 10
    assert 1e-4 < moved.max() < 0.05


def backtesting_equity(arena: Arena, fast: int, slow: int, stop: float) -> float:
    from backtesting import Backtest, Strategy

    bars, units = arena.bars, 1000
    close = pd.Series(bars.close)
    above = (close.rolling(fast).mean() > close.rolling(slow).mean()).to_numpy()
    crossed = above & ~np.concatenate(([False], above[:-1]))

    class Cross(Strategy):
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
        result = Backtest(frame, Cross, cash=cash, commission=FEE, finalize_trades=True).run()
    return float(result["Equity Final [$]"]) / cash


def test_final_equity_of_20_strategies_equals_backtesting_pys(arena):
    chosen = strategies(20)
    free = flat_costs(maker_fee_bps=5, taker_fee_bps=5, spread_bps=0, slippage_bps=0)
    mine = [ours(arena, *strategy, free) for strategy in chosen]
    theirs = [backtesting_equity(arena, *strategy) for strategy in chosen]
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)
