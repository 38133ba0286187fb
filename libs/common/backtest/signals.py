"""Logic trees evaluated on bitmaps: 64 bars at a time."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.market import Words
from common.backtest.phenotype import CONFIRM_BARS_MAX, DELAY_BARS_MAX, LONG, SHORT, Integer, Phenotype
from common.bits import trailing_zeros
from common.genome.layout import TREE_TOKENS
from common.genome.tree import (
    AND,
    CONDITION_BASE,
    CROSSED,
    END,
    FIRST_UNARY,
    NOT,
    OR,
    STREAK_BARS,
    STREAK_FIRST,
    TOKEN_LIMIT,
    WITHIN_BARS,
    WITHIN_FIRST,
)
from common.kernel import kernel, lean_kernel

STACK_DEPTH = TREE_TOKENS // 2 + 1
"""A postfix tree of n tokens never holds more than (n + 1) // 2 operands at once."""
LOOK_BACK_BARS = (TREE_TOKENS - 1) * (max(*WITHIN_BARS, *STREAK_BARS) - 1) + CONFIRM_BARS_MAX - 1 + DELAY_BARS_MAX
"""How far before a bar conditions may have a say in its entry: the widest operator on itself as often as a tree can."""
_WITHIN = np.array(WITHIN_BARS)
_STREAK = np.array(STREAK_BARS)
_ONE, _SIX, _LAST = np.uint64(1), np.uint64(6), np.uint64(63)
_NO_BITS, _EVERY = np.uint64(0), ~np.uint64(0)


@lean_kernel
def bit(words: Words, bar: np.uint64) -> bool:
    """Is the bitmap true at ``bar``?"""
    return (words[bar >> _SIX] >> (bar & _LAST)) & _ONE != 0


@lean_kernel
def next_true(one: Words, other: Words, bar: Integer, stop: Integer) -> Integer:
    """First bar in ``[bar, stop)`` at which either bitmap is true, or ``stop``; looks at 64 bars at a time."""
    if bar >= stop:
        return stop
    at = np.uint64(bar)
    word, last = at >> _SIX, np.uint64(stop - 1) >> _SIX
    left = (one[word] | other[word]) & (_EVERY << (at & _LAST))
    while left == 0:
        if word == last:
            return stop
        word += _ONE
        left = one[word] | other[word]
    return min(np.int64(word << _SIX) + trailing_zeros(left), np.int64(stop))


@lean_kernel
def _previous(words: Words, index: int, bars: Integer) -> np.uint64:
    """Word ``index`` of the bitmap as it was ``bars`` (1 to 63) bars ago; false before the first bar."""
    shifted = words[index] << np.uint64(bars)
    if index > 0:
        shifted |= words[index - 1] >> np.uint64(64 - bars)
    return shifted


@lean_kernel
def _spread(words: Words, bars: Integer, every: bool) -> None:
    """In place: true where the bitmap was true on any (or ``every``) of the last ``bars`` bars, this one included.

    By doubling: after a step that combines a bitmap over w bars with itself w bars ago, it covers 2w.
    """
    covered: Integer = 1
    while covered < bars:
        step = min(covered, bars - covered)
        for index in range(len(words) - 1, -1, -1):  # backwards: each word reads its still unchanged neighbour
            before = _previous(words, index, step)
            words[index] = words[index] & before if every else words[index] | before
        covered += step


@lean_kernel
def _delay(words: Words, bars: Integer) -> None:
    """In place: the bitmap as it was ``bars`` (0 to 63) bars ago."""
    if bars > 0:
        for index in range(len(words) - 1, -1, -1):
            words[index] = _previous(words, index, bars)


@lean_kernel
def _push(row: Words, top: Words) -> None:
    for index in range(len(top)):
        top[index] = row[index]


@lean_kernel
def _unary(token: Integer, top: Words) -> None:
    if token == NOT:
        for index in range(len(top)):
            top[index] = ~top[index]
    elif token == CROSSED:
        for index in range(len(top) - 1, -1, -1):
            top[index] &= ~_previous(top, index, 1)
    elif token >= STREAK_FIRST:
        _spread(top, _STREAK[token - STREAK_FIRST], True)
    else:
        _spread(top, _WITHIN[token - WITHIN_FIRST], False)


@lean_kernel
def _binary(token: Integer, below: Words, top: Words) -> None:
    if token == AND:
        for index in range(len(top)):
            below[index] &= top[index]
    elif token == OR:
        for index in range(len(top)):
            below[index] |= top[index]
    else:
        for index in range(len(top)):
            below[index] ^= top[index]


@lean_kernel
def evaluate_tree(tree: npt.NDArray[np.uint16], bank: Words, extra: Words, stack: Words) -> bool:
    """Evaluate a postfix tree over the condition bank into ``stack[0]``.

    ``tree`` (TREE_TOKENS,), ``bank`` (conditions, words), ``extra`` (rows, words) the bitmaps of tokens from
    TOKEN_LIMIT on, ``stack`` (STACK_DEPTH, words) scratch. Returns False, with ``stack[0]`` all false, for an empty
    tree. Bits past the last bar are undefined.
    """
    depth = 0
    for position in range(TREE_TOKENS):
        token = np.int64(tree[position])
        if token == END:
            break
        if token >= TOKEN_LIMIT:
            _push(extra[token - TOKEN_LIMIT], stack[depth])
            depth += 1
        elif token >= CONDITION_BASE:
            _push(bank[token - CONDITION_BASE], stack[depth])
            depth += 1
        elif token >= FIRST_UNARY:
            _unary(token, stack[depth - 1])
        else:
            depth -= 1
            _binary(token, stack[depth - 1], stack[depth])
    if depth == 0:
        for index in range(stack.shape[1]):
            stack[0, index] = _NO_BITS
        return False
    return True


class Logic(NamedTuple):
    """Bitmaps, shape (words,): a close at which a long or short position is to be entered, or left.

    No bar enters both sides, and none enters a side that it leaves (``decide`` sees to it).
    """

    enter_long: Words
    enter_short: Words
    leave_long: Words
    leave_short: Words


@lean_kernel
def settle(
    trees: npt.NDArray[np.uint16], phenotype: Phenotype, bank: Words, extra: Words, stack: Words, into: Words
) -> None:
    """Evaluate the four trees of a genome, shape (4, TREE_TOKENS), into ``into`` (4, words) and settle their conflicts.

    Entries are confirmed, then delayed. A bar that also leaves a side does not enter it; one that would enter both
    sides enters none. The entries of a side that the direction keeps closed are dropped.
    """
    for tree in range(4):
        closed = phenotype.direction == (SHORT if tree < 2 else LONG)
        row = into[tree]
        if closed or not evaluate_tree(trees[tree], bank, extra, stack):
            for index in range(len(row)):
                row[index] = _NO_BITS
            continue
        _push(stack[0], row)
        if tree % 2 == 0:
            _spread(row, phenotype.confirm_bars, True)
            _delay(row, phenotype.delay_bars)
    for index in range(into.shape[1]):
        long, short = into[0, index], into[2, index]
        if phenotype.leaves:
            long &= ~into[1, index]
            short &= ~into[3, index]
        into[0, index] = long & ~short
        into[2, index] = short & ~long


@kernel
def decide(
    trees: npt.NDArray[np.uint16], phenotype: Phenotype, bank: Words, extra: Words, stack: Words, into: Words
) -> Logic:
    """``settle``, and the bitmaps by their names."""
    settle(trees, phenotype, bank, extra, stack, into)
    return Logic(into[0], into[2], into[1], into[3])
