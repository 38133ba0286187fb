"""Random streams that are functions of their names: Philox 4x64-10 in Numba, bit for bit that of NumPy.

J. K. Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A stream is named by (key, island,
generation, slot) and needs no state from any other draw, so the same draw comes out in any process and any order.
Only +, -, *, / and sqrt are used, which IEEE 754 fixes to the last bit: libm's log and exp differ between machines.
"""

import math

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel

Stream = npt.NDArray[np.uint64]
"""(STREAM_WORDS,): two words of key, four of counter, four of buffered output, and how many of them are used."""
STREAM_WORDS = 11

_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_LOW_HALF, _HALF_BITS, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)
_DOUBLE_SHIFT, _DOUBLE_STEP = np.uint64(11), 2.0**-53
_COUNTER, _BUFFER, _USED, _BLOCK = 2, 6, 10, 4
_LN2 = 0.6931471805599453
_SERIES_TERMS = 12
_HALVINGS = 6


@lean_kernel
def multiply_high(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper 64 bits of the 128-bit product, by halves: no 128-bit integer exists on every target."""
    a_low, a_high = a & _LOW_HALF, a >> _HALF_BITS
    b_low, b_high = b & _LOW_HALF, b >> _HALF_BITS
    middle = a_high * b_low + (a_low * b_low >> _HALF_BITS)
    other = a_low * b_high + (middle & _LOW_HALF)
    return a_high * b_high + (middle >> _HALF_BITS) + (other >> _HALF_BITS)


@lean_kernel
def philox(
    key0: np.uint64, key1: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """One block of four words for a key and a counter, all uint64. NumPy adds one to its counter before each block."""
    for _ in range(10):
        high0, low0 = multiply_high(_MULTIPLIER_0, c0), _MULTIPLIER_0 * c0
        high1, low1 = multiply_high(_MULTIPLIER_1, c2), _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0
        key0 += _WEYL_0
        key1 += _WEYL_1
    return c0, c1, c2, c3


@lean_kernel
def open_stream(stream: Stream, key: int | np.uint64, island: int, generation: int, slot: int) -> None:
    """Point ``stream`` at the start of the stream of this name, as ``new_stream`` does, without allocating."""
    stream[0] = np.uint64(key)
    stream[1] = np.uint64(0)
    stream[2] = np.uint64(0)
    stream[3] = np.uint64(slot)
    stream[4] = np.uint64(generation)
    stream[5] = np.uint64(island)
    stream[_USED] = np.uint64(_BLOCK)


@kernel
def new_stream(key: int | np.uint64, island: int, generation: int, slot: int) -> Stream:
    """The stream of this name: ``numpy.random.Philox(key=[key, 0], counter=[0, slot, generation, island])``.

    ``key`` is the run's stream key, which Python callers give as np.uint64. Offspring have slots below 2**32; who else
    draws for an island uses slots above.
    """
    stream = np.empty(STREAM_WORDS, np.uint64)
    open_stream(stream, key, island, generation, slot)
    return stream


@lean_kernel
def next_u64(stream: Stream) -> np.uint64:
    """The next 64 random bits. The first counter word alone is counted up: 2**66 draws before it repeats."""
    used = np.int64(stream[_USED])
    if used == _BLOCK:
        stream[_COUNTER] += _ONE
        stream[6], stream[7], stream[8], stream[9] = philox(
            stream[0], stream[1], stream[2], stream[3], stream[4], stream[5]
        )
        used = np.int64(0)
    stream[_USED] = np.uint64(used + 1)
    return np.uint64(stream[_BUFFER + used])


@lean_kernel
def uniform(stream: Stream) -> float:
    """A number in [0, 1), a multiple of 2**-53: that of ``numpy.random.Generator.random``."""
    return float(next_u64(stream) >> _DOUBLE_SHIFT) * _DOUBLE_STEP


@lean_kernel
def below(stream: Stream, n: int) -> int:
    """An integer in [0, n), each with probability 1/n to within 2**-64 (multiply and shift, one draw always)."""
    return int(np.int64(multiply_high(next_u64(stream), np.uint64(n))))


@lean_kernel
def logarithm(x: float) -> float:
    """Natural logarithm of ``x`` > 0 within 4e-16 relative or absolute, the same bits on every machine.

    x = m * 2**e with m in [0.707, 1.414], and log m = 2 artanh((m - 1) / (m + 1)) by its series.
    """
    mantissa, exponent = math.frexp(x)
    if mantissa < 0.7071067811865476:
        mantissa *= 2.0
        exponent -= 1
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    total = 0.0
    for term in range(_SERIES_TERMS - 1, -1, -1):
        total = total * square + 1.0 / (2 * term + 1)
    return exponent * _LN2 + 2.0 * ratio * total


@lean_kernel
def exponential(x: float) -> float:
    """e to the ``x``, |x| <= 20, within 1e-13 relative, the same bits on every machine.

    Taylor's series at x/64, squared six times.
    """
    small = x / (1 << _HALVINGS)
    total = 1.0
    for term in range(_SERIES_TERMS, 0, -1):
        total = 1.0 + total * small / term
    for _ in range(_HALVINGS):
        total *= total
    return total


@lean_kernel
def normal(stream: Stream) -> float:
    """A standard normal number by the polar method (G. Marsaglia and T. A. Bray, SIAM Review 6, 1964)."""
    while True:
        x = 2.0 * uniform(stream) - 1.0
        y = 2.0 * uniform(stream) - 1.0
        square = x * x + y * y
        if 0.0 < square < 1.0:
            return x * math.sqrt(-2.0 * logarithm(square) / square)


@lean_kernel
def log_uniform(stream: Stream, low: float, high: float) -> float:
    """A number in [low, high], 0 < low, whose logarithm is uniform: as many between 1 and 2 as between 10 and 20."""
    value = low * exponential(uniform(stream) * logarithm(high / low))
    return min(max(value, low), high)
