"""Price history from exchanges through ccxt: public endpoints, no key, resumable."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from common.errors import ConfigurationError, DataError, TransientError
from common.market.bars import Bars
from common.market.export_files import read_source, write_bars
from common.market.importing import read_bars

PAGE_BARS_MAX = 1000
PAGE_BARS_CAUTIOUS = 200
ATTEMPTS = 5
SAVE_PAGES = 50
"""What a kill -9 may lose; an error or Ctrl-C loses nothing."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to download: ``since_ms`` is the open of the first bar, milliseconds since 1970 UTC."""

    symbol: str
    timeframe: str
    since_ms: int
    out: Path


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The whole file, and how many of its bars are new; ``out`` was not written where ``added`` is 0."""

    bars: Bars
    added: int


def open_exchange(name: str, base_url: str | None = None) -> Any:
    """A ccxt client that keeps to the exchange's rate limit, asking ``base_url`` (a mirror, a proxy) where given.

    Raises ConfigurationError when ccxt is not installed or knows no exchange of this name.
    """
    try:
        import ccxt
    except ImportError as error:
        raise ConfigurationError(
            "exchange: downloads need ccxt, which is not installed; in the clone: "
            ".venv/bin/uv pip install --python .venv/bin/python ccxt"
        ) from error
    if name not in ccxt.exchanges:
        near = [known for known in ccxt.exchanges if name[:4].lower() in known]
        raise ConfigurationError(
            f"exchange: {name!r} is not known to ccxt; use {', '.join(near) or 'binance, kraken, ...'}"
        )
    client = getattr(ccxt, name)({"enableRateLimit": True})
    if base_url is not None:
        client.urls["api"] = _moved(client.urls["api"], base_url.rstrip("/"))
    return client


def _moved(urls: Any, base_url: str) -> Any:
    if isinstance(urls, Mapping):
        return {key: _moved(url, base_url) for key, url in urls.items()}
    return base_url + urlsplit(urls).path


def download(
    client: Any,
    wanted: Wanted,
    on_progress: Callable[[int, float], None] = lambda bars, share: None,
    pause_s: float = 1.0,
) -> Downloaded:
    """Fetch every closed bar from ``since_ms`` to now, page by page, and keep it in ``wanted.out`` (Parquet).

    A file that an earlier download began is continued from its last bar. ``on_progress`` hears the number of bars so
    far and the share (0 to 1) of the time covered. A request that the network or the rate limit breaks is tried
    ``ATTEMPTS`` times, ``pause_s`` seconds apart, doubling. Raises TransientError when that was not enough (what came
    is kept), ConfigurationError for a symbol, a timeframe or a file that does not fit, DataError when the exchange has
    no bars.
    """
    markets = _ask(client.load_markets, pause_s)
    if wanted.symbol not in markets:
        near = sorted(symbol for symbol in markets if symbol.startswith(wanted.symbol.split("/")[0] + "/"))[:8]
        hint = ", ".join(near) or "a pair as BTC/USDT"
        raise ConfigurationError(f"symbol: {client.id} has no {wanted.symbol!r}; use {hint}")
    if wanted.timeframe not in (client.timeframes or {}) or wanted.timeframe.endswith("M"):
        usable = ", ".join(key for key in (client.timeframes or {}) if not key.endswith("M"))
        raise ConfigurationError(f"timeframe: {client.id} has no {wanted.timeframe!r}; use one of {usable}")
    step_ms = client.parse_timeframe(wanted.timeframe) * 1000
    now_ms = _ask(client.fetch_time, pause_s) if client.has.get("fetchTime") else client.milliseconds()
    pages = _Pages(client.id, wanted, _earlier(client.id, wanted))
    try:
        _fetch(client, pages, step_ms, now_ms, on_progress, pause_s)
    finally:
        pages.save()
    if pages.bars is None:
        raise DataError(f"{client.id} has no closed bars of {wanted.symbol} since then; use an earlier --since")
    return Downloaded(pages.bars, pages.added)


def _fetch(
    client: Any, pages: "_Pages", step_ms: int, now_ms: int, on_progress: Callable[[int, float], None], pause_s: float
) -> None:
    since_ms = pages.next_ms(step_ms)
    first_ms, asked, limit = since_ms, 0, _page_bars(client)
    while since_ms + step_ms <= now_ms:
        page = _ask(partial(client.fetch_ohlcv, pages.wanted.symbol, pages.wanted.timeframe, since_ms, limit), pause_s)
        # The last bar is still open; some exchanges also repeat bars, or answer with some from before.
        fresh = {int(row[0]): row[1:6] for row in page if row[0] >= since_ms and row[0] + step_ms <= now_ms}
        pages.rows += sorted(fresh.items())
        # An outage longer than a page, or the time before the listing: look behind it.
        since_ms = max(fresh) + step_ms if fresh else since_ms + limit * step_ms
        asked += 1
        if asked % SAVE_PAGES == 0:
            pages.save()
        on_progress(pages.count, min(1.0, (since_ms - first_ms) / max(now_ms - first_ms, 1)))


def _page_bars(client: Any) -> int:
    """How many bars an exchange answers at once; more than it does would skip bars behind an empty page."""
    features: Any = client.features or {}
    for key in ("spot", "fetchOHLCV", "limit"):
        features = (features or {}).get(key)
    return min(int(features or PAGE_BARS_CAUTIOUS), PAGE_BARS_MAX)


class _Pages:
    """The file so far and the rows that came since."""

    def __init__(self, exchange: str, wanted: Wanted, bars: Bars | None) -> None:
        self.wanted, self.bars = wanted, bars
        # The file tells where it began: a later --since does not cut it.
        since_ms = str(wanted.since_ms) if bars is None else read_source(wanted.out)["since_ms"]
        self.source = {
            "exchange": exchange,
            "symbol": wanted.symbol,
            "timeframe": wanted.timeframe,
            "since_ms": since_ms,
        }
        self.rows: list[tuple[int, list[float | None]]] = []
        self.added = 0

    @property
    def count(self) -> int:
        return (len(self.bars) if self.bars is not None else 0) + len(self.rows)

    def next_ms(self, step_ms: int) -> int:
        return self.wanted.since_ms if self.bars is None else int(self.bars.ts_us[-1]) // 1000 + step_ms

    def save(self) -> None:
        """Join what came to what there is and write it; two bars are the least that make a file."""
        if not self.rows or self.count < 2:
            return
        ts_us = np.array([time_ms for time_ms, _ in self.rows], np.int64) * 1000
        columns = np.array([cells for _, cells in self.rows], np.float64).T
        if self.bars is not None:
            old = self.bars
            ts_us = np.concatenate((old.ts_us, ts_us))
            columns = np.hstack((np.stack((old.open, old.high, old.low, old.close, old.volume)), columns))
        open_, high, low, close, volume = np.ascontiguousarray(columns)
        self.bars = Bars.make(self.source["symbol"], ts_us, open_, high, low, close, volume)
        self.added, self.rows = self.added + len(self.rows), []
        write_bars(self.bars, self.wanted.out, self.source)


def _earlier(exchange: str, wanted: Wanted) -> Bars | None:
    """What an earlier download left; refuses a file that holds something else."""
    if not wanted.out.exists():
        return None
    bars, _ = read_bars(wanted.out)
    source = read_source(wanted.out)
    for field, value in (("exchange", exchange), ("symbol", wanted.symbol), ("timeframe", wanted.timeframe)):
        if source.get(field) != value:
            raise ConfigurationError(
                f"out: {wanted.out} holds {field} {source.get(field, 'unknown')}, not {value}; give another --out"
            )
    if int(source["since_ms"]) > wanted.since_ms:
        raise ConfigurationError(
            f"since: {wanted.out} begins later, at {bars.at(0)}; give another --out, or no earlier --since"
        )
    return bars


def _ask(call: Callable[[], T], pause_s: float) -> T:
    """Call the exchange, again after a pause when network, overload or rate limit got in the way."""
    import ccxt

    for attempt in range(ATTEMPTS):
        try:
            return call()
        except ccxt.NetworkError as error:
            if attempt == ATTEMPTS - 1:
                raise TransientError(
                    f"exchange: no answer after {ATTEMPTS} attempts ({type(error).__name__}: {str(error)[:200]}); "
                    "check the network and run the same command again: it continues where it stopped"
                ) from error
            time.sleep(pause_s * 2**attempt)
        except ccxt.BaseError as error:
            raise ConfigurationError(
                f"exchange: the request was refused ({type(error).__name__}: {str(error)[:200]}); "
                "check symbol, timeframe and whether this exchange serves your country"
            ) from error
    raise AssertionError("unreachable: the last attempt returns or raises")
