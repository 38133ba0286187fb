"""The market data that comes with an installed package, so that a first run needs no network."""

from typing import Any

import numpy as np
from arch.data import nasdaq, sp500

from common.market.bars import Bars

_SOURCES: tuple[tuple[str, Any], ...] = (("S&P 500", sp500), ("NASDAQ", nasdaq))


def default_bars() -> list[Bars]:
    """Daily S&P 500 and NASDAQ Composite, 1999 to 2018, from the data sets of ``arch``.

    Prices are adjusted by the ratio of adjusted close to close. For these two indices the ratio is 1 on every day.
    """
    return [_daily(name, source.load()) for name, source in _SOURCES]


def _daily(name: str, table: Any) -> Bars:
    ratio = table["Adj Close"].to_numpy(np.float64) / table["Close"].to_numpy(np.float64)
    ts_us = table.index.to_numpy().astype("datetime64[us]").astype(np.int64)
    open_, high, low, close = (table[field].to_numpy(np.float64) * ratio for field in ("Open", "High", "Low", "Close"))
    return Bars.make(name, ts_us, open_, high, low, close, table["Volume"].to_numpy(np.float64))
