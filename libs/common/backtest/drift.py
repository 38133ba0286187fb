"""What the market's drift alone gives a position on the bars of its entry and its exit."""

from common.backtest.orders import ENDED, RUINED, Holding, exit_is_at_open
from common.backtest.phenotype import Integer, Phenotype
from common.kernel import lean_kernel


@lean_kernel
def drift_of_entry(holding: Holding, intraday: float) -> float:
    """Drift on the entry bar, in money. See ``drift_of_exit``."""
    gain = holding.side * holding.units * holding.price * intraday
    return gain if holding.at_open else max(gain, 0.0)


@lean_kernel
def drift_of_exit(
    phenotype: Phenotype,
    holding: Holding,
    t: Integer,
    close_before: float,
    reason: int,
    overnight: float,
    intraday: float,
) -> float:
    """Drift on the bar of the exit, in money.

    ``overnight`` and ``intraday``: mean return of the instrument from close to open and from open to close. An exit at
    the open held overnight only. When an exit inside the bar came nobody knows: drift that works for the position
    counts to the close, drift against it not at all, so that neither side is flattered; so with entries inside a bar.
    """
    if t == holding.bar:
        return drift_of_entry(holding, intraday)
    carried = holding.side * holding.units * close_before
    if exit_is_at_open(phenotype, reason):
        return carried * overnight
    if reason in (ENDED, RUINED):
        return carried * (overnight + intraday)
    return carried * overnight + max(carried * intraday, 0.0)
