"""Feature series equal what TA-Lib's abstract interface computes, and own ones what pandas and SciPy compute."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from talib import abstract

from common.genome.features import FEATURES, Feature
from common.market.bars import Bars
from common.market.defaults import default_bars
from common.market.indicators import feature_series
from tests.unit.market.samples import hourly

Frame = pd.DataFrame
MARKETS = {"S&P 500": lambda: default_bars()[0].until(3000), "BTCUSDT": lambda: hourly(3000)}
AVERAGES = ("SMA", "EMA", "WMA", "DEMA", "TEMA", "KAMA", "TRIMA", "T3", "MIDPOINT", "MIDPRICE", "LINEARREG", "TSF")
PLAIN = ("ADX", "ADXR", "DX", "AROONOSC", "RSI", "WILLR", "CCI", "CMO", "ROC", "TRIX", "NATR", "MFI")


def _ta(name: str, frame: Frame, **parameters: float) -> pd.Series:
    return getattr(abstract, name)(frame, **parameters)


def _average(name: str) -> Callable[..., pd.Series]:
    return lambda f, n: f.close / _ta(name, f, timeperiod=n)


def _plain(name: str) -> Callable[..., pd.Series]:
    return lambda f, n: _ta(name, f, timeperiod=n)


def _pair(name: str) -> Callable[..., pd.Series]:
    return lambda f, fast, slow: _ta(name, f, timeperiod=fast) / _ta(name, f, timeperiod=slow)


def _slope(name: str) -> Callable[..., pd.Series]:
    return lambda f, n: abstract.LINEARREG_SLOPE(_ta(name, f), timeperiod=n) / f.volume.rolling(n).mean()


def _bands(f: Frame, n: int) -> Frame:
    return abstract.BBANDS(f, timeperiod=n, nbdevup=2.0, nbdevdn=2.0)


def _stochastic(f: Frame, n: int) -> Frame:
    return abstract.STOCH(f, fastk_period=n, slowk_period=3, slowd_period=3)


def _macd(f: Frame, fast: int, slow: int, signal: int) -> Frame:
    return abstract.MACD(f, fastperiod=fast, slowperiod=slow, signalperiod=signal)


def _range(f: Frame) -> pd.Series:
    return (f.high - f.low).replace(0.0, np.nan)


def _returns(f: Frame) -> pd.Series:
    return f.close.pct_change()


def _streak(f: Frame) -> pd.Series:
    sign = np.sign(f.close.diff())
    runs = (sign != sign.shift()).cumsum()
    return sign * (sign.groupby(runs).cumcount() + 1)


EXPECTED: dict[str, Callable[..., pd.Series]] = {
    **{f"close/{name.lower()}": _average(name) for name in AVERAGES},
    "close/ht_trendline": lambda f: f.close / _ta("HT_TRENDLINE", f),
    "close/sar": lambda f: f.close / _ta("SAR", f),
    "sma/sma": _pair("SMA"),
    "ema/ema": _pair("EMA"),
    **{name.lower(): _plain(name) for name in PLAIN},
    "di_spread": lambda f, n: _ta("PLUS_DI", f, timeperiod=n) - _ta("MINUS_DI", f, timeperiod=n),
    "linearreg_slope": lambda f, n: _ta("LINEARREG_SLOPE", f, timeperiod=n) / f.close,
    "linearreg_angle": _plain("LINEARREG_ANGLE"),
    "stoch_k": lambda f, n: _stochastic(f, n).slowk,
    "stoch_d": lambda f, n: _stochastic(f, n).slowd,
    "stochf_k": lambda f, n: abstract.STOCHF(f, fastk_period=n).fastk,
    "stochrsi": lambda f, n: abstract.STOCHRSI(f, timeperiod=n, fastk_period=n).fastk,
    "macd": lambda f, *n: _macd(f, *n).macd / f.close,
    "macd_histogram": lambda f, *n: _macd(f, *n).macdhist / f.close,
    "ppo": lambda f, fast, slow: _ta("PPO", f, fastperiod=fast, slowperiod=slow, matype=1),
    "apo": lambda f, fast, slow: f.close.rolling(fast).mean() / f.close - f.close.rolling(slow).mean() / f.close,
    "ultosc": lambda f, a, b, c: _ta("ULTOSC", f, timeperiod1=a, timeperiod2=b, timeperiod3=c),
    "natr/natr": _pair("NATR"),
    "trange": lambda f: _ta("TRANGE", f) / f.close,
    "stddev": lambda f, n: f.close.rolling(n).std(ddof=0) / f.close,
    "percent_b": lambda f, n: (f.close - _bands(f, n).lowerband) / (_bands(f, n).upperband - _bands(f, n).lowerband),
    "bandwidth": lambda f, n: (_bands(f, n).upperband - _bands(f, n).lowerband) / _bands(f, n).middleband,
    "close/highest": lambda f, n: f.close / f.high.rolling(n).max().shift(),
    "close/lowest": lambda f, n: f.close / f.low.rolling(n).min().shift(),
    "obv_slope": _slope("OBV"),
    "ad_slope": _slope("AD"),
    "adosc": lambda f, fast, slow: _ta("ADOSC", f, fastperiod=fast, slowperiod=slow) / f.volume.rolling(slow).mean(),
    "volume/sma": lambda f, n: f.volume / f.volume.rolling(n).mean(),
    "correl_volume": lambda f, n: abstract.CORREL(f, timeperiod=n, price0="close", price1="volume"),
    "beta_high_low": lambda f, n: abstract.BETA(f, timeperiod=n),
    **{
        name.lower(): lambda f, name=name: _ta(name, f) for name in ("BOP", "HT_TRENDMODE", "HT_DCPERIOD", "HT_DCPHASE")
    },
    "ht_sine": lambda f: abstract.HT_SINE(f).sine,
    "gap": lambda f: f.open / f.close.shift() - 1.0,
    "close_location": lambda f: (f.close - f.low) / _range(f),
    "body": lambda f: (f.close - f.open) / f.open,
    "upper_shadow": lambda f: (f.high - f[["open", "close"]].max(axis=1)) / _range(f),
    "lower_shadow": lambda f: (f[["open", "close"]].min(axis=1) - f.low) / _range(f),
    "up_streak": _streak,
    "zscore": lambda f, n: f.close.rolling(n).apply(lambda w: stats.zscore(w)[-1], raw=True),
    "skewness": lambda f, n: _returns(f).rolling(n).apply(stats.skew, raw=True),
    "autocorrelation": lambda f, n: _returns(f).rolling(n + 1).apply(lambda w: stats.pearsonr(w[1:], w[:-1])[0], True),
}


def _expected(feature: Feature, frame: Frame) -> pd.Series:
    if feature.indicator.group == "candle":
        return np.sign(_ta(feature.indicator.name.upper(), frame))
    return EXPECTED[feature.indicator.name](frame, *feature.parameters)


@cache
def _market(name: str) -> tuple[Bars, Frame]:
    bars = MARKETS[name]()
    return bars, Frame({column: getattr(bars, column) for column in ("open", "high", "low", "close", "volume")})


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.text)
@pytest.mark.parametrize("market", MARKETS)
def test_a_feature_equals_its_reference_after_warm_up(market: str, feature: Feature) -> None:
    bars, frame = _market(market)
    ours, reference = feature_series(feature, bars), _expected(feature, frame).to_numpy(np.float64)
    known = np.isfinite(ours)
    assert known.sum() > 0.9 * len(bars)
    np.testing.assert_allclose(ours[known], reference[known], rtol=1e-9, atol=1e-9)
