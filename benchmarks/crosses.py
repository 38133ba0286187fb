"""The comparison with vectorbt: the same moving-average crosses, as genomes of ours and as columns of theirs."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from common.backtest.costs import flat_costs
from common.genome.codec import from_json
from common.genome.layout import GENOME, GENOME_VERSION, Population
from common.market.bars import Bars

PAIRS = ((5, 20), (10, 20), (10, 50), (20, 50), (20, 100), (50, 100), (50, 200))
COSTS = flat_costs(maker_fee_bps=5, taker_fee_bps=5, spread_bps=0, slippage_bps=2)


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


def as_population(chosen: Sequence[Cross]) -> Population:
    """The same strategies as genomes."""
    genomes = []
    for cross in chosen:
        condition = f"sma/sma({cross.fast},{cross.slow}) > 1"
        logic = {"long_entry": ["crossed", condition], "long_exit": ["not", condition]}
        document: dict[str, Any] = {"version": GENOME_VERSION, "logic": logic}
        document["exit"] = {"stop_distance": cross.stop_percent}
        document["risk"] = {"sizing": "fixed_units", "fraction": 0.25, "leverage_max": 3.0}
        genomes.append(from_json(document))
    return np.array(genomes, GENOME)


def vectorbt_work(bars: Bars, chosen: Sequence[Cross]) -> Callable[[], Any]:
    """The peer's work, signals prepared beforehand as our bank is: simulation, Sharpe and drawdown of each strategy.

    Raises ImportError where vectorbt is not installed.
    """
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
