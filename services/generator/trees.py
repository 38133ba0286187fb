"""Logic trees drawn and edited in place, as postfix tokens; every edit keeps the tree well formed and short enough."""

import numpy as np
import numpy.typing as npt

from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.layout import TREE_TOKENS
from common.genome.slots import NO_TRANSFORM, PREDICATES, SLOT_BASE, SLOTS, TRANSFORM_GENES
from common.genome.tree import (
    AND,
    CONDITION_BASE,
    CROSSED,
    END,
    NOT,
    OR,
    STREAK_BARS,
    STREAK_FIRST,
    WITHIN_BARS,
    WITHIN_FIRST,
    XOR,
)
from common.kernel import lean_kernel
from common.random import Stream, below, uniform

Tree = npt.NDArray[np.uint16]
_TIMEFRAMES = len(TIMEFRAMES)
_PER_TIMEFRAME = len(CONDITIONS) // _TIMEFRAMES
CONDITIONS_MAX = 4
_ENTRY_SHARES = np.cumsum(np.array([0.3, 0.4, 0.2, 0.1]))
_EXIT_SHARES = np.cumsum(np.array([0.25, 0.4, 0.25, 0.1]))
_UNARY_SHARE = 0.15
SLOT_SHARE = 0.08
"""How often a condition of a genome with engineered features asks one of them: each is a bitmap to be computed."""
_WITHIN, _STREAKS = len(WITHIN_BARS), len(STREAK_BARS)


def _blocks() -> npt.NDArray[np.int64]:
    """First condition of each condition's feature, and the first of the next feature, shape (conditions, 2)."""
    names = [condition.feature.text for condition in CONDITIONS]
    starts = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    sizes = np.diff([*starts, len(names)])
    return np.stack([np.repeat(starts, sizes), np.repeat(np.array(starts) + sizes, sizes)], axis=1)


BLOCKS = _blocks()


@lean_kernel
def length(tree: Tree) -> int:
    """Tokens in use of a well-formed tree."""
    used = 0
    while used < TREE_TOKENS and tree[used] != END:
        used += 1
    return used


@lean_kernel
def choose(stream: Stream, cumulative: npt.NDArray[np.float64]) -> int:
    """An index, each as often as its step of ``cumulative``, whose last entry counts as 1."""
    drawn = uniform(stream)
    index = 0
    while index < len(cumulative) - 1 and drawn >= cumulative[index]:
        index += 1
    return index


@lean_kernel
def draw_timeframe(stream: Stream) -> int:
    """The bars themselves in three of five cases, else a coarser timeframe."""
    drawn = uniform(stream)
    return 0 if drawn < 0.6 else (1 if drawn < 0.85 else 2)


@lean_kernel
def draw_condition(stream: Stream) -> int:
    """A random condition token."""
    condition = below(stream, _PER_TIMEFRAME)
    return CONDITION_BASE + condition * _TIMEFRAMES + draw_timeframe(stream)


@lean_kernel
def live_slots(alleles: npt.NDArray[np.uint8]) -> int:
    """The slots of one genome that have a transform, as bits."""
    live = 0
    for slot in range(SLOTS):
        if alleles[TRANSFORM_GENES[slot]] != NO_TRANSFORM:
            live |= 1 << slot
    return live


@lean_kernel
def referred_slots(tree: Tree) -> int:
    """The slots that a tree refers to, as bits."""
    referred = 0
    for position in range(length(tree)):
        if tree[position] >= SLOT_BASE:
            referred |= 1 << (tree[position] - SLOT_BASE) // PREDICATES
    return referred


@lean_kernel
def draw_slot(stream: Stream, bits: int) -> int:
    """A random one of the slots whose bits are on, at least one."""
    while True:
        slot = below(stream, SLOTS)
        if bits >> slot & 1:
            return slot


@lean_kernel
def draw_question(stream: Stream, slot: int) -> int:
    """A random token that asks a slot."""
    return SLOT_BASE + slot * PREDICATES + below(stream, PREDICATES)


@lean_kernel
def draw_leaf(stream: Stream, live: int) -> int:
    """A random token without operands: mostly a condition, now and then a question to one of the ``live`` slots."""
    if live != 0 and uniform(stream) < SLOT_SHARE:
        return draw_question(stream, draw_slot(stream, live))
    return draw_condition(stream)


@lean_kernel
def draw_binary(stream: Stream) -> int:
    """A random operator of two operands: and 55 %, or 35 %, xor 10 %."""
    drawn = uniform(stream)
    return AND if drawn < 0.55 else (OR if drawn < 0.9 else XOR)


@lean_kernel
def draw_unary(stream: Stream) -> int:
    """A random operator of one operand: not 25 %, crossed 25 %, within 30 %, streak 20 %."""
    drawn = uniform(stream)
    if drawn < 0.25:
        return NOT
    if drawn < 0.5:
        return CROSSED
    if drawn < 0.8:
        return WITHIN_FIRST + below(stream, _WITHIN)
    return STREAK_FIRST + below(stream, _STREAKS)


@lean_kernel
def draw_tree(stream: Stream, tree: Tree, conditions: int, live: int) -> None:
    """Overwrite ``tree`` by a random one of this many conditions (0 to CONDITIONS_MAX), of random shape.

    Its leaves may ask the ``live`` slots. At most 2 (2 c - 1) = 14 tokens: each of the 2 c - 1 nodes gets one unary
    operator at most.
    """
    tree[:] = END
    position = 0
    depth = 0
    left = conditions
    while left > 0 or depth > 1:
        if depth >= 2 and (left == 0 or uniform(stream) < 0.5):
            tree[position] = draw_binary(stream)
            depth -= 1
        else:
            tree[position] = draw_leaf(stream, live)
            depth += 1
            left -= 1
        position += 1
        if uniform(stream) < _UNARY_SHARE:
            tree[position] = draw_unary(stream)
            position += 1


@lean_kernel
def draw_role(stream: Stream, tree: Tree, which: int, live: int) -> None:
    """A random tree for its place: an entry (0 and 2) has 1 to 4 conditions, an exit 0 to 3."""
    conditions = choose(stream, _EXIT_SHARES) if which & 1 else 1 + choose(stream, _ENTRY_SHARES)
    draw_tree(stream, tree, conditions, live)


@lean_kernel
def resize(tree: Tree, position: int, old: int, new: int) -> bool:
    """Turn the ``old`` tokens at ``position`` into a gap of ``new`` to be filled; False, unchanged, when too long."""
    used = length(tree)
    if used - old + new > TREE_TOKENS:
        return False
    if new > old:
        for index in range(used - 1, position + old - 1, -1):
            tree[index + new - old] = tree[index]
    elif new < old:
        for index in range(position + old, used):
            tree[index + new - old] = tree[index]
        tree[used - old + new : used] = END
    return True


@lean_kernel
def splice(tree: Tree, start: int, stop: int, donor: Tree, donor_start: int, donor_stop: int) -> bool:
    """Replace tokens [start, stop) by those of another tree; False, unchanged, when the result is too long."""
    if not resize(tree, start, stop - start, donor_stop - donor_start):
        return False
    for index in range(donor_stop - donor_start):
        tree[start + index] = donor[donor_start + index]
    return True
