"""Features as series: the function behind every row of the feature table."""

import numpy as np

from common.genome.features import Feature
from common.market.bars import Bars
from common.market.indicators_own import OWN, Series
from common.market.indicators_talib import TALIB, Compute

REGISTRY: dict[str, Compute] = TALIB | OWN
"""Every indicator of the table by its name."""


def feature_series(feature: Feature, bars: Bars) -> Series:
    """Values of a feature on every bar (T,); NaN where unknown: before warm-up, and where it would divide by zero.

    Value t looks at bars 0..t only: the series of a truncated history is the beginning of the series of the full one.
    """
    if len(bars) == 0:
        return np.empty(0)
    series = REGISTRY[feature.indicator.name](bars, *feature.parameters)
    return np.where(np.isfinite(series), series, np.nan)
