"""Logic trees: postfix tokens in the record, nested lists in JSON, one arity table for both."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.errors import GenomeError
from common.genome.conditions import CONDITION_BY_TEXT, CONDITIONS
from common.genome.layout import TREE_TOKENS
from common.genome.slots import NO_TRANSFORM, PREDICATES, SLOT_BASE, SLOT_TEXTS, SLOT_TOKEN_BY_TEXT, TRANSFORM_GENES
from common.kernel import kernel

END = 0
AND, OR, XOR, NOT, CROSSED = 1, 2, 3, 4, 5
WITHIN_FIRST, STREAK_FIRST = 6, 11
WITHIN_BARS: tuple[int, ...] = (2, 3, 5, 10, 20)
"""``within_k``: true on at least one of the last k bars, this one included."""
STREAK_BARS: tuple[int, ...] = (2, 3, 5)
"""``streak_k``: true on each of the last k bars, this one included."""
CONDITION_BASE = 64
"""Tokens from here on are conditions; those between the operators and here are free for more operators."""
TOKEN_LIMIT = CONDITION_BASE + len(CONDITIONS)
"""No genome has a token from here to ``slots.SLOT_BASE``; evaluation puts the bitmaps of its slots there."""

OPERATORS: tuple[str, ...] = (
    "end",
    "and",
    "or",
    "xor",
    "not",
    "crossed",  # true on this bar, false on the one before
    *(f"within_{bars}" for bars in WITHIN_BARS),
    *(f"streak_{bars}" for bars in STREAK_BARS),
)
OPERATOR_BY_TEXT = {name: token for token, name in enumerate(OPERATORS) if token}
FIRST_UNARY = NOT
LAST_OPERATOR = len(OPERATORS) - 1


@kernel
def arity(token: int) -> int:
    """Operands of a token: 2, 1 (unary operators), 0 (a condition), or -1 for what may not stand in a tree."""
    if AND <= token < FIRST_UNARY:
        return 2
    if FIRST_UNARY <= token <= LAST_OPERATOR:
        return 1
    if CONDITION_BASE <= token < TOKEN_LIMIT or token >= SLOT_BASE:
        return 0
    return -1


def conditions_in(trees: npt.NDArray[np.uint16]) -> list[int]:
    """Rows of the condition bank that trees of any shape look at, in order."""
    tokens = np.unique(trees).astype(np.int64)
    return (tokens[(tokens >= CONDITION_BASE) & (tokens < TOKEN_LIMIT)] - CONDITION_BASE).tolist()


@kernel
def tree_length(tree: npt.NDArray[np.uint16]) -> int:
    """Tokens of a well-formed postfix tree (TREE_TOKENS,), 0 when empty, -1 when it is not well formed."""
    depth = 0
    length = 0
    for position in range(TREE_TOKENS):
        token = tree[position]
        if token == END:
            break
        operands = arity(token)
        if operands < 0 or depth < operands:
            return -1
        depth += 1 - operands
        length += 1
    for position in range(length, TREE_TOKENS):
        if tree[position] != END:
            return -1
    return length if (length == 0 or depth == 1) else -1


@kernel
def enters(direction: int, long_tokens: int, short_tokens: int) -> bool:
    """Does every side that the direction (allele of entry.direction: long, short, both) opens have an entry tree?"""
    return (direction == 1 or long_tokens > 0) and (direction == 0 or short_tokens > 0)


@kernel
def trees_valid(trees: npt.NDArray[np.uint16], direction: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which genomes, shape (n,), have four well-formed trees (n, 4, TREE_TOKENS) and an entry where they need one."""
    ok = np.empty(len(trees), np.bool_)
    for row in range(len(trees)):
        well_formed = True
        for which in range(trees.shape[1]):
            well_formed &= tree_length(trees[row, which]) >= 0
        ok[row] = well_formed and enters(direction[row], tree_length(trees[row, 0]), tree_length(trees[row, 2]))
    return ok


@kernel
def dead_slot(tree: npt.NDArray[np.uint16], alleles: npt.NDArray[np.uint8]) -> int | np.int64:
    """The first slot that the tree (TREE_TOKENS,) refers to and that has no transform in ``alleles``, or -1."""
    for position in range(TREE_TOKENS):
        token = np.int64(tree[position])
        if token >= SLOT_BASE:
            slot = (token - SLOT_BASE) // PREDICATES
            if alleles[TRANSFORM_GENES[slot]] == NO_TRANSFORM:
                return slot
    return -1


@kernel
def slots_live(trees: npt.NDArray[np.uint16], alleles: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which genomes, shape (n,), have a transform in every slot that their trees (n, 4, TREE_TOKENS) refer to."""
    ok = np.ones(len(trees), np.bool_)
    for row in range(len(trees)):
        for which in range(trees.shape[1]):
            ok[row] &= dead_slot(trees[row, which], alleles[row]) < 0
    return ok


@kernel
def subtree_start(tree: npt.NDArray[np.uint16], end: int) -> int:
    """First token of the subtree whose last token (its root, in postfix) stands at ``end``."""
    wanted = 1
    position = end
    while True:
        wanted += arity(tree[position]) - 1
        if wanted == 0:
            return position
        position -= 1


def tree_from_json(value: Any, gene: str) -> npt.NDArray[np.uint16]:
    """Read ``["and", "rsi(2) < 10", ["not", "adx(14) > 25"]]``, a bare condition, or null for an empty tree."""
    tokens: list[int] = []

    def read(node: Any, depth: int) -> None:
        if depth > TREE_TOKENS or len(tokens) > TREE_TOKENS:
            raise GenomeError(gene, value, f"a tree of at most {TREE_TOKENS} operators and conditions")
        if isinstance(node, str):
            if node in CONDITION_BY_TEXT:
                tokens.append(CONDITION_BASE + CONDITION_BY_TEXT[node])
            elif node in SLOT_TOKEN_BY_TEXT:
                tokens.append(SLOT_TOKEN_BY_TEXT[node])
            else:
                raise GenomeError(gene, node, "a condition that `galapagos seed conditions` lists")
            return
        if not isinstance(node, list) or not node or not isinstance(node[0], str) or node[0] not in OPERATOR_BY_TEXT:
            raise GenomeError(gene, node, f"[operator, operand, ...] with an operator of {', '.join(OPERATOR_BY_TEXT)}")
        token = OPERATOR_BY_TEXT[node[0]]
        if len(node) - 1 != arity(token):
            raise GenomeError(gene, node, f"{arity(token)} operand(s) after {node[0]!r}")
        for operand in node[1:]:
            read(operand, depth + 1)
        tokens.append(token)

    if value is not None:
        read(value, 1)
    if len(tokens) > TREE_TOKENS:
        raise GenomeError(gene, value, f"a tree of at most {TREE_TOKENS} operators and conditions")
    tree = np.zeros(TREE_TOKENS, np.uint16)
    tree[: len(tokens)] = tokens
    return tree


def tree_to_json(tree: npt.NDArray[np.uint16]) -> Any:
    """The inverse of ``tree_from_json``; ``tree`` must be well formed."""
    stack: list[Any] = []
    for token in map(int, tree):
        if token == END:
            break
        if token >= SLOT_BASE:
            stack.append(SLOT_TEXTS[token - SLOT_BASE])
        elif token >= CONDITION_BASE:
            stack.append(CONDITIONS[token - CONDITION_BASE].text)
        else:
            operands = [stack.pop() for _ in range(arity(token))]
            stack.append([OPERATORS[token], *reversed(operands)])
    return stack[0] if stack else None
