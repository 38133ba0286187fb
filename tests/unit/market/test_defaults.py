"""The built-in market data is what its package says, and needs no network."""

import numpy as np
from arch.data import nasdaq, sp500

from common.market.defaults import default_bars


def test_both_indices_come_whole() -> None:
    found = default_bars()
    assert [bars.name for bars in found] == ["S&P 500", "NASDAQ"]
    for bars, source in zip(found, (sp500, nasdaq), strict=True):
        table = source.load()
        assert len(bars) == len(table) == 5031
        assert (bars.at(0), bars.at(5030)) == ("1999-01-04T00:00:00Z", "2018-12-31T00:00:00Z")
        np.testing.assert_allclose(bars.close, table["Adj Close"], rtol=1e-15)
        for field in ("open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(getattr(bars, field), table[field.capitalize()])
