"""The hours that benchmarks measure on, and how they are cut."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from common.backtest.windows import Cut, cut
from common.events.spec import Windows
from common.market.bars import HOUR_US, Bars

YEAR_BARS = 8760
REAL = Path(__file__).parents[2] / "shared" / "market" / "BTCUSDT-1h.parquet"
_HOURLY_VOLATILITY = 0.008


def hourly_bars(bars: int) -> Bars:
    """The latest ``bars`` hours of BTCUSDT, or a random walk with the same volatility where that series is not at hand.

    Where more are asked for than there are, the series follows itself: each copy goes on at the last price.
    """
    return _real(bars) if REAL.is_file() else _walk(bars)


def folds_of(bars: int) -> Cut:
    """The windows of a run that was told nothing else."""
    return cut(bars, **Windows().model_dump())


def bars_in(folds: Cut) -> int:
    """Bars of training and validation."""
    return sum(stop - start for start, stop in (*folds.training, *folds.validation))


def _real(bars: int) -> Bars:
    import pandas as pd

    table = pd.read_parquet(REAL)
    copies = -(-bars // len(table))
    growth = float(table["close"].iloc[-1] / table["open"].iloc[0])
    scale = np.repeat(growth ** np.arange(copies), len(table))[-bars:]

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.tile(table[name].to_numpy(np.float64), copies)[-bars:]

    open_, high, low, close = (column(name) * scale / scale[-1] for name in ("open", "high", "low", "close"))
    times = table["ts"].to_numpy().astype("datetime64[us]").astype(np.int64)
    length = times[-1] - times[0] + HOUR_US
    every = np.concatenate([times - back * length for back in range(copies - 1, -1, -1)])[-bars:]
    return Bars.make("BTCUSDT" if copies == 1 else "BTCUSDT repeated", every, open_, high, low, close, column("volume"))


def _walk(bars: int) -> Bars:
    draws = np.random.Generator(np.random.Philox(1))
    close = 100 * np.exp(np.cumsum(draws.normal(0, _HOURLY_VOLATILITY, bars)))
    open_ = np.concatenate(([100.0], close[:-1]))
    reach = 1 + np.abs(draws.normal(0, 0.003, (2, bars)))
    high, low = np.maximum(open_, close) * reach[0], np.minimum(open_, close) / reach[1]
    return Bars.make("random walk", np.arange(bars) * HOUR_US, open_, high, low, close, np.full(bars, 1e4))
