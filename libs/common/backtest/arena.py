"""An arena: one instrument prepared for the engine once, then shared by every strategy."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import talib

from common.backtest.costs import Floats, days_per_bar
from common.backtest.index import Index, build_index
from common.backtest.market import MarketArrays, Words, single
from common.genome.layout import Population
from common.market.bank_cache import bank_of, cache_folder
from common.market.bars import Bars
from common.market.calendar import blackout_labels
from common.market.engineered import EngineeredBank
from common.market.liquidity import latency_draws, mean_quote_volume
from common.market.opens import stale_opens
from common.market.regimes import regime_labels

ATR_BARS = 14
VOLATILITY_BARS = 20
_NEXT_TO_NONE = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Stress scenarios as one market: its folds are ``spans`` (scenarios, 2), in the order of ``names``.

    ``engineered`` has ``lead`` words that were cut from the market.
    """

    names: tuple[str, ...]
    market: MarketArrays
    index: Index
    spans: npt.NDArray[np.int64]
    lead: int
    engineered: EngineeredBank = field(compare=False)

    def extra(self, population: Population) -> Words:
        """The bitmaps of engineered features of these genomes, in the order in which the arena's own bank has them."""
        return np.ascontiguousarray(self.engineered.rows(population)[0][:, self.lead :])


@dataclass(frozen=True, slots=True)
class Arena:
    """``arrays`` and their ``index`` are what kernels see; ``stress`` holds scenarios (see ``stage``)."""

    bars: Bars
    arrays: MarketArrays
    index: Index
    bars_per_year: float
    engineered: EngineeredBank = field(compare=False)
    stress: Stage | None = None


def prepare(
    bars: Bars, wanted: Sequence[int] | None = None, threads: int = 1, bars_per_year: float | None = None
) -> Arena:
    """Build bank, regimes, ATR, volatility and calendar of ``bars``; only the ``wanted`` conditions where given.

    ``bars_per_year`` annualises (None: counted over ``bars``). Whoever prepares the beginning of a series gives the
    whole one's: counted anew it would change the sizes of past positions with every bar that comes.
    """
    annual = bars.bars_per_year if bars_per_year is None else bars_per_year
    times = bars.ts_us.astype("datetime64[us]")
    days = times.astype("datetime64[D]")
    volatility = realised_volatility(bars, annual)
    arrays = MarketArrays(
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        single(talib.ATR(bars.high, bars.low, bars.close, ATR_BARS)),
        single(volatility),
        single(np.nan_to_num(volatility) / np.sqrt(annual)),
        single(_liquidity(bars)),
        np.ones(len(bars)),
        single(latency_draws(bars)),
        stale_opens(bars).astype(np.uint8),
        regime_labels(bars),
        ((bars.ts_us // 3_600_000_000) % 24).astype(np.uint8),
        ((days.astype(np.int64) + 3) % 7).astype(np.uint8),  # 1970-01-01 was a Thursday; Monday is 0
        (times.astype("datetime64[M]").astype(np.int64) % 12).astype(np.uint8),
        blackout_labels(bars),
        bank_of(bars, wanted, threads, cache_folder()).words,
        bars.bar_us / 1e3,
        days_per_bar(annual),
    )
    return Arena(bars, arrays, build_index(arrays), annual, EngineeredBank(bars))


def _liquidity(bars: Bars) -> Floats:
    """Mean quote volume (T,), 0 until the feed has shown any; after that none is next to none, and not unknown."""
    volume = mean_quote_volume(bars)
    return np.where(np.maximum.accumulate(volume) > 0.0, np.maximum(volume, _NEXT_TO_NONE), 0.0)


def realised_volatility(bars: Bars, bars_per_year: float) -> Floats:
    """Annualised standard deviation of the last 20 log returns, shape (T,), NaN before."""
    returns = np.diff(np.log(bars.close))
    result = np.full(len(bars), np.nan)
    if len(returns) >= VOLATILITY_BARS:
        windows: npt.NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(returns, VOLATILITY_BARS)
        result[VOLATILITY_BARS:] = windows.std(axis=1, ddof=1) * np.sqrt(bars_per_year)
    return result
