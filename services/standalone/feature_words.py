"""Features and what may be asked of them, in plain words."""

from common.genome.features import Feature

HOUR_US = 3_600_000_000
# What follows "the close", "its 20-bar simple average", ...: ratios whose natural threshold is 1.
RATIOS: dict[str, tuple[str, str]] = {
    "close/sma": ("the close", "its {0}-bar simple average"),
    "close/ema": ("the close", "its {0}-bar exponential average"),
    "close/wma": ("the close", "its {0}-bar weighted average"),
    "close/dema": ("the close", "its {0}-bar double exponential average"),
    "close/tema": ("the close", "its {0}-bar triple exponential average"),
    "close/kama": ("the close", "its {0}-bar adaptive average (Kaufman)"),
    "close/trima": ("the close", "its {0}-bar triangular average"),
    "close/t3": ("the close", "its {0}-bar T3 average"),
    "close/midpoint": ("the close", "the middle of its {0}-bar range of closes"),
    "close/midprice": ("the close", "the middle of the {0}-bar high-low range"),
    "close/linearreg": ("the close", "its {0}-bar regression line"),
    "close/tsf": ("the close", "its {0}-bar regression forecast"),
    "close/ht_trendline": ("the close", "its Hilbert trend line"),
    "close/sar": ("the close", "the parabolic stop-and-reverse"),
    "close/highest": ("the close", "the highest price of the {0} bars before"),
    "close/lowest": ("the close", "the lowest price of the {0} bars before"),
    "sma/sma": ("the {0}-bar average", "the {1}-bar average"),
    "ema/ema": ("the {0}-bar exponential average", "the {1}-bar exponential average"),
    "natr/natr": ("the {0}-bar range of prices", "the {1}-bar range"),
    "volume/sma": ("volume", "its {0}-bar average"),
    "beta_high_low": ("the {0}-bar slope of highs on lows", "one"),
}
_NAMES: dict[str, str] = {
    "adx": "trend strength, ADX({0}),",
    "adxr": "smoothed trend strength, ADXR({0}),",
    "dx": "directional strength, DX({0}),",
    "di_spread": "the lead of +DI over −DI ({0} bars)",
    "aroonosc": "the {0}-bar Aroon oscillator",
    "linearreg_slope": "the slope of the {0}-bar regression line",
    "linearreg_angle": "the angle of the {0}-bar regression line",
    "ht_trendmode": "the Hilbert trend mode (1 trend, 0 cycle)",
    "rsi": "RSI({0})",
    "stoch_k": "stochastic %K({0})",
    "stoch_d": "stochastic %D({0})",
    "stochf_k": "fast stochastic %K({0})",
    "stochrsi": "the stochastic RSI({0})",
    "willr": "Williams %R({0})",
    "cci": "the commodity channel index, CCI({0}),",
    "cmo": "the Chande momentum oscillator, CMO({0}),",
    "roc": "the change over {0} bar(s), in percent,",
    "macd": "the MACD line ({0},{1})",
    "macd_histogram": "the MACD histogram ({0},{1},{2})",
    "ppo": "the percentage price oscillator ({0},{1})",
    "apo": "the absolute price oscillator ({0},{1})",
    "trix": "TRIX({0})",
    "ultosc": "the ultimate oscillator ({0},{1},{2})",
    "bop": "the balance of power of the bar",
    "mfi": "the money flow index, MFI({0}),",
    "natr": "the {0}-bar average true range, as a share of price,",
    "trange": "the true range of the bar",
    "stddev": "the {0}-bar standard deviation, as a share of price,",
    "percent_b": "the place of the close in its {0}-bar Bollinger band (0 lower, 1 upper)",
    "bandwidth": "the width of the {0}-bar Bollinger band",
    "obv_slope": "the {0}-bar slope of on-balance volume",
    "ad_slope": "the {0}-bar slope of accumulation/distribution",
    "adosc": "the Chaikin oscillator ({0},{1})",
    "correl_volume": "the {0}-bar correlation of price and volume",
    "gap": "the gap from the last close to the open",
    "close_location": "the place of the close in the bar (0 low, 1 high)",
    "body": "the body of the bar (close less open)",
    "upper_shadow": "the upper shadow of the bar",
    "lower_shadow": "the lower shadow of the bar",
    "up_streak": "the run of rising closes (negative: falling)",
    "zscore": "the distance of the close from its {0}-bar average, in standard deviations,",
    "skewness": "the {0}-bar skewness of returns",
    "autocorrelation": "the {0}-bar autocorrelation of returns",
    "ht_dcperiod": "the dominant cycle's length",
    "ht_dcphase": "the dominant cycle's phase",
    "ht_sine": "the dominant cycle's sine",
}
CANDLES: dict[str, str] = {
    "3whitesoldiers": "three white soldiers",
    "3blackcrows": "three black crows",
    "3inside": "three inside",
    "3outside": "three outside",
    "morningstar": "morning star",
    "eveningstar": "evening star",
    "shootingstar": "shooting star",
    "hangingman": "hanging man",
    "darkcloudcover": "dark cloud cover",
    "spinningtop": "spinning top",
    "invertedhammer": "inverted hammer",
    "dragonflydoji": "dragonfly doji",
    "gravestonedoji": "gravestone doji",
    "belthold": "belt hold",
    "longline": "long line",
}


def timeframe_names(bar_us: int | None) -> dict[str, str]:
    """What the three timeframes are called for bars of ``bar_us`` microseconds (None: not known).

    >>> timeframe_names(24 * HOUR_US)["higher"]
    'weekly'
    """
    if bar_us is None:
        return {"base": "", "higher": "next coarser", "highest": "second coarser"}
    if bar_us <= HOUR_US:
        return {"base": "", "higher": "4-hour", "highest": "daily"}
    if bar_us == 4 * HOUR_US:
        return {"base": "", "higher": "daily", "highest": "weekly"}
    if bar_us == 24 * HOUR_US:
        return {"base": "", "higher": "weekly", "highest": "monthly"}
    return {"base": "", "higher": "5-bar", "highest": "20-bar"}


def subject(feature: Feature) -> str:
    """A feature as a noun; one that ends on a comma is followed by a verb."""
    name = feature.indicator.name
    if name in RATIOS:
        left, right = RATIOS[name]
        return f"the ratio of {left} to {right}".format(*feature.parameters)
    return _NAMES.get(name, feature.text).format(*feature.parameters)


def predicate_words(predicate: str, threshold: float) -> str:
    """What follows "is": a share of past values, or a direction.

    >>> predicate_words("above_quantile", 0.8)
    'in the top 20 % of its last 250 values'
    """
    match predicate:
        case "above_quantile":
            return f"in the top {100 - threshold * 100:g} % of its last 250 values"
        case "below_quantile":
            return f"in the bottom {threshold * 100:g} % of its last 250 values"
        case _:
            return predicate
