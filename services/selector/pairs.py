"""Conditions of logic trees, each with the operator right above it."""

import numpy as np
import numpy.typing as npt

from common.genome.layout import TREE_TOKENS
from common.genome.tree import END, arity
from common.kernel import kernel

_BARE = 0
"""Stands for the operator above a condition that is a whole tree."""
Keys = npt.NDArray[np.uint32]


@kernel
def pairs(trees: npt.NDArray[np.uint16]) -> tuple[npt.NDArray[np.int64], Keys]:
    """Of genomes' ``trees`` (n, 4, TREE_TOKENS): the row and the key of each condition with the operator above it.

    The key is operator << 16 | condition. In postfix the operator above stands behind its operands; one pass with a
    stack of the roots that wait for it finds all.
    """
    rows = np.empty(trees.shape[0] * trees.shape[1] * TREE_TOKENS, np.int64)
    keys = np.empty(len(rows), np.uint32)
    stack = np.empty(TREE_TOKENS, np.int64)
    count = 0
    for row in range(trees.shape[0]):
        for which in range(trees.shape[1]):
            depth = 0
            for position in range(TREE_TOKENS):
                token = np.int64(trees[row, which, position])
                if token == END:
                    break
                for _ in range(arity(int(token))):
                    depth -= 1
                    if arity(int(stack[depth])) == 0:
                        rows[count], keys[count] = row, np.uint32(token << 16 | stack[depth])
                        count += 1
                stack[depth] = token
                depth += 1
            if depth == 1 and arity(int(stack[0])) == 0:
                rows[count], keys[count] = row, np.uint32(_BARE << 16 | stack[0])
                count += 1
    return rows[:count], keys[:count]
