"""Indicators of the feature table that TA-Lib computes, one small function each.

Every optional argument is written out, because TA-Lib's defaults have changed between versions. What TA-Lib gives in
units of price or volume is divided by the close or by the average volume, so that a value means the same in every year.
"""

from collections.abc import Callable

import numpy as np
import talib
from talib import MA_Type, abstract  # type: ignore[attr-defined]  # its stub forgets to export MA_Type

from common.genome.features import INDICATORS
from common.market.bars import Bars
from common.market.indicators_own import Series, divide, shift

Compute = Callable[..., Series]
"""``compute(bars, *parameters)`` -> (T,), NaN before warm-up."""
T3_VOLUME_FACTOR = 0.7
BAND_DEVIATIONS = 2.0
STOCHASTIC_SMOOTHING = 3


def _close_to(average: Callable[..., Series]) -> Compute:
    """The close as a ratio to one of TA-Lib's averages of the close."""
    return lambda bars, *periods: divide(bars.close, average(bars.close, *periods))


def _of_close(function: Callable[..., Series]) -> Compute:
    return lambda bars, *periods: function(bars.close, *periods)


def _of_range(function: Callable[..., Series]) -> Compute:
    return lambda bars, *periods: function(bars.high, bars.low, bars.close, *periods)


def _share_of_close(compute: Compute) -> Compute:
    """A series in units of price, as a share of the close."""
    return lambda bars, *parameters: divide(compute(bars, *parameters), bars.close)


def _share_of_volume(compute: Compute) -> Compute:
    """A series in units of volume, as a share of the average volume over its last (longest) period."""
    return lambda bars, *periods: divide(compute(bars, *periods), talib.SMA(bars.volume, periods[-1]))


def _slope_of(accumulate: Callable[[Bars], Series]) -> Compute:
    """Slope of the line fitted to the last values of a running total of volume, per bar."""
    return lambda bars, period: talib.LINEARREG_SLOPE(accumulate(bars), period)


def _pattern(name: str) -> Compute:
    """A candle pattern as +1, −1 or 0: TA-Lib's 80 and 200 are only weaker and stronger forms of its 100."""
    return lambda bars: np.sign(_whole(name, bars.open, bars.high, bars.low, bars.close))


def _whole(name: str, *inputs: Series) -> Series:
    """A TA-Lib function that answers in whole numbers, with NaN before warm-up, where TA-Lib itself writes 0."""
    series: Series = np.array(getattr(talib, name)(*inputs), np.float64)
    series[: getattr(abstract, name).lookback] = np.nan
    return series


def _mfi(bars: Bars, period: int) -> Series:
    """Money flow index; unknown on bars without volume behind them, where TA-Lib writes 0 (deeply oversold)."""
    return np.where(talib.MAX(bars.volume, period) > 0.0, talib.MFI(*_prices(bars), bars.volume, period), np.nan)


def _prices(bars: Bars) -> tuple[Series, Series, Series]:
    return bars.high, bars.low, bars.close


def _bands(bars: Bars, period: int) -> tuple[Series, Series, Series]:
    upper, middle, lower = talib.BBANDS(bars.close, period, BAND_DEVIATIONS, BAND_DEVIATIONS, MA_Type.SMA)
    return upper, middle, lower


def _percent_b(bars: Bars, period: int) -> Series:
    upper, _, lower = _bands(bars, period)
    return divide(bars.close - lower, upper - lower)


def _bandwidth(bars: Bars, period: int) -> Series:
    upper, middle, lower = _bands(bars, period)
    return divide(upper - lower, middle)


def _stochastic(bars: Bars, period: int) -> tuple[Series, Series]:
    smoothing = STOCHASTIC_SMOOTHING
    k, d = talib.STOCH(*_prices(bars), period, smoothing, MA_Type.SMA, smoothing, MA_Type.SMA)
    return k, d


_TREND: dict[str, Compute] = {
    "close/sma": _close_to(talib.SMA),
    "close/ema": _close_to(talib.EMA),
    "close/wma": _close_to(talib.WMA),
    "close/dema": _close_to(talib.DEMA),
    "close/tema": _close_to(talib.TEMA),
    "close/kama": _close_to(talib.KAMA),
    "close/trima": _close_to(talib.TRIMA),
    "close/t3": lambda bars, period: divide(bars.close, talib.T3(bars.close, period, T3_VOLUME_FACTOR)),
    "close/midpoint": _close_to(talib.MIDPOINT),
    "close/midprice": lambda bars, period: divide(bars.close, talib.MIDPRICE(bars.high, bars.low, period)),
    "close/linearreg": _close_to(talib.LINEARREG),
    "close/tsf": _close_to(talib.TSF),
    "close/ht_trendline": _close_to(talib.HT_TRENDLINE),
    "close/sar": lambda bars: divide(bars.close, talib.SAR(bars.high, bars.low, 0.02, 0.2)),
    "sma/sma": lambda bars, fast, slow: divide(talib.SMA(bars.close, fast), talib.SMA(bars.close, slow)),
    "ema/ema": lambda bars, fast, slow: divide(talib.EMA(bars.close, fast), talib.EMA(bars.close, slow)),
    "adx": _of_range(talib.ADX),
    "adxr": _of_range(talib.ADXR),
    "dx": _of_range(talib.DX),
    "di_spread": lambda bars, period: talib.PLUS_DI(*_prices(bars), period) - talib.MINUS_DI(*_prices(bars), period),
    "aroonosc": lambda bars, period: talib.AROONOSC(bars.high, bars.low, period),
    "linearreg_slope": _share_of_close(_of_close(talib.LINEARREG_SLOPE)),
    "linearreg_angle": _of_close(talib.LINEARREG_ANGLE),
    "ht_trendmode": lambda bars: _whole("HT_TRENDMODE", bars.close),
}
_MOMENTUM: dict[str, Compute] = {
    "rsi": _of_close(talib.RSI),
    "stoch_k": lambda bars, period: _stochastic(bars, period)[0],
    "stoch_d": lambda bars, period: _stochastic(bars, period)[1],
    "stochf_k": lambda bars, period: talib.STOCHF(*_prices(bars), period, STOCHASTIC_SMOOTHING, MA_Type.SMA)[0],
    # Chande and Kroll use one period for both the RSI and its stochastic; TA-Lib's default for the latter is 5.
    "stochrsi": lambda bars, period: talib.STOCHRSI(bars.close, period, period, STOCHASTIC_SMOOTHING, MA_Type.SMA)[0],
    "willr": _of_range(talib.WILLR),
    "cci": _of_range(talib.CCI),
    "cmo": _of_close(talib.CMO),
    "roc": _of_close(talib.ROC),
    "macd": _share_of_close(lambda bars, *periods: talib.MACD(bars.close, *periods)[0]),
    "macd_histogram": _share_of_close(lambda bars, *periods: talib.MACD(bars.close, *periods)[2]),
    "ppo": lambda bars, fast, slow: talib.PPO(bars.close, fast, slow, MA_Type.EMA),
    # Simple averages: with exponential ones it would be the MACD over again.
    "apo": _share_of_close(lambda bars, fast, slow: talib.APO(bars.close, fast, slow, MA_Type.SMA)),
    "trix": _of_close(talib.TRIX),
    "ultosc": _of_range(talib.ULTOSC),
    "bop": lambda bars: talib.BOP(bars.open, *_prices(bars)),
    "mfi": _mfi,
}
_VOLATILITY: dict[str, Compute] = {
    "natr": _of_range(talib.NATR),
    "natr/natr": lambda bars, fast, slow: divide(talib.NATR(*_prices(bars), fast), talib.NATR(*_prices(bars), slow)),
    "trange": _share_of_close(_of_range(talib.TRANGE)),
    "stddev": _share_of_close(lambda bars, period: talib.STDDEV(bars.close, period, 1.0)),
    "percent_b": _percent_b,
    "bandwidth": _bandwidth,
    # Against the bars before this one, so that above (below) 1 is a breakout of the channel.
    "close/highest": lambda bars, period: divide(bars.close, shift(talib.MAX(bars.high, period))),
    "close/lowest": lambda bars, period: divide(bars.close, shift(talib.MIN(bars.low, period))),
}
_VOLUME: dict[str, Compute] = {
    "obv_slope": _share_of_volume(_slope_of(lambda bars: talib.OBV(bars.close, bars.volume))),
    "ad_slope": _share_of_volume(_slope_of(lambda bars: talib.AD(*_prices(bars), bars.volume))),
    "adosc": _share_of_volume(lambda bars, fast, slow: talib.ADOSC(*_prices(bars), bars.volume, fast, slow)),
    "volume/sma": _share_of_volume(lambda bars, period: bars.volume),
    "correl_volume": lambda bars, period: talib.CORREL(bars.close, bars.volume, period),
}
_CYCLE: dict[str, Compute] = {
    "beta_high_low": lambda bars, period: talib.BETA(bars.high, bars.low, period),
    "ht_dcperiod": _of_close(talib.HT_DCPERIOD),
    "ht_dcphase": _of_close(talib.HT_DCPHASE),
    "ht_sine": lambda bars: talib.HT_SINE(bars.close)[0],
}
_CANDLE: dict[str, Compute] = {
    indicator.name: _pattern(indicator.name.upper()) for indicator in INDICATORS if indicator.group == "candle"
}
TALIB: dict[str, Compute] = _TREND | _MOMENTUM | _VOLATILITY | _VOLUME | _CYCLE | _CANDLE
"""Name in the feature table -> ``compute(bars, *parameters)``."""
