"""Days on which a strategy may want to stay out, told from the date alone: turn of the month, expiry, holidays."""

import numpy as np
import numpy.typing as npt

from common.market.bars import Bars

Days = npt.NDArray[np.datetime64]
"""Of unit D."""
MONTH_END, OPTION_EXPIRY, HOLIDAYS = 1 << 0, 1 << 1, 1 << 2
KING_DAY_SINCE = 1998
JUNETEENTH_SINCE = 2022


def blackout_labels(bars: Bars) -> npt.NDArray[np.uint8]:
    """Bits (T,) of the UTC day on which each bar opens; no other bar is looked at, so nothing later changes a label.

    * bit 0, month_end: from the last weekday (Monday to Friday) of a month to the first weekday of the next, the
      weekend between them included; a holiday counts as a weekday here;
    * bit 1, option_expiry: the third Friday of a month, and the Thursday before where that Friday is a market holiday
      (options then expire a day earlier);
    * bit 2, holidays: from the weekday before a holiday of the New York Stock Exchange to the holiday itself, the
      weekend between them included (for a Monday that is Friday to Monday).

    Holidays follow the rules of today in every year, except that two begin when they did; see ``market_holidays``.
    Closures that no rule foretells (mourning, storms, attacks) are not in it.
    """
    days, place = np.unique(bars.ts_us.astype("datetime64[us]").astype("datetime64[D]"), return_inverse=True)
    after = np.busday_offset(days, 1, roll="backward")
    before = np.busday_offset(days, -1, roll="forward")
    holidays = market_holidays(np.unique(np.concatenate((_years(days), _years(after)))))
    # The weekdays around a day are of one month unless a month turns between them.
    turn = before.astype("datetime64[M]") != after.astype("datetime64[M]")
    tomorrow = _later(days, 1)
    expiry = _third_friday(days) | (_third_friday(tomorrow) & np.isin(tomorrow, holidays))
    holiday = np.isin(days, holidays) | np.isin(after, holidays)
    labels = turn * MONTH_END | expiry * OPTION_EXPIRY | holiday * HOLIDAYS
    return labels.astype(np.uint8)[place]


def market_holidays(years: npt.NDArray[np.int64]) -> Days:
    """Days, in order, on which the New York Stock Exchange is closed in each of ``years`` (Y,), by its rule 7.2.

    New Year, King (since 1998), Washington, Good Friday, Memorial, Juneteenth (since 2022), Independence, Labor,
    Thanksgiving, Christmas. A fixed date on a Sunday is kept on Monday, on a Saturday on Friday; New Year on a Saturday
    is not kept, for its Friday would end the year.
    """
    january = (years - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    new_year = january.astype("datetime64[D]")
    found = (
        _observed(new_year)[_weekday(new_year) != 5],
        _nth(january, 0, "Mon", 3)[years >= KING_DAY_SINCE],
        _nth(january, 1, "Mon", 3),
        _good_friday(years),
        _nth(january, 5, "Mon", 0),  # the Monday before the first of June
        _observed(_date(january, 5, 19))[years >= JUNETEENTH_SINCE],
        _observed(_date(january, 6, 4)),
        _nth(january, 8, "Mon", 1),
        _nth(january, 10, "Thu", 4),
        _observed(_date(january, 11, 25)),
    )
    return np.sort(np.concatenate(found))


def _years(days: Days) -> npt.NDArray[np.int64]:
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def _later(days: Days, by: int | npt.NDArray[np.int64]) -> Days:
    return (days.astype(np.int64) + by).astype("datetime64[D]")


def _weekday(days: Days) -> npt.NDArray[np.int64]:
    return (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0


def _date(january: Days, months: int, day: int) -> Days:
    return _later((january + np.timedelta64(months, "M")).astype("datetime64[D]"), day - 1)


def _nth(january: Days, months: int, weekday: str, n: int) -> Days:
    """The n-th such weekday of a month; 0 is the last one of the month before."""
    return np.busday_offset(_date(january, months, 1), n - 1, roll="forward", weekmask=weekday)


def _observed(days: Days) -> Days:
    weekday = _weekday(days)
    return _later(days, (weekday == 6).astype(np.int64) - (weekday == 5))


def _third_friday(days: Days) -> npt.NDArray[np.bool_]:
    of_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    return (_weekday(days) == 4) & (of_month >= 15) & (of_month <= 21)


def _good_friday(years: npt.NDArray[np.int64]) -> Days:
    """Two days before Easter Sunday of the Gregorian calendar (J. Meeus, Astronomical Algorithms, 1991, ch. 8)."""
    golden = years % 19
    century, of_century = years // 100, years % 100
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    since_march = epact + to_sunday - 7 * late + 21  # days from the first of March to Easter Sunday
    march = (years - 1970).astype("datetime64[Y]").astype("datetime64[M]") + np.timedelta64(2, "M")
    return _later(march.astype("datetime64[D]"), since_march - 2)
