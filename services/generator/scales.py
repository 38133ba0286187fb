"""Real genes as shares of their ranges: where a ratio matters and not a difference, of the range's logarithm."""

from common.kernel import lean_kernel
from common.random import exponential, logarithm
from generator.tables import REAL_HIGH, REAL_IS_LOG, REAL_LOW


@lean_kernel
def share_of(value: float, slot: int) -> float:
    """Where a value of the real gene at ``slot`` stands in its range: 0 at the low end, 1 at the high one."""
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    return logarithm(value / low) / logarithm(high / low) if REAL_IS_LOG[slot] else (value - low) / (high - low)


@lean_kernel
def value_of(share: float, slot: int) -> float:
    """The inverse of ``share_of``, never out of the range."""
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    value = low * exponential(share * logarithm(high / low)) if REAL_IS_LOG[slot] else low + share * (high - low)
    return min(max(value, low), high)
