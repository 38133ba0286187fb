"""Opens that are no prices: copies of the close before, printed before the market has opened."""

import numpy as np
import numpy.typing as npt

from common.market.bars import DAY_US, Bars

STALE_SHARE = 2e-4
"""An open within this share of the close before is taken for a copy of it."""
TRUST_SHARE, TRUST_BARS = 0.1, 20
"""Of honest opens some four in a hundred are as near. Where so many of so many were, none is trusted."""
_WEEKEND_SHARE = 0.1


def stale_opens(bars: Bars) -> npt.NDArray[np.bool_]:
    """Bars (T,) whose open is a copy of the close before although the market was shut between them.

    Cash indices print their first value from the last trades of their members (99 % of the days of the S&P 500 before
    2007), so an overnight gap hides inside the first bar. An order that rests at a level would there be filled at
    prices at which nobody could have traded. A feed that has done so often is trusted with no open after a shut market:
    between copies it prints averages of old and new prices. Shut are the times between bars further apart than their
    length, and between days and longer bars of a market without weekends. Looks at nothing later than the bar's open,
    but for the weekends, which are those of all bars.
    """
    stale = np.zeros(len(bars), np.bool_)
    day = bars.ts_us // DAY_US
    at_weekend = ((day + 3) % 7 >= 5).mean() > _WEEKEND_SHARE  # 1970-01-01 was a Thursday
    shut = np.diff(bars.ts_us) > bars.bar_us if at_weekend or bars.bar_us < DAY_US else np.ones(len(bars) - 1, np.bool_)
    stale[1:] = shut & (np.abs(bars.open[1:] / bars.close[:-1] - 1.0) < STALE_SHARE)
    opened = np.append(0, np.cumsum(shut))
    untrusted = (opened >= TRUST_BARS) & (np.cumsum(stale) > TRUST_SHARE * opened)
    return stale | (untrusted & np.append(False, shut))
