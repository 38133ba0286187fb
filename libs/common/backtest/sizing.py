"""How large a position is: the sizing genes, and what an account remembers of its own trades."""

from typing import NamedTuple

import numpy as np

from common.backtest.phenotype import FIXED_RISK, FIXED_UNITS, VOLATILITY_TARGET, Phenotype
from common.kernel import lean_kernel

KELLY_TRADES = 10
"""Trades from which on an account knows enough of itself to cap its size."""
KELLY_MIN = 0.05
"""The cap never falls below this multiple of equity: who no longer trades learns nothing."""
STREAK_MAX = 3


class Account(NamedTuple):
    """One fold's account between trades, equity 1 at its start.

    ``peak`` of equity between trades; ``losses`` in a row; number, sum and sum of squares of the profits of its trades
    as shares of position value.
    """

    cash: float
    peak: float
    losses: int | np.int64
    trades: float
    gains: float
    squares: float


@lean_kernel
def open_account() -> Account:
    """An account at the start of a fold."""
    return Account(1.0, 1.0, np.int64(0), 0.0, 0.0, 0.0)


@lean_kernel
def book(account: Account, cash: float, value: float) -> Account:
    """The account after a trade of ``value`` (money at entry) that left ``cash``."""
    gain = (cash - account.cash) / value
    losses = account.losses + 1 if cash < account.cash else np.int64(0)
    return Account(
        cash, max(account.peak, cash), losses, account.trades + 1.0, account.gains + gain, account.squares + gain * gain
    )


@lean_kernel
def position_value(
    phenotype: Phenotype, account: Account, stop_share: float, volatility: float, fixed: float, weight: float
) -> float:
    """Value to enter with; 0 where the volatility it needs is unknown.

    ``stop_share``: stop distance over price; ``volatility``: annual, of the instrument; ``fixed``: value of the
    constant number of units; ``weight``: of the regime. Everything relates to ``budget`` times equity, and nothing
    passes ``leverage_max`` times that. Kelly: mean over variance of the account's own trades (Thorp 2006), as a cap.
    """
    equity = account.cash * phenotype.budget
    limit = phenotype.leverage_max * equity
    if phenotype.sizing == FIXED_RISK:
        wanted = phenotype.risk_per_trade * equity / stop_share
    elif phenotype.sizing == VOLATILITY_TARGET:
        wanted = phenotype.volatility_target * equity / volatility if volatility > 0.0 else 0.0
    elif phenotype.sizing == FIXED_UNITS:
        wanted = fixed
    else:
        wanted = phenotype.fraction * equity
    if account.cash <= account.peak * (1.0 - phenotype.drawdown_brake):
        wanted *= 0.5
    if phenotype.recovery != 1.0:
        for _ in range(min(account.losses, STREAK_MAX)):
            wanted *= phenotype.recovery
    if phenotype.kelly > 0.0 and account.trades >= KELLY_TRADES:
        mean = account.gains / account.trades
        variance = account.squares / account.trades - mean * mean
        if variance > 1e-9 * mean * mean:
            limit = min(limit, max(phenotype.kelly * mean / variance, KELLY_MIN) * equity)
        elif mean <= 0.0:  # trades that are all alike: a sure gain needs no cap
            limit = min(limit, KELLY_MIN * equity)
    return min(wanted * weight, limit)
