"""Columns are found by what they are told to be, or by their usual names, or not guessed."""

import pytest

from common.errors import ConfigurationError, DataError
from common.market.import_columns import recognise


@pytest.mark.parametrize(
    ("present", "time", "volume"),
    [
        (["ts", "open", "high", "low", "close", "volume"], ("ts",), ("volume",)),
        (["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"], ("Date",), ("Volume",)),
        (["TIMESTAMP", "O", "H", "L", "C", "V"], ("TIMESTAMP",), ("V",)),
        (
            ["<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>"],
            ("<DATE>", "<TIME>"),
            ("<TICKVOL>",),
        ),
        (["unix", "date", "symbol", "open", "high", "low", "close"], ("date",), None),
        (["Open time", "Open", "High", "Low", "Close", "Vol", "Close time"], ("Open time",), ("Vol",)),
        (["", "open", "high", "low", "close"], ("",), None),
    ],
)
def test_usual_names_are_recognised(present: list[str], time: tuple[str, ...], volume: tuple[str, ...] | None) -> None:
    found = recognise(present)
    assert found["time"] == time
    assert found.get("volume") == volume
    assert [found[field][0].lower().strip("<>")[0] for field in ("open", "high", "low", "close")] == list("ohlc")


def test_what_is_told_goes_before_the_usual_name() -> None:
    present = ["ts", "when", "open", "bid_open", "high", "low", "close"]
    found = recognise(present, {"open": "bid_open", "ts": "when"})
    assert (found["open"], found["time"], found["close"]) == (("bid_open",), ("when",), ("close",))


@pytest.mark.parametrize(
    ("present", "told", "error", "words"),
    [
        (["ts", "open", "high", "low"], {}, DataError, "column close: none of .*--column close=NAME"),
        (["ts", "open", "high", "low", "close"], {"close": "last"}, DataError, "'last' is not in the file"),
        (["ts", "open", "high", "low", "close"], {"price": "close"}, ConfigurationError, "no field is called 'price'"),
        (["ts", "open", "high", "low", "close", "Close"], {}, DataError, "'close', 'Close' could all be it"),
        (["ts", "open", "high", "low", "close", "close"], {"close": "close"}, DataError, "more than once"),
    ],
)
def test_what_cannot_be_told_is_refused(
    present: list[str], told: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        recognise(present, told)
