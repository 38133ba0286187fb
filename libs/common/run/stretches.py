"""The stretches of a run's history: its windows, what comes before paper trading, and the replayed feed after it.

The feed is the bars after the vault, as the deployer would get them from a market. The whole stretch is published once,
before the first champion: paper trading is then a function of the champion alone, and a run does not have to wait for a
clock. The deployer keeps the bars, and knows again those it has.
"""

from collections.abc import Iterator, Sequence

from common.backtest.windows import Cut, cut
from common.events.public import BarClosed
from common.events.spec import RunSpec, Windows
from common.market.bars import Bars

BARS_PER_EVENT = 4000
"""Well below the size limit of a public event."""


def cut_of(bars: int, windows: Windows) -> Cut:
    """The windows of one instrument."""
    return cut(bars, **windows.model_dump())


def histories(spec: RunSpec, bars: Sequence[Bars]) -> list[Bars]:
    """Every instrument up to its paper stretch."""
    return [series.until(cut_of(len(series), spec.windows).paper[0]) for series in bars]


def feed(spec: RunSpec, bars: Sequence[Bars]) -> Iterator[BarClosed]:
    """The paper stretches, oldest bars first."""
    for series in bars:
        start, end = cut_of(len(series), spec.windows).paper
        for first in range(start, end, BARS_PER_EVENT):
            part = slice(first, min(first + BARS_PER_EVENT, end))
            yield BarClosed(
                instrument=series.name,
                ts_us=series.ts_us[part].tolist(),
                open=series.open[part].tolist(),
                high=series.high[part].tolist(),
                low=series.low[part].tolist(),
                close=series.close[part].tolist(),
                volume=series.volume[part].tolist(),
            )
