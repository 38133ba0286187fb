"""Structural mutation of logic trees: replace, nudge, grow, shrink, wrap, renew.

All operators of two operands are symmetric, so operands are not swapped: that would give the same strategy a new name.
"""

from common.genome.conditions import TIMEFRAMES
from common.genome.slots import PREDICATES, SLOT_BASE
from common.genome.tree import CONDITION_BASE, END, arity, subtree_start
from common.kernel import lean_kernel
from common.random import Stream, below, uniform
from generator.trees import (
    BLOCKS,
    Tree,
    draw_binary,
    draw_leaf,
    draw_role,
    draw_slot,
    draw_unary,
    length,
    resize,
)

_TIMEFRAMES = len(TIMEFRAMES)
_ATTEMPTS = 4


@lean_kernel
def nudge(stream: Stream, token: int) -> int:
    """A condition close to this one: the same feature with another predicate, or the same on another timeframe."""
    condition = token - CONDITION_BASE
    first = BLOCKS[condition, 0]
    predicates = (BLOCKS[condition, 1] - first) // _TIMEFRAMES
    predicate, timeframe = (condition - first) // _TIMEFRAMES, condition % _TIMEFRAMES
    if uniform(stream) < 0.8:
        predicate = (predicate + 1 + below(stream, predicates - 1)) % predicates
    else:
        timeframe = (timeframe + 1 + below(stream, _TIMEFRAMES - 1)) % _TIMEFRAMES
    return CONDITION_BASE + first + predicate * _TIMEFRAMES + timeframe


@lean_kernel
def nudge_question(stream: Stream, token: int, live: int) -> int:
    """A question close to this one: another to the same slot, or with chance 1/5 the same to another ``live`` one."""
    slot, predicate = (token - SLOT_BASE) // PREDICATES, (token - SLOT_BASE) % PREDICATES
    others = live & ~(1 << slot)
    if others != 0 and uniform(stream) < 0.2:
        slot = draw_slot(stream, others)
    else:
        predicate = (predicate + 1 + below(stream, PREDICATES - 1)) % PREDICATES
    return SLOT_BASE + slot * PREDICATES + predicate


@lean_kernel
def replace(stream: Stream, tree: Tree, live: int) -> None:
    """Replace one token by another of the same arity; a condition by a neighbour in half of the cases."""
    position = below(stream, length(tree))
    token = tree[position]
    operands = arity(token)
    if operands == 0:
        if uniform(stream) >= 0.5:
            tree[position] = draw_leaf(stream, live)
        elif token >= SLOT_BASE:
            tree[position] = nudge_question(stream, token, live)
        else:
            tree[position] = nudge(stream, token)
        return
    drawn = token
    while drawn == token:
        drawn = draw_binary(stream) if operands == 2 else draw_unary(stream)
    tree[position] = drawn


@lean_kernel
def grow(stream: Stream, tree: Tree, live: int) -> bool:
    """Join a subtree with a new condition: two tokens more. False, unchanged, when there is no room."""
    end = below(stream, length(tree))
    if not resize(tree, end + 1, 0, 2):
        return False
    tree[end + 1] = draw_leaf(stream, live)
    tree[end + 2] = draw_binary(stream)
    return True


@lean_kernel
def wrap(stream: Stream, tree: Tree) -> bool:
    """Put an operator of one operand on a subtree. False, unchanged, when there is no room."""
    end = below(stream, length(tree))
    if not resize(tree, end + 1, 0, 1):
        return False
    tree[end + 1] = draw_unary(stream)
    return True


@lean_kernel
def shrink(stream: Stream, tree: Tree, may_vanish: bool) -> bool:
    """Hoist: an operator and all its operands but one go. A lone condition goes only where the tree ``may_vanish``."""
    used = length(tree)
    if used == 1:
        if may_vanish:
            tree[0] = END
        return may_vanish
    end = below(stream, used)
    while arity(tree[end]) == 0:
        end = below(stream, used)
    if arity(tree[end]) == 1:
        return resize(tree, end, 1, 0)
    middle = subtree_start(tree, end - 1)
    resize(tree, end, 1, 0)
    if below(stream, 2) == 0:
        return resize(tree, middle, end - middle, 0)
    first = subtree_start(tree, middle - 1)
    return resize(tree, first, middle - first, 0)


@lean_kernel
def fill(stream: Stream, tree: Tree, which: int, live: int) -> bool:
    """Give an empty tree a random one that is not empty; False, unchanged, where there is a tree."""
    if tree[0] != END:
        return False
    while tree[0] == END:
        draw_role(stream, tree, which, live)
    return True


@lean_kernel
def restructure(stream: Stream, tree: Tree, which: int, live: int) -> None:
    """Grow, shrink or wrap tree ``which`` (30 % each) or draw it anew (10 %). An exit (odd) may vanish."""
    for _ in range(_ATTEMPTS):
        drawn = uniform(stream)
        done = True
        if drawn < 0.3:
            done = grow(stream, tree, live)
        elif drawn < 0.6:
            done = shrink(stream, tree, which & 1 == 1)
        elif drawn < 0.9:
            done = wrap(stream, tree)
        else:
            draw_role(stream, tree, which, live)
        if done:
            return


@lean_kernel
def mutate_tree(stream: Stream, tree: Tree, which: int, live: int) -> None:
    """One mutation of tree ``which``, of a token or of the structure alike; an empty tree gets a random one.

    ``live``: the slots that new leaves may ask.
    """
    if fill(stream, tree, which, live):
        return
    if uniform(stream) < 0.5:
        replace(stream, tree, live)
    else:
        restructure(stream, tree, which, live)
