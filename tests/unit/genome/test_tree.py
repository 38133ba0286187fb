"""Logic trees: which token strings are trees, and where their subtrees begin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.genes import ALLELE_GENES
from common.genome.layout import TREE_TOKENS
from common.genome.slots import SLOT_BASE, SLOT_TEXTS, TRANSFORM_GENES
from common.genome.tree import (
    CONDITION_BASE,
    END,
    OPERATORS,
    TOKEN_LIMIT,
    arity,
    dead_slot,
    slots_live,
    subtree_start,
    tree_from_json,
    tree_length,
    tree_to_json,
    trees_valid,
)
from generator.initialise import random_population
from generator.tables import Settings

TOKEN = st.one_of(
    st.integers(0, len(OPERATORS)),
    st.integers(CONDITION_BASE - 1, CONDITION_BASE + 2),
    st.integers(TOKEN_LIMIT - 1, TOKEN_LIMIT),
    st.integers(SLOT_BASE - 1, SLOT_BASE),
    st.just(2**16 - 1),
)
TOKENS = st.lists(TOKEN, max_size=TREE_TOKENS)


def padded(tokens: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    return np.array(tokens + [END] * (TREE_TOKENS - len(tokens)), np.uint16)


def reduces_to_one(tokens: list[int]) -> bool:
    """The definition of postfix, by a stack."""
    depth = 0
    for token in tokens:
        if not (0 < token < len(OPERATORS) or CONDITION_BASE <= token < TOKEN_LIMIT or token >= SLOT_BASE):
            return False
        operands = 2 if 1 <= token <= 3 else 1 if token < CONDITION_BASE else 0
        if depth < operands:
            return False
        depth += 1 - operands
    return depth == 1 or not tokens


@given(TOKENS)
@settings(max_examples=500, deadline=None)
def test_a_token_string_is_a_tree_when_a_stack_reduces_it_to_one(tokens: list[int]) -> None:
    tree = padded(tokens)
    used = tokens[: tokens.index(END)] if END in tokens else tokens
    well_formed = reduces_to_one(used) and not tree[len(used) :].any()
    assert tree_length(tree) == (len(used) if well_formed else -1)


def test_subtrees_begin_where_reading_them_as_json_says() -> None:
    trees = random_population(300, Settings(), 3, 0, 0)["trees"][:, 0]
    for tree in trees[trees[:, 0] != END]:
        for end in range(tree_length(tree)):
            start = subtree_start(tree, end)
            part = padded(tree[start : end + 1].tolist())
            assert tree_length(part) == end + 1 - start
            assert np.array_equal(tree_from_json(tree_to_json(part), "logic.test"), part)


def test_validity_of_many_is_validity_of_each() -> None:
    generator = np.random.default_rng(0)
    trees = random_population(2_000, Settings(), 4, 0, 0)["trees"].copy()
    hit = generator.random(trees.shape) < 0.01
    trees[hit] = generator.integers(0, TOKEN_LIMIT + 2, hit.sum())
    direction = generator.integers(0, 3, len(trees)).astype(np.uint8)
    expected = []
    for four, side in zip(trees, direction, strict=True):
        lengths = [tree_length(tree) for tree in four]
        entries = (side == 1 or lengths[0] > 0) and (side == 0 or lengths[2] > 0)
        expected.append(min(lengths) >= 0 and entries)
    found = trees_valid(trees, direction)
    assert found.tolist() == expected
    assert 100 < found.sum() < 1_900


def test_every_operator_has_operands_and_every_condition_none() -> None:
    assert [arity(token) for token in range(1, len(OPERATORS))] == [2] * 3 + [1] * (len(OPERATORS) - 4)
    assert arity(CONDITION_BASE) == arity(TOKEN_LIMIT - 1) == arity(SLOT_BASE) == arity(2**16 - 1) == 0
    wrong = END, len(OPERATORS), CONDITION_BASE - 1, TOKEN_LIMIT, SLOT_BASE - 1
    assert {arity(token) for token in wrong} == {-1}


def test_the_tokens_of_slots_are_the_last_of_the_range_and_stand_where_they_stood() -> None:
    assert SLOT_BASE + len(SLOT_TEXTS) == 2**16
    predicates = [
        "< q5",
        "< q10",
        "< q20",
        "< q35",
        "> q65",
        "> q80",
        "> q90",
        "> q95",
        "rising",
        "falling",
        "> 0",
        "< 0",
    ]
    assert list(SLOT_TEXTS) == [f"slot{slot} {predicate}" for slot in range(4) for predicate in predicates]
    for index, text in enumerate(SLOT_TEXTS):
        tree = tree_from_json(text, "logic.test")
        assert tree.tolist() == [SLOT_BASE + index] + [END] * (TREE_TOKENS - 1)
        assert tree_to_json(tree) == text


def test_the_first_slot_without_a_transform_is_found() -> None:
    alleles = np.zeros(len(ALLELE_GENES), np.uint8)
    tree = tree_from_json(["and", "slot2 > 0", ["or", "slot0 rising", "slot2 rising"]], "logic.test")
    for live, dead in (((), 2), ((2,), 0), ((0, 2), -1)):
        alleles[TRANSFORM_GENES] = 0
        alleles[TRANSFORM_GENES[list(live)]] = 1
        assert dead_slot(tree, alleles) == dead
    assert slots_live(np.array([[tree] * 4, [tree] * 4]), np.array([alleles, 0 * alleles])).tolist() == [True, False]
