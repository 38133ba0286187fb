"""Made-up daily markets whose truth is known: pure noise, and noise with one planted rule."""

import numpy as np
import numpy.typing as npt
from numpy.random import Generator, Philox
from scipy.signal import lfilter

from common.errors import ConfigurationError
from common.market.bars import Bars, Prices

DAILY_VOLATILITY = 0.011
OVERNIGHT_SHARE = 0.15
"""Of the daily variance; the rest happens between open and close."""
_FIRST_PRICE = 100.0
_FIRST_DAY = "2000-01-03"


def noise(seed: int, bars: int) -> Bars:
    """A driftless geometric random walk: whatever makes money on it is luck."""
    return _market(f"noise-{seed}", seed, bars, 0.0)


def planted(seed: int, bars: int, strength: float) -> Bars:
    """The same with short-term reversal: a share ``strength`` (0 to 0.9) of a day's log return is taken back next day.

    It is taken back between open and close. So who buys at the open after a day that fell, and sells at the next open,
    earns ``strength`` times that fall on average, before costs: 0.0088 · strength, every second day. The lag-1
    autocorrelation of daily log returns is ``-strength``; their volatility is 1.1 % whatever the strength.
    """
    if not 0 <= strength <= 0.9:
        raise ConfigurationError(f"strength: {strength} is not a share that can be taken back; use 0 to 0.9")
    return _market(f"planted-{seed}", seed, bars, strength)


def _market(name: str, seed: int, bars: int, strength: float) -> Bars:
    if bars < 2:
        raise ConfigurationError(f"bars: {bars} is too few; use at least 2")
    random = Generator(Philox(seed))
    deviation = DAILY_VOLATILITY * np.sqrt(1 - strength**2)
    overnight = deviation * np.sqrt(OVERNIGHT_SHARE) * random.standard_normal(bars)
    intraday_deviation = deviation * np.sqrt(1 - OVERNIGHT_SHARE)
    fresh = overnight + intraday_deviation * random.standard_normal(bars)
    returns = np.asarray(lfilter([1.0], [1.0, strength], fresh), np.float64)
    close = np.log(_FIRST_PRICE) + np.cumsum(returns)
    open_ = close - returns + overnight
    high, low = _extremes(random, open_, close, intraday_deviation)
    volume = 1e6 * np.exp(0.3 * random.standard_normal(bars) + 10 * np.abs(returns))
    days = np.busday_offset(np.datetime64(_FIRST_DAY), np.arange(bars))
    return Bars.make(
        name,
        days.astype("datetime64[us]").astype(np.int64),
        np.exp(open_),
        np.exp(high),
        np.exp(low),
        np.exp(close),
        np.round(volume),
    )


def _extremes(
    random: Generator, open_: Prices, close: Prices, deviation: np.floating | float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Highest and lowest log price of Brownian motion from open to close, each drawn exactly, the two independently.

    The maximum of a bridge from a to b: (a + b + sqrt((b - a)^2 - 2 s^2 ln U)) / 2 (Karatzas and Shreve, 1991, 4.3.40).
    """
    reach = np.sqrt((close - open_) ** 2 - 2 * deviation**2 * np.log1p(-random.random((2, open_.size))))
    return (open_ + close + reach[0]) / 2, (open_ + close - reach[1]) / 2
