"""A small Binance on 127.0.0.1: real HTTP, real JSON of its public endpoints, and faults on demand."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOUR_MS = 3_600_000
START_MS = 1_577_836_800_000  # 2020-01-01


class Exchange:
    """Hourly candles of BTCUSDT from START_MS on; ``faults`` are the HTTP statuses of the next answers."""

    def __init__(self, bars: int, missing: tuple[int, int] = (0, 0)) -> None:
        self.now_ms = START_MS + bars * HOUR_MS + HOUR_MS // 2  # half an hour into one more candle
        self.hours = [hour for hour in range(bars + 1) if not missing[0] <= hour < missing[1]]
        self.faults: list[int] = []
        self.candle_requests: list[dict[str, str]] = []
        self.url = ""

    def candle(self, hour: int) -> list[Any]:
        """Open time, open, high, low, close, volume, close time and what else Binance sends."""
        opened = START_MS + hour * HOUR_MS
        price = 7000 + hour % 97
        texts = [f"{price:.2f}", f"{price + 5:.2f}", f"{price - 5:.2f}", f"{price + 1:.2f}", f"{10 + hour % 7}.5"]
        return [opened, *texts, opened + HOUR_MS - 1, "0", 1, "0", "0", "0"]

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Status and JSON."""
        if path == "/api/v3/time":
            return 200, {"serverTime": self.now_ms}
        if path == "/api/v3/exchangeInfo":
            return 200, {"symbols": [_symbol("BTC"), _symbol("ETH")]}
        if path in ("/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"):
            return 200, {"symbols": []}
        if path != "/api/v3/klines":
            return 404, {"code": -1, "msg": f"no {path} here"}
        self.candle_requests.append(query)
        if self.faults:
            status = self.faults.pop(0)
            return status, {"code": -1121 if status == 400 else -1003, "msg": f"fault {status}"}
        since, limit = int(query["startTime"]), int(query["limit"])
        found = [self.candle(hour) for hour in self.hours if START_MS + hour * HOUR_MS >= since]
        return 200, found[:limit]


def _symbol(base: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "filters": [],
    }


@contextmanager
def serving(exchange: Exchange) -> Iterator[Exchange]:
    """Answer HTTP for ``exchange`` at ``exchange.url`` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, content = exchange.answer(parts.path, query)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    exchange.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield exchange
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
