"""Real market data for tests: the built-in daily bars, and the hourly files beside the project where they are."""

from pathlib import Path

import pytest

from common.market.bars import Bars
from common.market.defaults import default_bars
from common.market.importing import read_bars

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "market"
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason="no ../shared/market beside this checkout")


def shared(name: str) -> Bars:
    """The bars of a file of the shared folder."""
    return read_bars(FOLDER / f"{name}.parquet")[0]


def real_markets() -> list[Bars]:
    """The S&P 500, and hourly Bitcoin where its file is."""
    return [default_bars()[0], *([shared("BTCUSDT-1h")] if FOLDER.is_dir() else [])]
