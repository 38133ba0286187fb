"""Opens that are no prices: copies of the close before, printed before the market has opened."""

import numpy as np
import numpy.typing as npt

from common.market.bars import DAY_US, Bars

STALE_SHARE = 2e-4
"""An open within this share of the close before is taken for a copy of it."""
TRUST_SHARE, TRUST_BARS = 0.1, 20
"""Of honest opens some four in a hundred are as near. Where so many of so many were, none is trusted."""
ROUND_NIGHTS, ROUND_BREAKS = 0.9, 0.5
"""A market is open at night if so many nights end where they began, and at most so many weekends and holidays."""
_WEEKEND_SHARE = 0.1
Flags = npt.NDArray[np.bool_]


def stale_opens(bars: Bars) -> Flags:
    """Bars (T,) whose open is a copy of the close before although the market was shut between them.

    Cash indices print their first value from the last trades of their members (99 % of the days of the S&P 500 before
    2007), so an overnight gap hides inside the first bar. An order that rests at a level would there be filled at
    prices at which nobody could have traded. A feed that has done so often is trusted with no open after a shut market:
    between copies it prints averages of old and new prices. Shut are the times between bars further apart than their
    length, and the nights between days and longer bars, unless the market was seen to trade through them
    (``_open_at_night``). Looks at nothing later than the bar's open.
    """
    stale = np.zeros(len(bars), np.bool_)
    if len(bars) < 2:
        return stale
    copied = np.abs(bars.open[1:] / bars.close[:-1] - 1.0) < STALE_SHARE
    pause = np.diff(bars.ts_us) > bars.bar_us
    at_night = _open_at_night(bars, copied, pause)
    shut = pause | ~at_night
    opened = np.where(at_night, np.cumsum(pause), np.arange(1, len(bars)))
    copies = np.where(at_night, np.cumsum(pause & copied), np.cumsum(copied))
    untrusted = (opened >= TRUST_BARS) & (copies > TRUST_SHARE * opened)
    stale[1:] = shut & (copied | untrusted)
    return stale


def _open_at_night(bars: Bars, copied: Flags, pause: Flags) -> Flags:
    """Whether bars that follow each other without a ``pause`` are one session, from bar 1 on, told at each open.

    So are bars shorter than a day; days of a market that trades at weekends; and days that nearly always begin where
    the last one ended, while weekends and holidays, at least 20 so far, do not: currencies, which trade from Monday to
    Friday without a night. An index that copies its closes does so over weekends too.
    """
    if bars.bar_us < DAY_US:
        return np.ones(len(pause), np.bool_)
    weekend = (bars.ts_us // DAY_US + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    at_weekend = np.cumsum(weekend)[1:] > _WEEKEND_SHARE * np.arange(2, len(bars) + 1)
    nights, breaks = np.cumsum(~pause), np.cumsum(pause)
    through_nights = np.cumsum(~pause & copied) >= ROUND_NIGHTS * nights
    through_breaks = np.cumsum(pause & copied) > ROUND_BREAKS * breaks
    return at_weekend | ((nights > 0) & through_nights & (breaks >= TRUST_BARS) & ~through_breaks)
