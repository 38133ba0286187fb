"""The finite table of features: every series that a condition may look at, in a fixed order.

A feature is an indicator with its parameters, made stationary: price-like indicators appear as a ratio
(``close/sma(20)``), so that one threshold means the same in every year and on every instrument.
Append only: positions are alleles, and alleles are inherited. So a new row goes to the end, also new parameters of an
indicator that is there; everything else that moves a position needs a new ``GENOME_VERSION``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Indicator:
    """One row of the table.

    ``centre`` is the value that splits the series in two (None: no natural centre, as for candle patterns);
    ``levels`` are the classical thresholds of the field, written in the indicator's own unit.
    """

    name: str
    group: str
    parameters: tuple[tuple[int, ...], ...]
    centre: float | None
    levels: tuple[float, ...] = ()


def _one(*periods: int) -> tuple[tuple[int, ...], ...]:
    return tuple((period,) for period in periods)


_NONE: tuple[tuple[int, ...], ...] = ((),)

INDICATORS: tuple[Indicator, ...] = (
    # Trend: the close against an average, or a fast average against a slow one.
    Indicator("close/sma", "trend", _one(5, 10, 20, 50, 100, 200), 1.0),
    Indicator("close/ema", "trend", _one(5, 10, 20, 50, 100, 200), 1.0),
    Indicator("close/wma", "trend", _one(10, 20, 50), 1.0),
    Indicator("close/dema", "trend", _one(20, 50), 1.0),
    Indicator("close/tema", "trend", _one(20, 50), 1.0),
    Indicator("close/kama", "trend", _one(10, 30), 1.0),
    Indicator("close/trima", "trend", _one(20, 50), 1.0),
    Indicator("close/t3", "trend", _one(5, 20), 1.0),
    Indicator("close/midpoint", "trend", _one(14, 50), 1.0),
    Indicator("close/midprice", "trend", _one(14, 50), 1.0),
    Indicator("close/linearreg", "trend", _one(14, 50), 1.0),
    Indicator("close/tsf", "trend", _one(14, 50), 1.0),
    Indicator("close/ht_trendline", "trend", _NONE, 1.0),
    Indicator("close/sar", "trend", _NONE, 1.0),
    Indicator("sma/sma", "trend", ((5, 20), (10, 20), (10, 50), (20, 50), (20, 100), (50, 100), (50, 200)), 1.0),
    Indicator("ema/ema", "trend", ((12, 26), (10, 50), (20, 50), (50, 200)), 1.0),
    Indicator("adx", "trend", _one(14, 28), None, (20.0, 25.0, 40.0)),
    Indicator("adxr", "trend", _one(14), None, (20.0, 25.0)),
    Indicator("dx", "trend", _one(14), None, (20.0, 40.0)),
    Indicator("di_spread", "trend", _one(14, 28), 0.0),
    Indicator("aroonosc", "trend", _one(14, 25, 50), 0.0, (-50.0, 50.0)),
    Indicator("linearreg_slope", "trend", _one(14, 50), 0.0),
    Indicator("linearreg_angle", "trend", _one(14), 0.0),
    Indicator("ht_trendmode", "trend", _NONE, 0.5),
    # Momentum.
    Indicator("rsi", "momentum", _one(2, 7, 14, 28), 50.0, (10.0, 20.0, 30.0, 70.0, 80.0, 90.0)),
    Indicator("stoch_k", "momentum", _one(5, 14), 50.0, (20.0, 80.0)),
    Indicator("stoch_d", "momentum", _one(14), 50.0, (20.0, 80.0)),
    Indicator("stochf_k", "momentum", _one(5, 14), 50.0, (20.0, 80.0)),
    Indicator("stochrsi", "momentum", _one(14), 50.0, (20.0, 80.0)),
    Indicator("willr", "momentum", _one(14, 28), -50.0, (-80.0, -20.0)),
    Indicator("cci", "momentum", _one(14, 20, 40), 0.0, (-100.0, 100.0)),
    Indicator("cmo", "momentum", _one(14, 28), 0.0, (-50.0, 50.0)),
    Indicator("roc", "momentum", _one(1, 5, 10, 20, 60, 120, 250), 0.0),
    Indicator("macd", "momentum", ((12, 26, 9),), 0.0),
    Indicator("macd_histogram", "momentum", ((12, 26, 9), (5, 35, 5)), 0.0),
    Indicator("ppo", "momentum", ((12, 26),), 0.0),
    Indicator("apo", "momentum", ((12, 26),), 0.0),
    Indicator("trix", "momentum", _one(15, 30), 0.0),
    Indicator("ultosc", "momentum", ((7, 14, 28),), 50.0, (30.0, 70.0)),
    Indicator("bop", "momentum", _NONE, 0.0),
    Indicator("mfi", "momentum", _one(14), 50.0, (20.0, 80.0)),
    # Volatility and channels.
    Indicator("natr", "volatility", _one(5, 14, 50), None),
    Indicator("natr/natr", "volatility", ((5, 50), (14, 100)), 1.0),
    Indicator("trange", "volatility", _NONE, None),
    Indicator("stddev", "volatility", _one(20, 60), None),
    Indicator("percent_b", "volatility", _one(10, 20, 50), 0.5, (0.0, 1.0)),
    Indicator("bandwidth", "volatility", _one(20), None),
    Indicator("close/highest", "volatility", _one(10, 20, 55, 100, 250), 1.0),
    Indicator("close/lowest", "volatility", _one(10, 20, 55, 100, 250), 1.0),
    # Volume; constant, hence never true, where the feed has none.
    Indicator("obv_slope", "volume", _one(20), 0.0),
    Indicator("ad_slope", "volume", _one(20), 0.0),
    Indicator("adosc", "volume", ((3, 10),), 0.0),
    Indicator("volume/sma", "volume", _one(20, 50), 1.0, (1.5, 2.0)),
    Indicator("correl_volume", "volume", _one(30), 0.0),
    # Price action.
    Indicator("gap", "price action", _NONE, 0.0),
    Indicator("close_location", "price action", _NONE, 0.5, (0.2, 0.8)),
    Indicator("body", "price action", _NONE, 0.0),
    Indicator("upper_shadow", "price action", _NONE, None),
    Indicator("lower_shadow", "price action", _NONE, None),
    Indicator("up_streak", "price action", _NONE, 0.0, (-4.0, -3.0, -2.0, 2.0, 3.0, 4.0)),
    # Statistics.
    Indicator("zscore", "statistics", _one(10, 20, 50), 0.0, (-2.0, -1.0, 1.0, 2.0)),
    Indicator("beta_high_low", "statistics", _one(5), 1.0),
    Indicator("skewness", "statistics", _one(60), 0.0),
    Indicator("autocorrelation", "statistics", _one(60), 0.0),
    Indicator("ht_dcperiod", "statistics", _NONE, None),
    Indicator("ht_dcphase", "statistics", _NONE, None),
    Indicator("ht_sine", "statistics", _NONE, 0.0),
    # Candle patterns: +1 bullish, -1 bearish, 0 absent.
    *(
        Indicator(f"cdl{pattern}", "candle", _NONE, None, (-0.5, 0.5))
        for pattern in [
            "engulfing",
            "hammer",
            "doji",
            "morningstar",
            "eveningstar",
            "harami",
            "shootingstar",
            "hangingman",
            "piercing",
            "darkcloudcover",
            "3whitesoldiers",
            "3blackcrows",
            "marubozu",
            "spinningtop",
            "invertedhammer",
            "dragonflydoji",
            "gravestonedoji",
            "3inside",
            "3outside",
            "belthold",
            "hikkake",
            "longline",
            "takuri",
        ]
    ),
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One series: an indicator with one choice of parameters."""

    indicator: Indicator
    parameters: tuple[int, ...]

    @property
    def text(self) -> str:
        """How people write it.

        >>> FEATURES[0].text
        'close/sma(5)'
        """
        arguments = ",".join(map(str, self.parameters))
        return f"{self.indicator.name}({arguments})" if arguments else self.indicator.name


FEATURES: tuple[Feature, ...] = tuple(
    Feature(indicator, parameters) for indicator in INDICATORS for parameters in indicator.parameters
)
