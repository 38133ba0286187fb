"""The truth engine beside vectorbt: SMA cross, stop and fee on 8,760 hourly bars, both with Sharpe and drawdown."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.clock import interleaved
from common.backtest.arena import Arena, prepare
from common.backtest.costs import cost_rates
from common.backtest.measure import measure
from common.backtest.windows import Cut, cut
from common.genome.codec import from_json
from common.genome.layout import GENOME, Population
from common.market.bars import HOUR_US, Bars
from generator.initialise import random_population
from generator.tables import Settings

BARS = 8760
PEER_STRATEGIES = 400
STRATEGIES = 4000
PAIRS = ((5, 20), (10, 20), (10, 50), (20, 50), (20, 100), (50, 100), (50, 200))
COSTS = cost_rates(maker_fee_bps=5, taker_fee_bps=5, spread_bps=0, slippage_bps=2)
REAL = Path(__file__).parents[2] / "shared" / "market" / "BTCUSDT-1h.parquet"


def hourly_bars() -> Bars:
    """A year of hours: BTCUSDT where the shared series are at hand, else a random walk with the same volatility."""
    if REAL.exists():
        table = pd.read_parquet(REAL).iloc[-BARS:]
        times = table["ts"].to_numpy().astype("datetime64[us]").astype(np.int64)
        columns = [table[name].to_numpy(np.float64) for name in ("open", "high", "low", "close", "volume")]
        return Bars.make("BTCUSDT", times, *columns)
    draws = np.random.Generator(np.random.Philox(1))
    close = 100 * np.exp(np.cumsum(draws.normal(0, 0.008, BARS)))
    open_ = np.concatenate(([100.0], close[:-1]))
    reach = 1 + np.abs(draws.normal(0, 0.003, (2, BARS)))
    high, low = np.maximum(open_, close) * reach[0], np.minimum(open_, close) / reach[1]
    return Bars.make("random walk", np.arange(BARS) * HOUR_US, open_, high, low, close, np.ones(BARS))


@dataclass(frozen=True)
class Cross:
    """One strategy of the comparison."""

    fast: int
    slow: int
    stop_percent: float


def crosses(count: int) -> list[Cross]:
    """``count`` strategies: the pairs in turn, stops from 0.5 to 8 percent."""
    stops = np.random.Generator(np.random.Philox(2)).uniform(0.5, 8.0, count).astype(np.float32)
    return [Cross(*PAIRS[k % len(PAIRS)], float(stop)) for k, stop in enumerate(stops)]


def as_population(chosen: list[Cross]) -> Population:
    """The same strategies as genomes."""
    genomes = []
    for cross in chosen:
        condition = f"sma/sma({cross.fast},{cross.slow}) > 1"
        logic = {"long_entry": ["crossed", condition], "long_exit": ["not", condition]}
        document: dict[str, Any] = {"version": 1, "logic": logic, "exit": {"stop_distance": cross.stop_percent}}
        document["risk"] = {"sizing": "fixed_units", "fraction": 0.25, "leverage_max": 3.0}
        genomes.append(from_json(document))
    return np.array(genomes, GENOME)


def vectorbt_run(bars: Bars, chosen: list[Cross]) -> Any:
    """The peer's work, signals prepared beforehand as our bank is: simulation, Sharpe and drawdown of each strategy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt as vbt
    close = pd.Series(bars.close, pd.to_datetime(bars.ts_us, unit="us"))
    above = {pair: (close.rolling(pair[0]).mean() > close.rolling(pair[1]).mean()).to_numpy() for pair in PAIRS}
    table = np.stack([above[cross.fast, cross.slow] for cross in chosen], axis=1)
    late = np.vstack([np.zeros((1, len(chosen)), bool), table[:-1]])
    later = np.vstack([np.zeros((1, len(chosen)), bool), late[:-1]])
    entries, exits = pd.DataFrame(late & ~later, close.index), pd.DataFrame(~late, close.index)
    stops = np.array([cross.stop_percent for cross in chosen])[None, :] * 0.01
    columns = {name: getattr(bars, name)[:, None] for name in ("open", "high", "low")}

    def work() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = vbt.Portfolio.from_signals(
                close=close,
                entries=entries,
                exits=exits,
                price=columns["open"],
                **columns,
                sl_stop=stops,
                stop_entry_price="price",
                stop_exit_price="stopmarket",
                size=0.25 / bars.open[0],
                init_cash=1.0,
                fees=0.0005,
                slippage=0.0002,
                freq="1h",
            )
            return found.sharpe_ratio(), found.max_drawdown()

    return work


def bench_engine(repeats: int) -> dict[str, Any]:
    """Strategy-bars per CPU-second of both, the ratio, and the same for the generator's own random genomes."""
    from importlib.metadata import version

    bars = hourly_bars()
    arena: Arena = prepare(bars)
    chosen = crosses(STRATEGIES)
    population = as_population(chosen)
    own = random_population(STRATEGIES, Settings(hours=True), 7, 0, 0)
    whole = Cut(((0, BARS),), (), (), (BARS, BARS))
    folds = cut(BARS, 250, 0.55, 0.15, 0.22, 4, 2, 10, 10)
    measured_bars = sum(stop - start for start, stop in (*folds.training, *folds.validation))
    seconds = interleaved(
        {
            "truth": lambda: measure(population, [arena], [whole], COSTS, 1, False),
            "random": lambda: measure(own, [arena], [folds], COSTS, 1, False),
            "vectorbt": vectorbt_run(bars, chosen[:PEER_STRATEGIES]),
        },
        repeats,
    )
    truth = STRATEGIES * BARS / seconds["truth"]
    peer = PEER_STRATEGIES * BARS / seconds["vectorbt"]
    return {
        "data": bars.name,
        "bars": BARS,
        "truth_strategy_bars_per_cpu_s": truth,
        "random_genomes_strategy_bars_per_cpu_s": STRATEGIES * measured_bars / seconds["random"],
        "vectorbt_strategy_bars_per_cpu_s": peer,
        "vectorbt_version": version("vectorbt"),
        "ratio_truth_to_vectorbt": truth / peer,
    }
