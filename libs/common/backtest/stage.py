"""The stage: every stress scenario of an instrument behind one another, as one market whose folds are the scenarios."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.backtest.index import Index
from common.backtest.market import MarketArrays


@dataclass(frozen=True, slots=True)
class Stage:
    """``spans`` (scenarios, 2) of ``market``, in the order of ``names``."""

    names: tuple[str, ...]
    market: MarketArrays
    index: Index
    spans: npt.NDArray[np.int64]
