"""Steps of one real gene: SBX, polynomial, arithmetic, heuristic, differential evolution, bare-bones swarm.

Every result lies in [low, high] when what went in does. Only operations that IEEE 754 fixes to the last bit are used,
so a step gives the same number on every machine.
"""

import numpy as np

from common.kernel import kernel
from common.random import Stream, exponential, logarithm, next_u64, normal, uniform

ALIKE = 1e-14
"""Parents this close in a gene hand it on as it is: the spread of SBX would divide by their difference."""
_VANISHES = -40.0
_DOUBLE_SHIFT, _DOUBLE_STEP = np.uint64(11), 2.0**-53
_COIN = np.uint64(1)


@kernel
def power(base: float, exponent: float) -> float:
    """``base`` >= 0 to the ``exponent``, within 1e-12 relative; 0 where it is below e**-40. At most e**40."""
    if base <= 0.0:
        return 0.0
    logarithmic = exponent * logarithm(base)
    if logarithmic < _VANISHES:
        return 0.0
    root = exponential(0.5 * logarithmic)
    return root * root


@kernel
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


@kernel
def spread(u: float, room: float, difference: float, eta: float) -> float:
    """How far a child of SBX stands from its parents' middle, in halves of their ``difference``.

    ``u`` in [0, 1), ``room`` from the outer parent to its bound: the distribution is cut off there and scaled up.
    """
    alpha = 2.0 - power(1.0 + 2.0 * room / difference, -(eta + 1.0))
    drawn = u * alpha
    return power(drawn if drawn <= 1.0 else 1.0 / (2.0 - drawn), 1.0 / (eta + 1.0))


@kernel
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


@kernel
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


@kernel
def arithmetic(stream: Stream, a: float, b: float) -> float:
    """A point between the parents, each equally likely (whole arithmetic crossover, Michalewicz 1992)."""
    return min(max(a + uniform(stream) * (b - a), min(a, b)), max(a, b))


@kernel
def heuristic(stream: Stream, better: float, worse: float, low: float, high: float) -> float:
    """A step from the worse parent past the better one, by up to their difference (A. H. Wright 1991).

    The step is drawn among those that stay in bounds, as drawing until one does would have it.
    """
    step = better - worse
    room = high - better if step > 0.0 else better - low
    share = 1.0 if abs(step) <= room else room / abs(step)
    return min(max(better + uniform(stream) * share * step, low), high)


@kernel
def differential(base: float, one: float, other: float, factor: float, low: float, high: float) -> float:
    """``base`` and ``factor`` times a difference, reflected at the bounds (R. Storn and K. Price 1997)."""
    return reflected(base + factor * (one - other), low, high)


@kernel
def bare_bones(stream: Stream, personal: float, best: float, low: float, high: float) -> float:
    """A normal draw around the middle of two bests, as wide as they are apart, reflected at the bounds.

    J. Kennedy, "Bare bones particle swarms", 2003: a particle swarm without velocities, so without state.
    """
    return reflected(0.5 * (personal + best) + abs(personal - best) * normal(stream), low, high)
