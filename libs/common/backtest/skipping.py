"""The event-skipping engine: from signal to signal and from extreme to extreme, so that cost grows with trades.

Agrees with the truth engine (``engine.py``), which it shares what happens at one order with (``orders.py``). It differs
in how it finds the next event, by bitmaps and block extremes, and in how it sums returns, by prefix sums.
"""

import numpy as np

from common.backtest.costs import Floats, Venue, venue_of
from common.backtest.holding import Course, hold
from common.backtest.index import (
    ATR,
    CLOSED,
    HIGHEST,
    LATE,
    LOWEST,
    MOVE,
    OPENED,
    REGIME,
    SPREAD,
    STALE,
    VOLATILITY,
    VOLUME,
    Index,
    Singles,
)
from common.backtest.market import MarketArrays
from common.backtest.metrics import BARS, CAPITAL, DRAWDOWN, OVERLAP, PEAK, TRADES
from common.backtest.orders import Holding, Quote, enter, exit_is_at_open, liquidate, pessimistic, scheduled_price
from common.backtest.phenotype import Integer, Phenotype
from common.backtest.signals import Logic, bit, next_true
from common.backtest.sizing import book, open_account
from common.backtest.trade_sums import Between, Equity, Pending, add_bar, add_trade, between, deepest, follow, meet
from common.kernel import inlined_kernel, lean_kernel

_ONE, _FOUR, _EIGHT = np.uint64(1), np.uint64(4), np.uint64(8)
_NOTHING = Between(0.0, 0.0, 0.0, 0.0, 0.0)


@lean_kernel
def _quote(prices: Floats, facts: Singles, t: np.uint64, bar_ms: float, days: float) -> Quote:
    """The quote of bar ``t`` > 0, as ``orders.quote_of`` gives it."""
    p, s = t * _FOUR, (t - _ONE) * _EIGHT
    return Quote(
        prices[p + OPENED],
        prices[p + HIGHEST],
        prices[p + LOWEST],
        prices[p + CLOSED],
        prices[p - _FOUR + CLOSED],
        np.float64(facts[s + ATR]),
        np.float64(facts[s + VOLATILITY]),
        np.float64(facts[s + MOVE]),
        np.float64(facts[s + VOLUME]),
        np.float64(facts[s + SPREAD]),
        np.float64(facts[s + LATE]),
        facts[s + STALE] != 0.0,
        np.int64(facts[s + REGIME]),
        bar_ms,
        days,
    )


@inlined_kernel
def _settle(
    arrays: tuple[Floats, Singles, Floats, Floats, Floats],
    phenotype: Phenotype,
    venue: Venue,
    holding: Holding,
    quote: Quote,
    course: Course,
    drifts: tuple[float, float],
    equity: Equity,
    pending: Pending,
    sums: Floats,
) -> tuple[float, Equity, Pending]:
    """What is left of the account after a trade, and the fold with it added; ``quote``: of the bar of its entry."""
    prices, facts, prefix, closes, close = arrays
    t, end, price = holding.bar, course.bar, course.price
    if t == pending.bar:  # the equity between the two trades is no bar's equity
        sums[OVERLAP] += 1.0
    else:
        equity = meet(equity, holding.base)
        add_bar(pending.r, pending.d, sums)
        pending = Pending(t, 0.0, 0.0)
    found, held, first_close, close_before = _NOTHING, 0.0, quote.close, holding.price
    if end > t:
        quote = _quote(prices, facts, np.uint64(end), quote.bar_ms, quote.days)
        found, close_before = between(prefix, np.uint64(t), np.uint64(end - 1)), quote.close_before
        equity, held = follow(equity, close, closes, holding, end), found.closes + close_before
    if price == 0.0:
        price = scheduled_price(quote, phenotype)
    price = pessimistic(quote, holding.side, price, course.reason)
    cash = liquidate(quote, phenotype, venue, holding, price, course.reason, held)
    pending = add_trade(
        pending, found, phenotype, holding, end, course.reason, price, cash, first_close, close_before, drifts, sums
    )
    return cash, equity, pending


@lean_kernel
def simulate(
    market: MarketArrays,
    index: Index,
    logic: Logic,
    phenotype: Phenotype,
    costs: Floats,
    start: Integer,
    stop: Integer,
    overnight: float,
    intraday: float,
    sums: Floats,
    profits: Floats,
) -> float:
    """Trade bars ``[start, stop)`` from an equity of 1, flat at both ends; returns final equity.

    ``logic`` holds only entries that masks and calendars allow. Adds the fold to ``sums`` (metrics.SUMS,), and the
    profit of each trade to ``profits`` after those that are there.
    """
    # Arrays out of their tuples once: the compiler then keeps them in registers.
    _, reach, trails, closes, prices, facts, prefix = index
    enter_long, enter_short, leave_long, leave_short = logic
    arrays, drifts = (prices, facts, prefix, closes, market.close), (overnight, intraday)
    venue, account = venue_of(costs, phenotype.venue), open_account()
    lot = phenotype.budget * phenotype.fraction / market.open[start]
    count, capital = np.int64(sums[TRADES]), sums[CAPITAL]
    peak = sums[PEAK] / capital if capital > 0.0 else 1.0
    equity, pending = Equity(peak, peak, sums[DRAWDOWN]), Pending(np.int64(-1), 0.0, 0.0)
    t: Integer = np.int64(start + 1)
    while account.cash > 0.0:
        t = next_true(enter_long, enter_short, t - 1, stop - 1) + 1
        if t >= stop:
            break
        is_long = bit(enter_long, np.uint64(t - 1))
        quote = _quote(prices, facts, np.uint64(t), market.bar_ms, market.days)
        holding = enter(quote, phenotype, venue, account, 1.0 if is_long else -1.0, t, lot)
        if not holding.units > 0.0:
            t += 1
            continue
        leave = leave_long if is_long else leave_short
        course = hold(reach, trails, prices, leave, phenotype, holding, stop)
        cash, equity, pending = _settle(arrays, phenotype, venue, holding, quote, course, drifts, equity, pending, sums)
        profits[count] = cash / holding.base - 1.0
        count += 1
        account = book(account, cash, holding.units * holding.price)
        t = course.bar if exit_is_at_open(phenotype, course.reason) else course.bar + 1
    add_bar(pending.r, pending.d, sums)
    equity = meet(equity, account.cash)
    sums[BARS] += stop - start
    sums[TRADES], sums[CAPITAL], sums[DRAWDOWN] = count, capital * account.cash, deepest(equity)
    sums[PEAK] = capital * equity.peak if capital > 0.0 else sums[PEAK]
    return account.cash
