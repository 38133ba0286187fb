"""Logic on 64-bit words equals logic on lists of booleans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.backtest.phenotype import express
from common.backtest.signals import STACK_DEPTH, bit, decide, evaluate_tree, next_true
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_SLOT, SILENCEABLE
from common.genome.layout import TREE_TOKENS, default_population
from common.genome.tree import CONDITION_BASE, NOT, OPERATORS, STREAK_BARS, TOKEN_LIMIT, WITHIN_BARS, tree_length

BARS = 150
ROWS = [np.random.default_rng(k).random(BARS) < p for k, p in enumerate((0.5, 0.1, 0.9, 0.02))]
BANK = np.array([np.packbits(np.pad(row, (0, 42)), bitorder="little").view(np.uint64) for row in ROWS])
NOTHING = np.zeros((0, BANK.shape[1]), np.uint64)
"""No engineered features."""


def expressions(depth: int):
    leaf = st.integers(0, len(ROWS) - 1).map(lambda k: [CONDITION_BASE + k])
    unary = [token for token, name in enumerate(OPERATORS) if name == "not" or name[-1].isdigit() or name == "crossed"]
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(unary)).map(lambda p: [*p[0], p[1]]),
            st.tuples(inner, inner, st.sampled_from([1, 2, 3])).map(lambda p: [*p[0], *p[1], p[2]]),
        ),
        max_leaves=depth,
    ).filter(lambda tokens: len(tokens) <= TREE_TOKENS)


def tree_of(tokens: list[int]) -> np.ndarray:
    tree = np.zeros(TREE_TOKENS, np.uint16)
    tree[: len(tokens)] = tokens
    assert tree_length(tree) == len(tokens)
    return tree


def plainly(tokens: list[int]) -> list[bool]:
    stack: list[list[bool]] = []
    for token in tokens:
        if token >= CONDITION_BASE:
            stack.append(ROWS[token - CONDITION_BASE].tolist())
            continue
        name = OPERATORS[token]
        top = stack.pop()
        if name == "not":
            result = [not x for x in top]
        elif name == "crossed":
            result = [x and not (i > 0 and top[i - 1]) for i, x in enumerate(top)]
        elif name.startswith("within"):
            bars = int(name.split("_")[1])
            result = [any(top[max(0, i - bars + 1) : i + 1]) for i in range(BARS)]
        elif name.startswith("streak"):
            bars = int(name.split("_")[1])
            result = [i + 1 >= bars and all(top[i - bars + 1 : i + 1]) for i in range(BARS)]
        else:
            other = stack.pop()
            rule = {"and": lambda a, b: a and b, "or": lambda a, b: a or b, "xor": lambda a, b: a != b}[name]
            result = [rule(a, b) for a, b in zip(other, top, strict=True)]
        stack.append(result)
    return stack[0]


def bits_of(words: np.ndarray) -> list[bool]:
    return [bool(bit(words, np.uint64(bar))) for bar in range(BARS)]


@given(expressions(8))
def test_a_tree_on_words_equals_the_tree_on_booleans(tokens):
    stack = np.empty((STACK_DEPTH, BANK.shape[1]), np.uint64)
    assert evaluate_tree(tree_of(tokens), BANK, NOTHING, stack)
    assert bits_of(stack[0]) == plainly(tokens)


def test_the_table_of_operators_is_the_one_tested():
    assert {int(name.split("_")[1]) for name in OPERATORS if name.startswith("within")} == set(WITHIN_BARS)
    assert {int(name.split("_")[1]) for name in OPERATORS if name.startswith("streak")} == set(STREAK_BARS)


def test_the_deepest_tree_fits_the_stack():
    leaves = (TREE_TOKENS + 1) // 2
    tokens = [CONDITION_BASE] * leaves + [1] * (leaves - 1)
    stack = np.empty((STACK_DEPTH, BANK.shape[1]), np.uint64)
    assert evaluate_tree(tree_of(tokens), BANK, NOTHING, stack)
    assert bits_of(stack[0]) == ROWS[0].tolist()


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_tokens_from_the_limit_on_are_the_bitmaps_of_engineered_features(row):
    stack, tokens = np.empty((STACK_DEPTH, BANK.shape[1]), np.uint64), np.zeros(TREE_TOKENS, np.uint16)
    tokens[:2] = TOKEN_LIMIT + row, NOT
    assert evaluate_tree(tokens, BANK[:0], BANK, stack)
    assert bits_of(stack[0]) == (~ROWS[row]).tolist()


@given(expressions(3), expressions(3), st.integers(0, BARS), st.integers(0, BARS))
def test_the_next_true_bar_is_the_first_of_either_bitmap(one, other, bar, stop):
    stacks = [np.empty((STACK_DEPTH, BANK.shape[1]), np.uint64) for _ in range(2)]
    for tokens, stack in zip((one, other), stacks, strict=True):
        evaluate_tree(tree_of(tokens), BANK, NOTHING, stack)
    either = np.array(plainly(one)) | np.array(plainly(other))
    wanted = next((t for t in range(bar, stop) if either[t]), stop)
    assert next_true(stacks[0][0], stacks[1][0], bar, stop) == wanted


def late(bits: np.ndarray, confirm: int, delay: int) -> np.ndarray:
    """True where it was true on each of ``confirm`` bars up to ``delay`` bars ago."""
    bars = range(len(bits))
    return np.array(
        [t - delay - confirm + 1 >= 0 and bits[t - delay - confirm + 1 : t - delay + 1].all() for t in bars]
    )


@given(
    *(expressions(3) for _ in range(4)),
    st.sampled_from(["long", "short", "both"]),
    st.sampled_from([1, 2, 3, 5]),
    st.sampled_from([0, 1, 2, 3]),
    st.booleans(),
)
def test_conflicts_are_settled_the_documented_way(
    long_entry, long_exit, short_entry, short_exit, direction, confirm, delay, silenced
):
    trees = np.array([tree_of(tokens) for tokens in (long_entry, long_exit, short_entry, short_exit)])
    stack, into = np.empty((STACK_DEPTH, BANK.shape[1]), np.uint64), np.empty((4, BANK.shape[1]), np.uint64)
    genome = default_population(1)[0]
    for gene, allele in (
        ("entry.direction", direction),
        ("entry.confirm_bars", confirm),
        ("entry.delay_bars", delay),
    ):
        slot = ALLELE_SLOT[gene]
        genome["alleles"][slot] = ALLELE_GENES[slot].alleles.index(allele)
    if silenced:
        genome["masks"][MASK_SLOT["expression.silenced"]] = 1 << SILENCEABLE.index("signal_exit")
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    logic = decide(trees, phenotype, BANK, NOTHING, stack, into)
    buy, leave_long, sell, leave_short = (
        np.array(plainly(tokens)) for tokens in (long_entry, long_exit, short_entry, short_exit)
    )
    # First confirmed, then delayed; a bar that leaves a side does not enter it, unless exits are not heard.
    long = late(buy, confirm, delay) & ~(leave_long & (not silenced)) & (direction != "short")
    short = late(sell, confirm, delay) & ~(leave_short & (not silenced)) & (direction != "long")
    assert bits_of(logic.enter_long) == (long & ~short).tolist()
    assert bits_of(logic.enter_short) == (short & ~long).tolist()
    assert bits_of(logic.leave_long) == (leave_long & (direction != "short")).tolist()
    assert bits_of(logic.leave_short) == (leave_short & (direction != "long")).tolist()
