"""Walks through a genealogy of arrays against plain dictionaries: the same kin, at the same distances."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.births import Births
from recorder.kinship import ancestors, contributions, descendants, index_of, place_of, tell

PARENTS = st.lists(st.tuples(st.integers(-1, 60), st.integers(-1, 60)), min_size=1, max_size=60)


def _births(pairs: list[tuple[int, int]]) -> Births:
    """Genome k has id k + 1, in the upper half of a number or in the lower, and parents that are older than it."""
    numbers = np.array([(k + 1) << (44 if k % 2 else 1) for k in range(len(pairs))], np.uint64)
    older = [[numbers[p] if 0 <= p < k else np.uint64(0) for p in pair] for k, pair in enumerate(pairs)]
    mother, father = np.array(older, np.uint64).reshape(-1, 2).T.copy()
    zeros = np.zeros(len(pairs))
    generation = np.arange(len(pairs), dtype=np.uint32)
    return Births(numbers, numbers, mother, father, zeros.astype(np.uint8), zeros.astype(np.uint16), generation)


def _depths(start: int, edges: dict[int, set[int]]) -> dict[int, int]:
    depth, ahead = {start: 0}, [start]
    for one in ahead:
        for other in edges[one] - set(depth):
            depth[other] = depth[one] + 1
            ahead.append(other)
    return depth


@settings(max_examples=40, deadline=None)
@given(PARENTS, st.randoms(use_true_random=False))
def test_kin_are_those_of_the_definition_in_whatever_order_births_are_read(
    pairs: list[tuple[int, int]], chance: Random
) -> None:
    births = _births(pairs)
    shuffled = list(range(len(pairs))) * 2  # every birth twice, as a store may give it
    chance.shuffle(shuffled)
    some: list[Any] = [column[shuffled] for column in births]
    read = Births(*some)
    index = index_of(read.child)
    up = {
        int(child): {int(parent) for parent in (mother, father) if parent}
        for child, mother, father in zip(births.child, births.mother, births.father, strict=True)
    }
    down = {child: {other for other, parents in up.items() if child in parents} for child in up}
    for way, edges in ((ancestors, up), (descendants, down)):
        start = births.child[len(pairs) // 2]
        places, depth = way(start, read.links, index)
        found = dict(zip(read.child[index.order[places]].tolist(), depth.tolist(), strict=True))
        assert found == _depths(int(start), edges)
        assert (np.diff(depth) >= 0).all()
        told = tell(places, read, index)
        for k, number in enumerate(read.child[told.first].tolist()):
            assert told.numbers[told.starts[k] : told.starts[k + 1]].tolist() == sorted(up[number])


def test_founders_share_what_their_descendants_hold() -> None:
    births = _births([(-1, -1), (-1, -1), (0, 1), (0, 2), (3, -1)])
    index = index_of(births.child)
    told = tell(np.array([place_of(one, births.child, index) for one in births.child]), births, index)
    weight = np.array([0.0, 0.0, 0.0, 0.0, 1.0])
    contributions(weight, np.arange(5)[::-1].copy(), told, np.arange(5))
    assert weight == pytest.approx([0.75, 0.25, 0, 0, 0])
