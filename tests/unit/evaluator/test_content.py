"""A digest of nested values tells apart whatever differs, and refuses what it cannot look into."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

from evaluator.content import bytes_in, digest_of


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass(frozen=True)
class Box:
    content: Any


VALUES = [
    np.arange(4.0),
    np.arange(4.0)[::-1],
    np.arange(4.0).reshape(2, 2),
    np.arange(4.0).view(np.uint64),
    np.zeros(0),
    np.zeros((0, 3)),
    0,
    0.0,
    -0.0,
    False,
    None,
    "None",
    b"None",
    (),
    ((),),
    (1, 2),
    ("1, 2",),
    ("a", "b"),
    ("ab", ""),
    [1, 2],
    ((1,), 2),
    (1, (2,)),
    Pair(1, 2),
    Box(1),
    Box((1, 2)),
    (Box(1), 2),
]


def test_what_differs_has_another_digest():
    assert len({digest_of(value) for value in VALUES}) == len(VALUES)
    assert digest_of((1, 2)) != digest_of(1, 2)


def test_what_is_equal_has_the_same_digest_wherever_it_lies_in_memory():
    wide = np.arange(8.0)
    assert digest_of(wide[::2], Box("x")) == digest_of(wide[::2].copy(), Box("x"))


@dataclass(frozen=True)
class Derived:
    content: Any
    follows: Any = field(default_factory=dict, compare=False)


def test_what_follows_from_other_fields_is_left_out():
    assert digest_of(Derived(1, np.zeros(3))) == digest_of(Derived(1)) != digest_of(Derived(2))


def test_what_cannot_be_looked_into_is_refused():
    with pytest.raises(TypeError, match="dict"):
        digest_of(Box({"a": 1}))


def test_bytes_of_all_arrays_are_counted():
    assert bytes_in(Box((np.zeros(3), Pair(np.zeros((2, 2), np.uint8), 5))), [np.zeros(1)]) == 24 + 4 + 8
