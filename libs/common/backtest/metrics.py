"""Metrics of the folds of one window: sums that either engine fills, and what follows from them."""

import math

import numpy as np

from common.backtest.costs import Floats
from common.backtest.engine import Path
from common.kernel import lean_kernel

CVAR_SHARE = 0.05
RATIO_LIMIT = 100.0
"""Recovery factors beyond this say only that the drawdown was nearly nothing."""
EQUITY_ROUNDING, RETURN_ROUNDING = 1e-12, 1e-15
"""Profits and drawdowns, and root mean square returns, up to these are rounding of an equity near 1: none."""
(
    BARS,
    S1,
    S2,
    S3,
    S4,
    D1,
    D2,
    HELD,
    HELD_LONG,
    OVERLAP,
    TRADES,
    TURNOVER,
    CAPITAL,
    PEAK,
    DRAWDOWN,
    SUMS,
) = range(16)
"""Columns of the sums: bars; powers of the returns; drift-free returns and their squares; bars of trades, of long ones,
and bars that belong to two trades; trades; traded value; equity over all folds so far, its peak and its drawdown."""
OBJECTIVE_COUNT, EVIDENCE_COUNT, DESCRIPTOR_COUNT = 7, 9, 3
STRESS_OBJECTIVE = 6


@lean_kernel
def clear(sums: Floats) -> None:
    """Make ready for a window."""
    for column in range(SUMS):
        sums[column] = 0.0
    sums[CAPITAL], sums[PEAK] = 1.0, 1.0


@lean_kernel
def add_path(
    path: Path, bars: int | np.int64, count: int | np.int64, final: float, turnover: float, sums: Floats
) -> None:
    """Add one fold of the truth engine, bar by bar."""
    capital = sums[CAPITAL]
    for t in range(bars):
        r, d = path.returns[t], path.excess[t]
        sums[S1] += r
        sums[S2] += r * r
        sums[S3] += r * r * r
        sums[S4] += r * r * r * r
        sums[D1] += d
        sums[D2] += d * d
        value = capital * path.equity[t]
        sums[PEAK] = max(sums[PEAK], value)
        sums[DRAWDOWN] = max(sums[DRAWDOWN], 1.0 - value / sums[PEAK])
    previous = -1.0
    for trade in range(count):
        entry, end = path.trades[trade, 1], path.trades[trade, 2]
        sums[HELD] += end - entry + 1.0
        if path.trades[trade, 0] > 0.0:
            sums[HELD_LONG] += end - entry + 1.0
        if entry == previous:
            sums[OVERLAP] += 1.0
        previous = end
    sums[BARS] += bars
    sums[TRADES] += count
    sums[TURNOVER] += turnover
    sums[CAPITAL] = capital * final


@lean_kernel
def _rounding(n: float, s2: float) -> float:
    """What a variance has to be above to be one."""
    return 1e-14 * s2 / n + RETURN_ROUNDING * RETURN_ROUNDING


@lean_kernel
def mean_deviation(n: float, s1: float, s2: float) -> tuple[float, float]:
    """Mean and sample standard deviation (ddof 1) from sums; the deviation is 0 where it is not above rounding."""
    if n < 2.0:
        return 0.0, 0.0
    mean = s1 / n
    variance = (s2 - n * mean * mean) / (n - 1.0)
    return mean, 0.0 if variance <= _rounding(n, s2) else math.sqrt(variance)  # what is no number stays none


@lean_kernel
def sharpe(n: float, s1: float, s2: float, annual: float) -> float:
    """Mean over deviation, times ``annual``; 0 for a constant."""
    mean, deviation = mean_deviation(n, s1, s2)
    return mean / deviation * annual if deviation > 0.0 else 0.0


@lean_kernel
def shape(n: float, s1: float, s2: float, s3: float, s4: float) -> tuple[float, float]:
    """Skewness and (not excess) kurtosis of the population from power sums; 0 and 3 for a constant."""
    mean = s1 / n
    m2 = s2 / n - mean * mean
    if m2 <= _rounding(n, s2):
        return 0.0, 3.0
    m3 = s3 / n - 3.0 * mean * s2 / n + 2.0 * mean * mean * mean
    m4 = s4 / n - 4.0 * mean * s3 / n + 6.0 * mean * mean * s2 / n - 3.0 * mean * mean * mean * mean
    return m3 / (m2 * math.sqrt(m2)), m4 / (m2 * m2)


@lean_kernel
def conditional_value_at_risk(profits: Floats, n: int | np.int64) -> float:
    """Mean of the worst ``CVAR_SHARE`` of the first ``n`` profits, which are reordered; 0 for none.

    The same cut as empyrical: the ``int((n - 1) * 0.05) + 1`` smallest. Found by quickselect (Hoare 1961).
    """
    if n == 0:
        return 0.0
    wanted = int((n - 1) * CVAR_SHARE) + 1
    low, high, last = 0, n - 1, wanted - 1
    while low < high:
        pivot = profits[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while profits[i] < pivot:
                i += 1
            while profits[j] > pivot:
                j -= 1
            if i <= j:
                profits[i], profits[j] = profits[j], profits[i]
                i += 1
                j -= 1
        if last <= j:
            high = j
        elif last >= i:
            low = i
        else:
            break
    total = 0.0
    for k in range(wanted):
        total += profits[k]
    return total / wanted


@lean_kernel
def recovery_factor(total_return: float, drawdown: float) -> float:
    """Net profit over maximum drawdown, within +-RATIO_LIMIT."""
    if drawdown <= EQUITY_ROUNDING:
        return 0.0 if total_return <= EQUITY_ROUNDING else RATIO_LIMIT
    return min(max(total_return / drawdown, -RATIO_LIMIT), RATIO_LIMIT)


@lean_kernel
def consistency(sharpes: Floats, folds: int | np.int64) -> float:
    """Mean of the folds' Sharpe ratios less their standard deviation: high only when every fold is good."""
    total, squares = 0.0, 0.0
    for fold in range(folds):
        total += sharpes[fold]
    mean = total / folds
    for fold in range(folds):
        squares += (sharpes[fold] - mean) * (sharpes[fold] - mean)
    return mean - math.sqrt(squares / folds)


@lean_kernel
def fill_evidence(sums: Floats, evidence: Floats) -> None:
    """One row of evidence, in the order of ``events.cohorts.EVIDENCE``."""
    n = sums[BARS]
    mean, deviation = mean_deviation(n, sums[S1], sums[S2])
    skewness, kurtosis = shape(n, sums[S1], sums[S2], sums[S3], sums[S4])
    excess, spread = mean_deviation(n, sums[D1], sums[D2])
    evidence[0], evidence[1], evidence[2] = n, sums[TRADES], sums[CAPITAL] - 1.0
    evidence[3], evidence[4], evidence[5], evidence[6] = mean, deviation, skewness, kurtosis
    evidence[7] = sums[DRAWDOWN]
    evidence[8] = excess / spread * math.sqrt(n) if spread > 0.0 else 0.0


@lean_kernel
def fill_objectives(
    sums: Floats, sharpes: Floats, folds: int | np.int64, profits: Floats, bars_per_year: float, objectives: Floats
) -> None:
    """The objectives of one genome but stress, in the order of ``events.spec.OBJECTIVES``, all to be maximised."""
    n, drawdown = sums[BARS], sums[DRAWDOWN]
    objectives[0] = sharpe(n, sums[S1], sums[S2], math.sqrt(bars_per_year))
    objectives[1] = -drawdown
    objectives[2] = recovery_factor(sums[CAPITAL] - 1.0, drawdown)
    objectives[3] = consistency(sharpes, folds)
    objectives[4] = conditional_value_at_risk(profits, np.int64(sums[TRADES]))
    objectives[5] = -sums[TURNOVER] / (n / bars_per_year)


@lean_kernel
def fill_descriptor(sums: Floats, descriptor: Floats) -> None:
    """Mean bars of a trade, share of bars with a position, share of them long."""
    trades, held = sums[TRADES], sums[HELD]
    descriptor[0] = held / trades if trades > 0.0 else 0.0
    descriptor[1] = (held - sums[OVERLAP]) / sums[BARS]
    descriptor[2] = sums[HELD_LONG] / held if held > 0.0 else 0.0
