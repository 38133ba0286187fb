"""Steps of one real gene: SBX, polynomial, arithmetic, heuristic, differential evolution, bare-bones swarm.

Every result lies in [low, high] when what went in does. Only operations that IEEE 754 fixes to the last bit are used,
so a step gives the same number on every machine.
"""

import numpy as np
import numpy.typing as npt

from common.bits import bits_of, double_of
from common.kernel import inlined_kernel, lean_kernel
from common.random import Stream, next_u64, normal, uniform

ALIKE = 1e-14
"""Parents this close in a gene hand it on as it is: the spread of SBX would divide by their difference."""
LANES = 16
"""Scratch of ``powers`` is a multiple of this long: no rest is left that vectors cannot hold."""
_MANTISSA_BITS = np.int64(52)
_ROOT_OF_HALF = np.int64(0x3FE6A09E667F3BCD)
_ROUNDER = 1.5 * 2.0**52
_ROUNDER_BITS = np.int64(0x4338000000000000)
_LN2, _LN2_HIGH, _LN2_LOW, _PER_LN2 = (
    0.6931471805599453,
    0.693147180369123816490,
    1.90821492927058770002e-10,
    1.4426950408889634,
)
_LIMIT = 700.0
_DOUBLE_SHIFT, _DOUBLE_STEP = np.uint64(11), 2.0**-53
_COIN = np.uint64(1)


@inlined_kernel
def log(x: float) -> float:
    """Natural logarithm of a positive ``x`` within 1e-14 relative or absolute; that of 0 is -709.

    x = m * 2**e and log m = 2 artanh((m - 1) / (m + 1)). Here and in ``exp`` no branch is taken, so that a loop becomes
    vectors, and polynomials are summed by halves (Estrin), so that their terms need not wait for each other.
    """
    bits = bits_of(x)
    shift = (bits - _ROOT_OF_HALF) >> _MANTISSA_BITS
    mantissa = double_of(bits - (shift << _MANTISSA_BITS))
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    fourth = square * square
    eighth = fourth * fourth
    early = (1.0 + square * (1.0 / 3.0)) + fourth * (1.0 / 5.0 + square * (1.0 / 7.0))
    late = (1.0 / 9.0 + square * (1.0 / 11.0)) + fourth * (1.0 / 13.0 + square * (1.0 / 15.0))
    series = (early + eighth * late) + eighth * eighth * (1.0 / 17.0)
    # An integer in the low bits of the mantissa of 1.5 * 2**52 is a double, and back, without an instruction for it.
    return (double_of(shift + _ROUNDER_BITS) - _ROUNDER) * _LN2 + 2.0 * ratio * series


@inlined_kernel
def exp(x: float) -> float:
    """e to the ``x``, within 1e-13 relative; beyond 700 to either side that of the bound. 2**k and Taylor's series."""
    x = min(max(x, -_LIMIT), _LIMIT)
    rounded = x * _PER_LN2 + _ROUNDER
    twos = rounded - _ROUNDER
    rest = (x - twos * _LN2_HIGH) - twos * _LN2_LOW
    square = rest * rest
    fourth = square * square
    early = (1.0 + rest) + square * (1.0 / 2.0 + rest * (1.0 / 6.0))
    middle = (1.0 / 24.0 + rest * (1.0 / 120.0)) + square * (1.0 / 720.0 + rest * (1.0 / 5040.0))
    late = (1.0 / 40320.0 + rest * (1.0 / 362880.0)) + square * (1.0 / 3628800.0 + rest * (1.0 / 39916800.0))
    total = (early + fourth * middle) + fourth * fourth * late
    return double_of(bits_of(total) + (bits_of(rounded) << _MANTISSA_BITS))


@inlined_kernel
def power(base: float, exponent: float) -> float:
    """``base`` >= 0 to the ``exponent``, within 2e-13 relative; 0 counts as 1e-308, results in e**-700 to e**700."""
    return exp(exponent * log(base))


@lean_kernel
def powers(values: npt.NDArray[np.float64], count: int, exponent: float) -> None:
    """Raise the first ``count`` of ``values`` to the ``exponent``; up to the next multiple of 16 others too."""
    for index in range(-(-count // LANES) * LANES):
        values[index] = power(values[index], exponent)


@lean_kernel
def reflected(x: float, low: float, high: float) -> float:
    """``x`` thrown back at the walls ``low`` and ``high``, as often as it takes."""
    extent = high - low
    if extent <= 0.0:
        return low
    offset = abs(x - low)
    if offset > extent:
        offset %= 2.0 * extent
        offset = 2.0 * extent - offset if offset > extent else offset
    return min(max(low + offset, low), high)


@lean_kernel
def spread(u: float, room: float, difference: float, eta: float) -> float:
    """How far a child of SBX stands from its parents' middle, in halves of their ``difference``.

    ``u`` in [0, 1), ``room`` from the outer parent to its bound: the distribution is cut off there and scaled up.
    """
    alpha = 2.0 - power(1.0 + 2.0 * room / difference, -(eta + 1.0))
    drawn = u * alpha
    return power(drawn if drawn <= 1.0 else 1.0 / (2.0 - drawn), 1.0 / (eta + 1.0))


@lean_kernel
def sbx(stream: Stream, a: float, b: float, low: float, high: float, eta: float) -> tuple[float, float]:
    """Two children of simulated binary crossover within bounds; either may be the one nearer to ``a``. One draw.

    K. Deb and R. B. Agrawal, "Simulated binary crossover for continuous search space", Complex Systems 9, 1995, with
    the bounded spread of Deb's NSGA-II program, as pymoo and DEAP have it. A greater ``eta`` keeps children closer.
    """
    if abs(a - b) <= ALIKE or low >= high:
        return a, b
    word = next_u64(stream)
    u = float(word >> _DOUBLE_SHIFT) * _DOUBLE_STEP
    first, second = min(a, b), max(a, b)
    difference = second - first
    middle = first + second
    lower = 0.5 * (middle - spread(u, first - low, difference, eta) * difference)
    upper = 0.5 * (middle + spread(u, high - second, difference, eta) * difference)
    lower, upper = min(max(lower, low), high), min(max(upper, low), high)
    return (lower, upper) if word & _COIN else (upper, lower)


@lean_kernel
def polynomial(stream: Stream, x: float, low: float, high: float, eta: float) -> float:
    """Polynomial mutation within bounds (K. Deb and M. Goyal 1996; the bounded form of Deb's NSGA-II program)."""
    extent = high - low
    if extent <= 0.0:
        return x
    u = uniform(stream)
    root = 1.0 / (eta + 1.0)
    if u <= 0.5:
        rest = power(1.0 - (x - low) / extent, eta + 1.0)
        moved = x + (power(2.0 * u + (1.0 - 2.0 * u) * rest, root) - 1.0) * extent
    else:
        rest = power(1.0 - (high - x) / extent, eta + 1.0)
        moved = x + (1.0 - power(2.0 * (1.0 - u) + (2.0 * u - 1.0) * rest, root)) * extent
    return min(max(moved, low), high)


@lean_kernel
def arithmetic(stream: Stream, a: float, b: float) -> float:
    """A point between the parents, each equally likely (whole arithmetic crossover, Michalewicz 1992)."""
    return min(max(a + uniform(stream) * (b - a), min(a, b)), max(a, b))


@lean_kernel
def heuristic(stream: Stream, better: float, worse: float, low: float, high: float) -> float:
    """A step from the worse parent past the better one, by up to their difference (A. H. Wright 1991).

    The step is drawn among those that stay in bounds, as drawing until one does would have it.
    """
    step = better - worse
    room = high - better if step > 0.0 else better - low
    share = 1.0 if abs(step) <= room else room / abs(step)
    return min(max(better + uniform(stream) * share * step, low), high)


@lean_kernel
def differential(base: float, one: float, other: float, factor: float, low: float, high: float) -> float:
    """``base`` and ``factor`` times a difference, reflected at the bounds (R. Storn and K. Price 1997)."""
    return reflected(base + factor * (one - other), low, high)


@lean_kernel
def bare_bones(stream: Stream, personal: float, best: float, low: float, high: float) -> float:
    """A normal draw around the middle of two bests, as wide as they are apart, reflected at the bounds.

    J. Kennedy, "Bare bones particle swarms", 2003: a particle swarm without velocities, so without state.
    """
    return reflected(0.5 * (personal + best) + abs(personal - best) * normal(stream), low, high)
