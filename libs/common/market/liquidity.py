"""How much of a market can be had, and how late one comes: volume in money, and the luck of latency."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.market.bars import Bars, Times
from common.random import logarithm, new_stream, open_stream, uniform

VOLUME_BARS = 20
LATENCY_KEY = 0x6C6174656E6379
"""Key of the streams of ``latency_draws``: the word latency."""


def mean_quote_volume(bars: Bars) -> npt.NDArray[np.float64]:
    """Mean of volume times typical price, (high + low + close) / 3, over the last 20 bars with this one; (T,), money.

    Before the twentieth bar it is the mean of the bars there are; 0 where the feed has no volume.
    """
    money = np.zeros(VOLUME_BARS - 1 + len(bars))
    money[VOLUME_BARS - 1 :] = bars.volume * (bars.high + bars.low + bars.close) / 3
    # Added bar by bar: a running sum would keep the rounding of a huge bar after the bar has left the window.
    total = np.zeros(len(bars))
    for back in range(VOLUME_BARS):
        total += money[back : back + len(bars)]
    return total / np.minimum(np.arange(1, len(bars) + 1), VOLUME_BARS)


def latency_draws(bars: Bars) -> npt.NDArray[np.float64]:
    """One exponential draw of mean 1 for each bar (T,), a function of the instant at which the bar opens.

    A series that is cut, extended or has bars missing keeps its draws, and instruments share those of an instant.
    """
    return _draws(bars.ts_us)


@kernel
def _draws(ts_us: Times) -> npt.NDArray[np.float64]:
    """Inverse transform of the first number of stream (LATENCY_KEY, 0, 0, ts_us), the instant in two's complement."""
    draws = np.empty(len(ts_us))
    stream = new_stream(np.uint64(LATENCY_KEY), 0, 0, 0)
    for bar in range(len(ts_us)):
        open_stream(stream, np.uint64(LATENCY_KEY), 0, 0, ts_us[bar])
        draws[bar] = 0.0 - logarithm(1.0 - uniform(stream))
    return draws
