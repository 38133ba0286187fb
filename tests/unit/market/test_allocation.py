"""Splits of capital: what each method does, and that nothing but the past of a date decides it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, REAL_GENES
from common.market.alignment import close_times
from common.market.allocation import (
    CORRELATION_BARS,
    HRP,
    LEGS_MAX,
    RISK_PARITY,
    SINGLE,
    VOLATILITY_BARS,
    WEIGHTS,
    Allocation,
)
from common.market.bars import DAY_US, HOUR_US, Bars
from common.market.hierarchical import hierarchical_weights, make_tree

from .samples import walk

METHODS = st.sampled_from([WEIGHTS, RISK_PARITY, HRP])


def from_returns(name, returns, bar_us=HOUR_US, first=0):
    close = 100 * np.cumprod(1 + np.asarray(returns))
    ts_us = bar_us * (first + np.arange(len(close)))
    return Bars(name, ts_us, close, close, close, close, np.zeros(len(close)), bar_us)


def market(bars, seed=1):
    """Four instruments: volatilities 1, 2, 4 and 1 %, the last nearly a copy of the first."""
    draw = np.random.default_rng(seed).normal(size=(4, bars))
    draw[3] = 0.97 * draw[0] + 0.2 * draw[3]
    return [from_returns(f"{i}", draw[i] * size) for i, size in enumerate((0.01, 0.02, 0.04, 0.01))]


def last_returns(bars, date, count):
    close = bars.close[date - count - 1 : date]
    return close[1:] / close[:-1] - 1


def shares(table, method, wanted, correlation_max=1.0, start=300, stop=400, every=0, master=0):
    return table.weights(method, np.array(wanted, float), correlation_max, table.splits(master, start, stop, every))


def test_the_methods_are_the_alleles_of_the_gene():
    alleles = ALLELE_GENES[ALLELE_SLOT["portfolio.method"]].alleles
    assert [alleles[code] for code in (SINGLE, WEIGHTS, RISK_PARITY, HRP)] == [
        "single",
        "weights",
        "risk_parity",
        "hrp",
    ]
    assert sum(gene.path.startswith("portfolio.weight_") for gene in REAL_GENES) == LEGS_MAX


def test_weights_are_the_genes_normalised_at_every_split():
    found = shares(Allocation(market(400)), WEIGHTS, [0.3, 0.1, 0, 0], every=21)
    assert found.shape == (5, 4)
    np.testing.assert_allclose(found, np.tile([0.75, 0.25, 0, 0], (5, 1)))


def test_dates_are_the_start_and_every_so_many_bars_before_the_stop():
    table = Allocation(market(400))
    assert table.splits(0, 300, 363, 21).dates.tolist() == [300, 321, 342]
    assert table.splits(0, 300, 364, 21).dates.tolist() == [300, 321, 342, 363]
    assert table.splits(0, 300, 400, 0).dates.tolist() == [300]


def test_risk_parity_is_inverse_to_the_volatility_of_the_last_bars():
    markets = market(400)
    found = shares(Allocation(markets), RISK_PARITY, [0.1, 0.9, 0.5, 0])[0]
    past = [
        np.diff(m.close[300 - VOLATILITY_BARS - 1 : 300]) / m.close[300 - VOLATILITY_BARS - 1 : 299] for m in markets
    ]
    inverse = np.array([1 / np.std(p, ddof=1) for p in past]) * [1, 1, 1, 0]
    np.testing.assert_allclose(found, inverse / inverse.sum(), rtol=1e-9)


def test_hrp_is_of_the_covariance_of_the_last_bars_and_of_the_legs_chosen():
    markets = market(400)
    found = shares(Allocation(markets), HRP, [0.1, 0.9, 0.5, 0])[0]
    past = [last_returns(m, 300, CORRELATION_BARS) for m in markets]
    expected = np.zeros(4)
    hierarchical_weights(np.cov(past), np.arange(3), 3, make_tree(4), expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_leg_too_like_one_of_more_weight_is_dropped():
    table = Allocation(market(400))
    np.testing.assert_allclose(
        shares(table, WEIGHTS, [0.2, 0.4, 0, 0.2], 0.9)[0], [1 / 3, 2 / 3, 0, 0]
    )  # the later one
    np.testing.assert_allclose(shares(table, WEIGHTS, [0.2, 0.4, 0, 0.6], 0.9)[0], [0, 0.4, 0, 0.6])
    np.testing.assert_allclose(shares(table, WEIGHTS, [0.2, 0.4, 0, 0.2], 0.999)[0], [0.25, 0.5, 0, 0.25])
    assert shares(table, HRP, [0.2, 0.4, 0.1, 0.2], 0.9)[0, 3] == 0


def test_a_copy_is_no_more_than_fully_correlated():
    one = market(400)[0]
    np.testing.assert_allclose(shares(Allocation([one, one]), WEIGHTS, [1, 1], 1.0), [[0.5, 0.5]])
    np.testing.assert_allclose(shares(Allocation([one, one]), WEIGHTS, [1, 1], 0.99), [[1, 0]])


def test_risk_that_is_not_known_or_zero_gets_no_capital():
    late = from_returns("late", np.full(100, 0.01), first=250)
    still = from_returns("still", np.zeros(400))
    table = Allocation([*market(400)[:2], late, still])
    for method in (RISK_PARITY, HRP):
        found = shares(table, method, [1, 1, 1, 1])[0]
        assert found[0] > found[1] > 0
        assert found[2] == found[3] == 0
    np.testing.assert_allclose(shares(table, HRP, [0, 0, 1, 3])[0], [0, 0, 0.25, 0.75])  # of no leg: the genes decide
    np.testing.assert_allclose(shares(table, RISK_PARITY, [1, 3, 0, 0], start=60)[0], [0.25, 0.75, 0, 0])


@settings(max_examples=40, deadline=None)
@given(
    METHODS,
    st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(any),
    st.floats(0.1, 1),
    st.sampled_from([0, 5, 63]),
)
def test_weights_are_shares_of_the_legs_and_sum_to_one(method, wanted, correlation_max, every):
    found = shares(Allocation(market(400)), method, wanted, correlation_max, 20, 400, every)
    assert (found >= 0).all()
    assert (found[:, np.array(wanted) == 0] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(METHODS, st.integers(0, 1000), st.integers(260, 390), st.integers(0, 1))
def test_weights_at_a_date_do_not_depend_on_what_comes_after_it(method, seed, date, master):
    hours, days = walk(3000, seed), walk(400, seed + 1, bar_us=DAY_US)
    series = [days, hours] if master == 0 else [hours, days]
    date = date if master == 0 else 5 * date
    now = close_times(series[0])[date - 1]
    known = [bars.until(int(np.searchsorted(bars.ts_us, now, side="right"))) for bars in series]
    known[0] = series[0].until(date + 1)
    whole, part = Allocation(series), Allocation(known)
    ours = shares(whole, method, [0.4, 0.6], 0.3, date - 20, len(series[0]), 5)
    theirs = shares(part, method, [0.4, 0.6], 0.3, date - 20, date + 1, 5)
    np.testing.assert_array_equal(ours[:5], theirs)
    assert whole.splits(0, date - 20, len(series[0]), 5).dates[4] == date


def test_moments_are_computed_once_and_are_the_same_for_every_asker():
    table = Allocation(market(400))
    assert table.splits(0, 300, 400, 5) is table.splits(0, 300, 400, 5)
    assert table.known(0, 1) is table.known(0, 1)


def test_only_the_first_eight_instruments_can_be_named():
    table = Allocation(market(400) * 4)
    assert table.legs == 8
    assert shares(table, HRP, np.ones(8), master=12).shape == (1, 8)


def test_spans_of_a_leg_are_those_within_the_span_of_the_master():
    table = Allocation([from_returns("days", np.zeros(10), DAY_US), from_returns("hours", np.zeros(240))])
    np.testing.assert_array_equal(table.spans(0, 1, np.array([[2, 4]])), [[48, 96]])
    np.testing.assert_array_equal(table.spans(1, 0, np.array([[30, 100], [30, 40]])), [[2, 4], [2, 2]])
    with pytest.raises(IndexError):
        table.spans(0, 2, np.array([[2, 4]]))
