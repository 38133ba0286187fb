"""Metrics of an equity path: pure functions of what the engine wrote."""

import numpy as np
import numpy.typing as npt

from common.backtest.engine import SIGNALLED, STOPPED, TARGET, TIMED, TRAILED, Floats
from common.kernel import kernel

CVAR_SHARE = 0.05
SUMS = 12
_BINS = 256
RATIO_LIMIT = 100.0
"""Recovery factors beyond this say only that the drawdown was nearly nothing."""


@kernel
def moment_sums(
    equity: Floats,
    worked: Floats,
    trades: Floats,
    start: int,
    bars: int,
    equity_start: float,
    overnight: float,
    intraday: float,
    sums: Floats,
    losses: Floats,
) -> None:
    """Add one fold to ``sums``, and its negative returns to ``losses[int(sums[8]):]``.

    ``equity``, ``worked`` and ``trades``, as ``engine.simulate`` writes them for the fold of ``bars`` bars from
    ``start`` on: only bars with a position are looked at. ``overnight`` and ``intraday``: mean return of the instrument
    in the window from close to open and from open to close. ``sums`` (SUMS,): n, sums of r, r², r³, r⁴, of detrended d
    and d², bars in a position, losses so far, peak equity so far, maximum drawdown so far, and bars in a long position
    (d = r - ``expected`` gain / equity).
    """
    s1, s2, s3, s4, d1, d2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    peak, drawdown, last = sums[9], sums[10], equity_start
    floor = 1.0 - drawdown
    long, active, found = 0, 0, np.uint64(sums[8])
    following = np.uint64(0)
    for trade in range(len(trades)):
        # The bar on which one trade ends and the next begins belongs to both, and counts once.
        entry, end = np.uint64(trades[trade, 1] - start), np.uint64(trades[trade, 2] - start)
        begin, following = max(entry, following), end + np.uint64(1)
        for t in range(begin, following):
            # The sign of a return is a coin flip: everything that depends on it is written without a branch.
            value = equity[t]
            scale = 1.0 / last
            r = (value - last) * scale
            part = intraday if t == entry else overnight + intraday
            gain = worked[t] * part if t < end else expected(trades, trade, worked[t], overnight, intraday)
            d = r - gain * scale
            last = value
            rr = r * r
            s1 += r
            s2 += rr
            s3 += rr * r
            s4 += rr * rr
            d1 += d
            d2 += d * d
            long += worked[t] > 0.0
            losses[found] = r
            found += np.uint64(r < 0.0)
            peak = max(peak, value)
            if value < peak * floor:
                drawdown = 1.0 - value / peak
                floor = 1.0 - drawdown
        active += int(np.int64(following - begin))
    for column, amount in enumerate((float(bars), s1, s2, s3, s4, d1, d2, float(active))):
        sums[column] += amount
    sums[8], sums[9], sums[10] = found, peak, drawdown
    sums[11] += long


@kernel
def expected(trades: Floats, trade: int, worked: float, overnight: float, intraday: float) -> float:
    """What the market's drift alone gives on the last bar of ``trade``, in money; ``worked`` is that bar's.

    An exit at the open held overnight only, and the next trade may hold from that open on. When an exit inside the bar
    came nobody knows: drift that works for the position counts to the close, drift against it not at all, so that
    neither side is flattered.
    """
    entry, end, reason, carried = trades[trade, 1], trades[trade, 2], trades[trade, 7], trades[trade, 8]
    if entry == end:
        return carried * intraday
    gain = carried * overnight
    if reason in (TIMED, SIGNALLED):
        reopened = trade + 1 < len(trades) and trades[trade + 1, 1] == end
        return gain + (worked * intraday if reopened else 0.0)
    if reason in (STOPPED, TARGET, TRAILED):
        return gain + max(carried * intraday, 0.0)
    return gain + carried * intraday


@kernel
def mean_deviation(n: float, s1: float, s2: float) -> tuple[float, float]:
    """Mean and sample standard deviation (ddof 1) from sums; the deviation is 0 where it is not above rounding."""
    if n < 2.0:
        return 0.0, 0.0
    mean = s1 / n
    variance = (s2 - n * mean * mean) / (n - 1.0)
    return mean, np.sqrt(variance) if variance > 1e-14 * s2 / n else 0.0


@kernel
def shape(n: float, s1: float, s2: float, s3: float, s4: float) -> tuple[float, float]:
    """Skewness and (not excess) kurtosis of the population from power sums; 0 and 3 for a constant."""
    mean = s1 / n
    m2 = s2 / n - mean * mean
    if m2 <= 1e-14 * s2 / n:
        return 0.0, 3.0
    m3 = s3 / n - 3.0 * mean * s2 / n + 2.0 * mean**3
    m4 = s4 / n - 4.0 * mean * s3 / n + 6.0 * mean * mean * s2 / n - 3.0 * mean**4
    return m3 / m2**1.5, m4 / (m2 * m2)


@kernel
def conditional_value_at_risk(losses: Floats, n: int) -> float:
    """Mean of the worst ``CVAR_SHARE`` of ``n`` returns, of which ``losses`` are the negative ones.

    The same cut as empyrical: the ``int((n - 1) * 0.05) + 1`` smallest; returns that are not losses count as they
    rank, so at most zero is claimed for them.
    """
    wanted = int((n - 1) * CVAR_SHARE) + 1
    if len(losses) <= wanted:
        return losses.sum() / wanted
    # By counting into equal bins of size: all of the worst bins, and of the bin where the cut falls its worst.
    scale = _BINS / losses.min()
    counts = np.zeros(_BINS + 1, np.int64)
    for loss in losses:
        counts[int(loss * scale)] += 1
    border, above = _BINS, 0
    while above + counts[border] < wanted:
        above += counts[border]
        border -= 1
    total, at_border, found = 0.0, np.empty(counts[border] + 1), 0
    for loss in losses:
        where = int(loss * scale)
        total += loss if where > border else 0.0
        at_border[found] = loss
        found += where == border
    return (total + np.sort(at_border[:found])[: wanted - above].sum()) / wanted


@kernel
def recovery_factor(total_return: float, drawdown: float) -> float:
    """Net profit over maximum drawdown, within +-RATIO_LIMIT."""
    if drawdown <= 0.0:
        return 0.0 if total_return <= 0.0 else RATIO_LIMIT
    return min(max(total_return / drawdown, -RATIO_LIMIT), RATIO_LIMIT)


@kernel
def consistency(fold_sharpes: npt.NDArray[np.float64]) -> float:
    """Mean of the folds' Sharpe ratios less their standard deviation: high only when every fold is good."""
    return fold_sharpes.mean() - fold_sharpes.std()
