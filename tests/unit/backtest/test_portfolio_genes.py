"""Each portfolio gene changes the result as documented, on hand-made markets and clocks."""

from dataclasses import replace

import numpy as np
import pytest

from common.backtest.arena import prepare
from common.backtest.costs import cost_table
from common.market.bars import DAY_US, HOUR_US

from .portfolio_world import BARS, START, STOP, always_long, held, made, traded, zigzag

QUIET, WILD = made("quiet", zigzag(0.002, 1)), made("wild", zigzag(0.006, 2))
COPY = made("copy", QUIET.close * 2)
OTHER = made("other", zigzag(0.004, 5))


def test_weights_split_the_capital():
    found = traded(always_long({0: 0.25, 1: 0.75}), [QUIET, WILD])
    np.testing.assert_allclose(found.sum.equity, 0.25 * held(QUIET) + 0.75 * held(WILD))
    np.testing.assert_allclose(traded(always_long({1: 0.5}), [QUIET, WILD]).sum.equity, held(WILD))


def test_slots_beyond_the_instruments_wrap_around():
    found = traded(always_long({1: 0.25, 2: 0.75}), [QUIET, WILD])
    np.testing.assert_allclose(found.sum.equity, 0.75 * held(QUIET) + 0.25 * held(WILD), rtol=1e-6)


def test_risk_parity_gives_the_wild_leg_less():
    found = traded(always_long({0: 0.1, 1: 0.9}, **{"portfolio.method": "risk_parity"}), [QUIET, WILD])
    assert found.weights[0] == pytest.approx([0.75, 0.25], abs=0.01)  # moves of 0.2 % and 0.6 %
    np.testing.assert_allclose(found.sum.equity, found.weights[0] @ [held(QUIET), held(WILD)])


def test_hrp_shares_by_variance_and_halves_what_is_the_same_twice():
    pair = traded(always_long({0: 0.1, 1: 0.9}, **{"portfolio.method": "hrp"}), [QUIET, WILD])
    assert pair.weights[0] == pytest.approx([0.9, 0.1], abs=0.01)
    three = traded(always_long({0: 0.3, 1: 0.3, 2: 0.3}, **{"portfolio.method": "hrp"}), [QUIET, COPY, WILD])
    parity = traded(always_long({0: 0.3, 1: 0.3, 2: 0.3}, **{"portfolio.method": "risk_parity"}), [QUIET, COPY, WILD])
    assert three.weights[0, 2] < parity.weights[0, 2]
    np.testing.assert_allclose(three.sum.equity, three.weights[0] @ [held(QUIET), held(COPY), held(WILD)])


def test_the_correlation_cap_drops_the_leg_of_less_weight():
    series = [QUIET, COPY, OTHER]
    both = traded(always_long({0: 0.25, 1: 0.5, 2: 0.25}), series)
    one = traded(always_long({0: 0.25, 1: 0.5, 2: 0.25}, **{"portfolio.correlation_max": 0.9}), series)
    assert both.weights.tolist() == [[0.25, 0.5, 0.25]]
    np.testing.assert_allclose(one.weights, [[0, 2 / 3, 1 / 3]])
    np.testing.assert_allclose(one.sum.equity, 2 / 3 * held(COPY) + 1 / 3 * held(OTHER))


def test_rebalancing_splits_again_every_so_many_bars_at_a_cost():
    legs = np.array([held(QUIET), held(WILD)])
    genome = always_long({0: 0.5, 1: 0.5}, **{"portfolio.rebalance_bars": 5})
    free = traded(genome, [QUIET, WILD])
    expected, capital, since = np.empty(STOP - START), 1.0, np.ones(2)
    for t in range(STOP - START):
        if t % 5 == 0 and t:
            capital, since = expected[t - 1], legs[:, t - 1]
        expected[t] = capital * (legs[:, t] / since).mean()
    np.testing.assert_allclose(free.sum.equity, expected)
    assert len(free.weights) == 3

    costly = cost_table(0.0, [{"taker_fee_bps": 4.0, "spread_bps": 6.0, "slippage_bps": 3.0}] * 3)
    paid = traded(genome, [QUIET, WILD], costly)
    own = np.array([traded(always_long({slot: 1.0}), [QUIET, WILD], costly).sum.equity for slot in range(2)])
    before = own[:, 4].mean()
    np.testing.assert_allclose(paid.sum.equity[4], before)
    # Each account is scaled to half of what both are; its position with it, for 4 + 3 + 3 basis points.
    moved = np.abs(0.5 * before / own[:, 4] - 0.5) * legs[:, 4]
    after = before - moved.sum() * 10e-4
    np.testing.assert_allclose(paid.sum.equity[5], 0.5 * after * (own[:, 5] / own[:, 4]).sum(), rtol=1e-12)
    assert moved.sum() > 1e-3


def test_rebalancing_pays_impact_latency_and_volatility_as_any_market_order_does():
    hidden = {"execution.iceberg_fraction": 0.5}
    genome = always_long({0: 0.5, 1: 0.5}, **hidden, **{"portfolio.rebalance_bars": 5})
    venue = {"impact": 0.5, "slippage_volatility": 0.1, "latency_ms": 1000.0, "participation_max": 1.0}
    account, volume = 1e6, 1e7
    series = [replace(bars, volume=volume / bars.close) for bars in (QUIET, WILD)]
    costly = cost_table(account, [venue] * 3)
    paid = traded(genome, series, costly)
    whole = [traded(always_long({slot: 1.0}, **hidden), series, costly) for slot in range(2)]
    own = np.array([leg.sum.equity for leg in whole])
    units = np.array([leg.trades[0][0, 5] for leg in whole])
    before, at = own[:, 4].mean(), START + 4
    np.testing.assert_allclose(paid.sum.equity[4], before)
    cost = 0.0
    for leg, bars in enumerate(series):
        known = prepare(bars).arrays
        moved = abs(0.5 * before / own[leg, 4] - 0.5) * units[leg] * bars.close[at]
        late = 1000.0 * known.late[at] / known.bar_ms
        impact = 0.5 * 0.75 * np.sqrt(moved * account / known.volume[at])
        assert impact > 0.001
        cost += moved * known.move[at] * (0.1 + np.sqrt(late) + impact)
    assert cost > 1e-7
    after = 0.5 * (before - cost) * (own[:, 5] / own[:, 4]).sum()
    np.testing.assert_allclose(paid.sum.equity[5], after, rtol=1e-12)


def test_a_leg_without_bars_in_the_span_stays_cash():
    late = made("late", zigzag(0.01, 7)[:8], ts_us=DAY_US * np.arange(STOP + 1, STOP + 9))
    found = traded(always_long({0: 0.5, 1: 0.5}), [QUIET, late])
    np.testing.assert_allclose(found.sum.equity, 0.5 + 0.5 * held(QUIET))
    assert [len(trades) for trades in found.trades] == [1, 0]


def test_hours_that_never_close_beside_days_that_do():
    days = DAY_US * np.array([day for day in range(450) if day % 7 < 5])[:BARS]
    stock = made("stock", zigzag(0.003, 3), ts_us=days)
    hours = HOUR_US * np.arange(24 * 448)
    drift = 100 * np.exp(0.002 * np.sin(np.arange(len(hours)) / 17) + np.arange(len(hours)) * 1e-5)
    crypto = made("crypto", drift, bar_us=HOUR_US, ts_us=hours)

    # The stock is the master: crypto is marked when the stock's day is over, from its second hour of the first day on.
    found = traded(always_long({0: 0.5, 1: 0.5}), [stock, crypto])
    first, over = days[START] // HOUR_US, days[START:STOP] // HOUR_US + 23
    np.testing.assert_allclose(found.sum.equity, 0.5 * held(stock) + 0.5 * drift[over] / crypto.open[first + 1])

    # Crypto is the master: the stock moves when its day is over, and stands still over the weekend.
    monday = next(t for t in range(START, STOP) if days[t] // DAY_US % 7 == 0)
    begin = int(days[monday] // HOUR_US)
    week = traded(always_long({0: 0.5, 1: 0.5}), [crypto, stock], span=(begin, begin + 7 * 24))
    own = 0.5 * held(crypto, begin, begin + 7 * 24)
    rest = week.sum.equity - own
    np.testing.assert_allclose(rest[:23], 0.5)
    np.testing.assert_allclose(rest[23::24][:5], 0.5 * held(stock, monday, monday + 5))
    np.testing.assert_allclose(rest[24 * 5 :], rest[24 * 5 - 1])


def test_truncating_every_series_changes_no_earlier_bar():
    hourly = made("hourly", np.repeat(zigzag(0.001, 4), 24), bar_us=HOUR_US)
    series = [QUIET, hourly, WILD]
    genome = always_long({0: 0.3, 1: 0.3, 2: 0.4}, **{"portfolio.method": "hrp", "portfolio.rebalance_bars": 5})
    whole, stop = traded(genome, series), START + 8
    known = [bars.until(int(np.searchsorted(bars.ts_us, QUIET.ts_us[stop]))) for bars in series]
    part = traded(genome, known, span=(START, stop))
    # The last bar closes what is open: without costs it does so at the mark.
    np.testing.assert_array_equal(whole.sum.equity[: stop - START - 1], part.sum.equity[:-1])
    np.testing.assert_array_equal(whole.weights[:2], part.weights)
