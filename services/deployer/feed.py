"""The bars of the paper stretch, as they come in after a history."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from common.errors import DataError
from common.market.bars import Bars

PRICES: tuple[str, ...] = ("open", "high", "low", "close", "volume")
BAR_COLUMNS: tuple[str, ...] = ("ts_us", *PRICES)
BAR = np.dtype([("ts_us", "<i8"), *((name, "<f8") for name in PRICES)])
Received = npt.NDArray[np.void]
"""Records of dtype ``BAR``, shape (n,), in time order; never written to."""


def none_yet() -> Received:
    """No bars."""
    return np.empty(0, BAR)


def extend(history: Bars, received: Received, ts_us: Sequence[int], columns: Mapping[str, Sequence[float]]) -> Received:
    """The bars after ``history`` with the new ones of a batch behind them; bars known by their time are dropped.

    Raises DataError for a batch that no market data can be (see ``Bars``), and for an unknown bar that is not newer
    than all known ones: what has been traded on cannot change afterwards.
    """
    try:
        times = np.array(ts_us, np.int64)
    except OverflowError as error:
        raise DataError(f"bars {history.name}: a time needs more than 64 bits; use microseconds since 1970") from error
    batch = _checked(history, times, {column: np.array(columns[column], np.float64) for column in PRICES})
    known = np.concatenate((history.ts_us, received["ts_us"]))
    news = ~np.isin(times, known)
    late = np.flatnonzero(news & (times <= known[-1]))
    if len(late):
        raise DataError(
            f"bars {history.name}: {len(late)} unknown ones, first that of {batch.at(int(late[0]))}, are older than "
            "the last one known; send bars oldest first"
        )
    fresh = np.empty(int(news.sum()), BAR)
    for column in BAR_COLUMNS:
        fresh[column] = getattr(batch, column)[news]
    return np.concatenate((received, fresh))


def joined(history: Bars, received: Received) -> Bars:
    """History and paper stretch as one series."""
    columns = {column: np.concatenate((getattr(history, column), received[column])) for column in BAR_COLUMNS}
    return _checked(history, columns.pop("ts_us"), columns)


def _checked(history: Bars, ts_us: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[np.float64]]) -> Bars:
    open_, high, low, close, volume = (columns[column] for column in PRICES)
    return Bars(history.name, ts_us, open_, high, low, close, volume, history.bar_us)
