"""Downloads by the real ccxt client from a local exchange: paging, pace, faults, resuming, refusals."""

import sys
from pathlib import Path

import numpy as np
import pytest

from common.adapters.exchange import ATTEMPTS, Downloaded, Wanted, download, open_exchange
from common.errors import ConfigurationError, DataError, TransientError
from common.market.export_files import read_source, write_bars
from common.market.importing import read_bars
from common.market.synthetic import noise
from tests.adapters.exchange_stub import HOUR_MS, START_MS, Exchange, serving


def fetch(
    exchange: Exchange, out: Path, *, symbol: str = "BTC/USDT", timeframe: str = "1h", since_ms: int = START_MS
) -> Downloaded:
    client = open_exchange("binance", exchange.url)
    return download(client, Wanted(symbol, timeframe, since_ms, out), pause_s=0.001)


def test_all_closed_bars_come_page_by_page_and_the_open_one_does_not(tmp_path: Path) -> None:
    out = tmp_path / "btc.parquet"
    with serving(Exchange(2500)) as exchange:
        done = fetch(exchange, out)
    assert done.added == len(done.bars) == 2500
    np.testing.assert_array_equal(done.bars.ts_us // 1000, START_MS + np.arange(2500) * HOUR_MS)
    np.testing.assert_array_equal(done.bars.close, 7001 + np.arange(2500) % 97)
    np.testing.assert_array_equal(done.bars.volume, 10.5 + np.arange(2500) % 7)
    assert [query["limit"] for query in exchange.candle_requests] == ["1000"] * 3
    assert read_bars(out)[0].digest == done.bars.digest


def test_progress_goes_up_to_all_of_it(tmp_path: Path) -> None:
    heard: list[tuple[int, float]] = []
    with serving(Exchange(1500)) as exchange:
        client = open_exchange("binance", exchange.url)
        wanted = Wanted("BTC/USDT", "1h", START_MS, tmp_path / "b.parquet")
        download(client, wanted, lambda bars, share: heard.append((bars, share)))
    assert [bars for bars, _ in heard] == [1000, 1500]
    assert 0.6 < heard[0][1] < heard[1][1]
    assert heard[1][1] == pytest.approx(1, abs=0.001)


def test_a_gap_longer_than_a_page_is_crossed_and_kept(tmp_path: Path) -> None:
    class Windowed(Exchange):
        """Answers only from the window that was asked for, as some exchanges do: nothing inside an outage."""

        def answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
            status, content = super().answer(path, query)
            if path == "/api/v3/klines" and status == 200:
                end = int(query["startTime"]) + int(query["limit"]) * HOUR_MS
                content = [candle for candle in content if candle[0] < end]
            return status, content

    with serving(Windowed(4000, missing=(500, 2900))) as exchange:
        done = fetch(exchange, tmp_path / "b.parquet")
    assert len(done.bars) == 1600
    assert np.diff(done.bars.ts_us).max() == 2401 * HOUR_MS * 1000


@pytest.mark.parametrize("faults", [[429], [418, 429], [500, 502, 503], [504]])
def test_rate_limits_and_server_errors_are_waited_out(tmp_path: Path, faults: list[int]) -> None:
    with serving(Exchange(1200)) as exchange:
        exchange.faults = list(faults)
        done = fetch(exchange, tmp_path / "b.parquet")
    assert len(done.bars) == 1200
    assert len(exchange.candle_requests) == 2 + len(faults)


def test_what_came_before_the_exchange_failed_is_kept_and_continued(tmp_path: Path) -> None:
    out = tmp_path / "b.parquet"

    class FailsLater(Exchange):
        def answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
            if len(self.candle_requests) == 2 and not self.faults:
                self.faults = [503] * ATTEMPTS
            return super().answer(path, query)

    with serving(FailsLater(3500)) as exchange:
        with pytest.raises(TransientError, match="run the same command again"):
            fetch(exchange, out)
        assert len(read_bars(out)[0]) == 2000
        exchange.candle_requests.clear()
        again = Exchange(3500)
        with serving(again):
            done = fetch(again, out)
    assert (done.added, len(done.bars)) == (1500, 3500)
    assert int(again.candle_requests[0]["startTime"]) == START_MS + 2000 * HOUR_MS
    with serving(Exchange(3500)) as whole:
        assert fetch(whole, tmp_path / "whole.parquet").bars.digest == done.bars.digest


def test_a_finished_download_is_only_brought_up_to_date(tmp_path: Path) -> None:
    out = tmp_path / "b.parquet"
    with serving(Exchange(300)) as exchange:
        fetch(exchange, out)
        asked = len(exchange.candle_requests)
        assert fetch(exchange, out).added == 0
        assert len(exchange.candle_requests) == asked
    with serving(Exchange(302)) as later:
        done = fetch(later, out, since_ms=START_MS + 10 * HOUR_MS)
    assert (done.added, len(done.bars)) == (2, 302)
    assert read_source(out)["since_ms"] == str(START_MS)


def test_a_file_of_something_else_is_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "b.parquet"
    with serving(Exchange(300)) as exchange:
        fetch(exchange, out)
        before = out.read_bytes()
        for change, words in (
            ({"symbol": "ETH/USDT"}, "holds symbol BTC/USDT, not ETH/USDT"),
            ({"timeframe": "4h"}, "holds timeframe 1h, not 4h"),
            ({"since_ms": START_MS - HOUR_MS}, "begins later"),
        ):
            with pytest.raises(ConfigurationError, match=words):
                fetch(exchange, out, **change)  # type: ignore[arg-type]
        assert out.read_bytes() == before
        write_bars(noise(1, 50), out, {})
        with pytest.raises(ConfigurationError, match="holds exchange unknown"):
            fetch(exchange, out)


def test_what_the_exchange_does_not_have_is_refused_with_what_it_has(tmp_path: Path) -> None:
    out = tmp_path / "b.parquet"
    with serving(Exchange(300)) as exchange:
        with pytest.raises(ConfigurationError, match="has no 'BTC/EUR'; use BTC/USDT"):
            fetch(exchange, out, symbol="BTC/EUR")
        with pytest.raises(ConfigurationError, match=r"has no '7h'; use one of .*1h"):
            fetch(exchange, out, timeframe="7h")
        with pytest.raises(DataError, match="no closed bars"):
            fetch(exchange, out, since_ms=exchange.now_ms)
        exchange.faults = [400]
        with pytest.raises(ConfigurationError, match=r"request was refused.*fault 400"):
            fetch(exchange, out)
    assert not out.exists()


def test_no_network_is_an_error_that_may_go_away(tmp_path: Path) -> None:
    with serving(Exchange(300)) as exchange:
        pass
    with pytest.raises(TransientError, match="check the network"):
        fetch(exchange, tmp_path / "b.parquet")


def test_an_exchange_that_ccxt_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'binanse' is not known to ccxt; use .*binance"):
        open_exchange("binanse")


def test_without_ccxt_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(ConfigurationError, match=r"uv pip install .* ccxt"):
        open_exchange("binance")
