"""Bars for tests: random walks with the ugly parts of real feeds, and real hourly bars where the machine has them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.market.bars import DAY_US, HOUR_US, Bars

HOURLY = Path(__file__).parents[4] / "shared" / "market" / "BTCUSDT-1h.parquet"


def walk(bars: int, seed: int, *, bar_us: int = HOUR_US, with_volume: bool = True) -> Bars:
    """A random walk on a price grid: unchanged closes, bars without range, bars without volume, outages, one crash."""
    draw = np.random.default_rng(seed)
    steps = draw.standard_t(3, bars) * 0.01 * (draw.random(bars) > 0.1)
    steps[draw.integers(bars)] -= 0.5
    close = np.maximum(np.round(100 * np.exp(np.cumsum(steps)), 1), 0.1)
    open_ = np.where(draw.random(bars) > 0.5, np.concatenate((close[:1], close[:-1])), close)
    reach = np.round(draw.exponential(0.5, (2, bars)) * (draw.random((2, bars)) > 0.3), 1)
    high = np.maximum(open_, close) + reach[0]
    low = np.maximum(np.minimum(open_, close) - reach[1], 0.1)
    volume = np.round(draw.exponential(50, bars) * (draw.random(bars) > 0.05)) * with_volume
    ts_us = 1_500_000_000_000_000 // DAY_US * DAY_US + bar_us * np.cumsum(1 + (draw.random(bars) > 0.97) * 5)
    return Bars("walk", ts_us, open_, high, low, close, volume, bar_us)


def constant(bars: int, volume: float = 0.0) -> Bars:
    """A price that never moves."""
    price = np.full(bars, 50.0)
    return Bars("constant", HOUR_US * np.arange(bars), price, price, price, price, np.full(bars, volume), HOUR_US)


def rescaled(bars: Bars, price: float, volume: float) -> Bars:
    """The same bars quoted in other units of price and of volume."""
    prices = [column * price for column in (bars.open, bars.high, bars.low, bars.close)]
    return Bars(bars.name, bars.ts_us, *prices, bars.volume * volume, bars.bar_us)


def hourly(bars: int) -> Bars:
    """The first hourly bars of BTCUSDT; skips the test on a machine without the shared market data."""
    if not HOURLY.exists():
        pytest.skip("no market data here")
    table = pd.read_parquet(HOURLY).iloc[:bars]
    ts_us = table["ts"].to_numpy().astype("datetime64[us]").astype(np.int64)
    return Bars.make("BTCUSDT", ts_us, *(table[column] for column in ("open", "high", "low", "close", "volume")))
