"""A portfolio is the sum of its legs: against ledgers of sub-accounts in plain NumPy, and the genes that make one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.costs import flat_costs, venue_of
from common.backtest.portfolio import (
    Legs,
    combine,
    is_portfolio,
    make_legs,
    make_sum,
    portfolio_genes,
    stay_cash,
    wanted_weights,
)
from common.genome.genes import ALLELE_SLOT, REAL_SLOT
from common.genome.layout import default_population

SEEDS = st.integers(0, 2**32)


def random_legs(draw, count, bars):
    """Equity paths with trades that last, are replaced at once, or leave the leg flat; some legs lose everything."""
    legs = make_legs(count, bars)
    for leg in range(count):
        stay_cash(leg, legs)
        equity, base, held = 1.0, 1.0, False
        for t in range(bars):
            if equity > 0 and draw.random() < 0.2:
                held, base = True, equity
                legs.opened[leg, t], legs.traded[leg, t] = 1.0, draw.uniform(0, 2)
            elif draw.random() < 0.2:
                held = False
            held = held and equity > 0
            gain = max(base * draw.normal(0, 0.05), -0.5 * equity) if held else 0.0
            if held and draw.random() < 0.005:
                gain = -equity
            equity += gain
            legs.equity[leg, t], legs.returns[leg, t] = equity, gain / base
            legs.excess[leg, t] = legs.returns[leg, t] - 0.001 * held
            legs.value[leg, t] = draw.normal() * equity if held else 0.0
    return legs


def combined(legs, weights, every, cost_share):
    count, bars = legs.equity.shape
    into, scratch = make_sum(count, bars), np.empty((3, count))
    # A venue that asks half a spread of 1, times the spread factor of each leg, and nothing else.
    venue, facts = venue_of(flat_costs(spread_bps=2e4), 0), np.zeros((count, len(weights), 4))
    facts[:, :, 0] = np.asarray(cost_share, float)[:, None]
    turnover = combine(legs, weights, every, venue, 0.0, facts, *scratch, into)
    return into, turnover


def ledger(legs, weights, every, cost_share):
    """Sub-accounts in money, one step after another; a split moves money between them and pays for what it trades."""
    count, bars = legs.equity.shape
    accounts, deposit, own_base = [0.0] * count, 1.0, [1.0] * count
    base, capital = [0.0] * count, [1.0] * count
    equity, returns, excess, turnover = [], [], [], 0.0
    for t in range(bars):
        before = legs.equity[:, t - 1] if t else np.ones(count)
        total = sum(accounts) + deposit
        cost = 0.0
        if t == 0 or (every and t % every == 0):
            shares = weights[t // every] if every else weights[0]
            for i in range(count):
                invested = legs.value[i, t - 1] / before[i] if t and before[i] > 0 else 0.0
                traded = abs(shares[i] * total * invested - accounts[i] * invested)
                turnover += traded / total if total else 0.0
                cost += traded * cost_share[i]
            accounts = [shares[i] * (total - cost) if before[i] > 0 else 0.0 for i in range(count)]
            deposit = sum(shares[i] * (total - cost) for i in range(count) if not before[i] > 0)
            base = [accounts[i] * own_base[i] / before[i] if before[i] > 0 else 0.0 for i in range(count)]
            capital = [total - cost] * count
        told, free = -cost / total if total else 0.0, -cost / total if total else 0.0
        now = sum(accounts) + deposit
        for i in range(count):
            if legs.opened[i, t]:
                base[i], own_base[i], capital[i] = accounts[i], before[i], now
            after = accounts[i] * legs.equity[i, t] / before[i] if before[i] > 0 else 0.0
            if capital[i] > 0:
                drift = base[i] * (legs.returns[i, t] - legs.excess[i, t])
                told += (after - accounts[i]) / capital[i]
                free += (after - accounts[i] - drift) / capital[i]
                turnover += base[i] / capital[i] * legs.traded[i, t]
            accounts[i] = after
        equity.append(sum(accounts) + deposit)
        returns.append(told)
        excess.append(free)
    return equity, returns, excess, turnover


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(1, 90), st.sampled_from([0, 5, 21]))
def test_the_portfolio_is_the_sum_of_its_legs_under_the_weights(seed, count, bars, every):
    draw = np.random.default_rng(seed)
    legs = random_legs(draw, count, bars)
    splits = -(-bars // every) if every else 1
    weights = draw.dirichlet(np.ones(count), splits)
    weights[draw.random(weights.shape) < 0.2] = 0.0  # legs come and go
    weights[weights.sum(axis=1) == 0, 0] = 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    cost_share = draw.uniform(0, 0.01, count)
    into, turnover = combined(legs, weights, every, cost_share)
    equity, returns, excess, traded = ledger(legs, weights, every, cost_share)
    np.testing.assert_allclose(into.equity, equity, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(into.returns, returns, atol=1e-11)
    np.testing.assert_allclose(into.excess, excess, atol=1e-11)
    assert turnover == pytest.approx(traded, rel=1e-9)


@given(SEEDS, st.integers(1, 4), st.integers(1, 60))
def test_without_a_later_split_equity_is_the_weighted_sum_of_equities(seed, count, bars):
    draw = np.random.default_rng(seed)
    legs, weights = random_legs(draw, count, bars), draw.dirichlet(np.ones(count), 1)
    into, _ = combined(legs, weights, 0, np.ones(count))
    np.testing.assert_allclose(into.equity, weights[0] @ legs.equity, rtol=1e-12)


@given(SEEDS, st.integers(1, 90))
def test_one_leg_that_is_never_split_again_is_the_portfolio_to_the_last_bit(seed, bars):
    legs = random_legs(np.random.default_rng(seed), 1, bars)
    into, turnover = combined(legs, np.ones((1, 1)), 0, [0.01])
    np.testing.assert_array_equal(into.equity, legs.equity[0])
    np.testing.assert_array_equal(into.returns, legs.returns[0])
    np.testing.assert_array_equal(into.excess, legs.excess[0])
    assert turnover == pytest.approx(legs.traded.sum())


def steady(*equities):
    """Legs that hold one position all the time, entered in the first bar with all of their equity."""
    equity = np.array(equities, float)
    legs = make_legs(*equity.shape)
    for leg in range(len(equity)):
        stay_cash(leg, legs)
    before = np.concatenate([np.ones((len(equity), 1)), equity[:, :-1]], axis=1)
    legs.opened[:, 0] = 1
    return Legs(equity, equity - before, equity - before, equity.copy(), legs.traded, legs.opened)


def test_a_split_back_to_the_weights_trades_the_difference_and_pays_for_it():
    legs = steady([1.2, 1.2, 1.2], [0.8, 0.8, 0.8])
    half = np.full((3, 2), 0.5)
    never, _ = combined(legs, half, 0, [0.01, 0.01])
    always, turnover = combined(legs, half, 1, [0.01, 0.02])
    np.testing.assert_allclose(never.equity, 1.0)
    # 0.6 and 0.4 become 0.5 each: 0.1 is sold for 1 % and 0.1 bought for 2 %, at the bar of the split.
    assert always.returns[1] == pytest.approx(-0.003)
    assert always.equity[1] == pytest.approx(0.997)
    assert turnover == pytest.approx(0.2)  # the next split finds nothing to do


def test_splits_buy_what_has_fallen():
    legs = steady([2.0, 1.0], [0.5, 1.0])
    half = np.full((2, 2), 0.5)
    assert combined(legs, half, 0, [0, 0])[0].equity[1] == pytest.approx(1.0)
    assert combined(legs, half, 1, [0, 0])[0].equity[1] == pytest.approx(1.25 * (0.5 * 0.5 + 0.5 * 2))


def test_what_a_lost_leg_would_get_stays_cash():
    legs = steady([0.0, 0.0, 0.0], [1.0, 2.0, 4.0])
    found, _ = combined(legs, np.full((3, 2), 0.5), 1, [0.0, 0.0])
    np.testing.assert_allclose(found.equity, [0.5, 0.75, 1.125])
    gone, _ = combined(steady([0.0, 0.0], [0.0, 0.0]), np.full((2, 2), 0.5), 1, [0.1, 0.1])
    np.testing.assert_array_equal(gone.equity, 0)
    assert np.isfinite(gone.returns).all()


@settings(max_examples=30)
@given(SEEDS, st.integers(2, 80), st.sampled_from([0, 5]))
def test_what_legs_do_later_changes_no_earlier_bar(seed, bars, every):
    draw = np.random.default_rng(seed)
    legs, weights = random_legs(draw, 3, 80), draw.dirichlet(np.ones(3), 16)
    whole, _ = combined(legs, weights, every, [0.01] * 3)
    part, _ = combined(Legs(*(np.ascontiguousarray(field[:, :bars]) for field in legs)), weights, every, [0.01] * 3)
    for name in ("equity", "returns", "excess"):
        np.testing.assert_array_equal(getattr(whole, name)[:bars], getattr(part, name))


def genome_with(method, weights, instrument=0):
    genome = default_population(1)
    genome["alleles"][:, ALLELE_SLOT["portfolio.method"]] = method
    genome["alleles"][:, ALLELE_SLOT["portfolio.instrument"]] = instrument
    for slot, weight in weights.items():
        genome["reals"][:, REAL_SLOT[f"portfolio.weight_{slot}"]] = weight
    return genome


def test_slots_wrap_around_the_instruments_and_add_up():
    genome = genome_with(1, {0: 0.5, 2: 0.25, 3: 1.0, 7: 0.125})
    np.testing.assert_array_equal(wanted_weights(genome, 3)[0], [1.5, 0.125, 0.25])
    np.testing.assert_array_equal(wanted_weights(genome, 16)[0], [0.5, 0, 0.25, 1, 0, 0, 0, 0.125])
    np.testing.assert_array_equal(portfolio_genes(genome[0], 3).legs, [0, 1, 2])


def test_a_portfolio_needs_a_method_and_a_leg_beside_its_own_instrument():
    assert not is_portfolio(genome_with(0, {0: 0.5, 1: 0.5}), 2)[0]
    assert not is_portfolio(genome_with(1, {}), 2)[0]
    assert not is_portfolio(genome_with(1, {0: 0.5, 1: 0.5}), 1)[0]
    assert not is_portfolio(genome_with(1, {0: 0.5}), 2)[0]
    assert not is_portfolio(genome_with(2, {0: 0.5, 2: 0.5}, 2), 2)[0]  # both slots are the master
    assert is_portfolio(genome_with(1, {0: 0.5, 1: 0.5}), 2)[0]
    assert is_portfolio(genome_with(3, {0: 0.5}, 1), 2)[0]  # only another instrument than its own
    assert is_portfolio(genome_with(3, {0: 0.5}, 12), 16)[0]
