"""Walks through a genealogy that is arrays: who descends from whom, nearest first, and whose genes are carried on.

A birth is a row. A genome that was bred more than once has more rows; the first that an index finds stands for it.
Genomes are told apart by the first 64 bits of their ids: two of a hundred million share them with chance 3e-4.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from recorder.births import Births, Links, Numbers, Rows

_BUCKET_BITS = 20
_NOBODY = np.uint64(0)


class Index(NamedTuple):
    """Rows ordered by the upper bits of their child: those of bucket b are ``order[starts[b] : starts[b + 1]]``."""

    starts: npt.NDArray[np.int32]
    order: npt.NDArray[np.int32]


class Told(NamedTuple):
    """Of some genomes: the row of the first birth, and the rows of all their parents, -1 for one without a row.

    Those of genome k are ``parents[starts[k] : starts[k + 1]]``, by number; ``numbers`` are their first halves.
    """

    first: Rows
    starts: Rows
    parents: Rows
    numbers: Numbers


@kernel
def index_of(child: Numbers) -> Index:
    """The index of births by their children (n,)."""
    shift = np.uint64(64 - _BUCKET_BITS)
    starts = np.zeros((1 << _BUCKET_BITS) + 1, np.int32)
    for number in child:
        starts[np.int64(number >> shift) + 1] += 1
    for bucket in range(1 << _BUCKET_BITS):
        starts[bucket + 1] += starts[bucket]
    order = np.empty(len(child), np.int32)
    for row in range(len(child) - 1, -1, -1):  # filled from the end, which leaves each bucket's end at its start
        end = np.int64(child[row] >> shift) + 1
        starts[end] -= 1
        order[starts[end]] = row
    starts[:-1] = starts[1:].copy()
    starts[-1] = len(child)
    return Index(starts, order)


@kernel
def place_of(number: np.uint64, child: Numbers, index: Index) -> int:
    """Where in ``index.order`` the births of a genome begin, -1 for a genome without one."""
    bucket = np.int64(number >> np.uint64(64 - _BUCKET_BITS))
    for place in range(index.starts[bucket], index.starts[bucket + 1]):
        if child[index.order[place]] == number:
            return place
    return -1


@kernel
def next_place(place: int, child: Numbers, index: Index) -> int:
    """The next birth of the same genome in its bucket, -1 when there is none."""
    number = child[index.order[place]]
    bucket = np.int64(number >> np.uint64(64 - _BUCKET_BITS))
    for other in range(place + 1, index.starts[bucket + 1]):
        if child[index.order[other]] == number:
            return other
    return -1


@kernel
def places_of(numbers: Numbers, child: Numbers, index: Index) -> Rows:
    """The place of each of these genomes, shape as ``numbers``; -1 for one without a birth."""
    places = np.empty(len(numbers), np.int64)
    for k in range(len(numbers)):
        places[k] = place_of(numbers[k], child, index)
    return places


@kernel
def parents_of(places: Rows, births: Links, index: Index) -> Numbers:
    """The parents in all births of the genomes at these places, 0 for none, in no order and as often as they occur."""
    found = []
    for own in places:
        place = own
        while place >= 0:
            found.append(births.mother[index.order[place]])
            found.append(births.father[index.order[place]])
            place = next_place(place, births.child, index)
    return np.array(found, np.uint64)


@kernel
def _begin(number: np.uint64, births: Links, index: Index) -> tuple[npt.NDArray[np.int32], Rows, int]:
    """A walk from a genome: distances (n,), -1 where it has not been; the queue of places (n,); how many wait in it."""
    depth = np.full(len(births.child), -1, np.int32)
    queue = np.empty(len(births.child), np.int64)
    place = place_of(number, births.child, index)
    if place < 0:
        return depth, queue, 0
    depth[place] = 0
    queue[0] = place
    return depth, queue, 1


@kernel
def ancestors(number: np.uint64, births: Links, index: Index) -> tuple[Rows, npt.NDArray[np.int32]]:
    """Places of a genome and all its ancestors, nearest first, and their least distances, shapes (found,)."""
    depth, queue, tail = _begin(number, births, index)
    head = 0
    while head < tail:
        own = queue[head]
        head += 1
        place = own
        while place >= 0:
            row = index.order[place]
            for parent in (births.mother[row], births.father[row]):
                if parent != _NOBODY:
                    found = place_of(parent, births.child, index)
                    if found >= 0 and depth[found] < 0:
                        depth[found] = depth[own] + 1
                        queue[tail] = found
                        tail += 1
            place = next_place(place, births.child, index)
    return queue[:tail].copy(), depth[queue[:tail]]


@kernel
def children_of(births: Links, index: Index) -> Index:
    """The births of each parent, by the parent's place: those of place p are ``order[starts[p] : starts[p + 1]]``.

    Given are the places of the children.
    """
    n = len(births.child)
    starts = np.zeros(n + 1, np.int32)
    links = np.empty((n, 2), np.int32)
    for row in range(n):
        links[row, 0] = place_of(births.mother[row], births.child, index) if births.mother[row] != _NOBODY else -1
        links[row, 1] = place_of(births.father[row], births.child, index) if births.father[row] != _NOBODY else -1
        for which in range(2):
            if links[row, which] >= 0:
                starts[links[row, which] + 1] += 1
    for place in range(n):
        starts[place + 1] += starts[place]
    order, used = np.empty(starts[n], np.int32), starts[:-1].copy()
    for row in range(n):
        for which in range(2):
            parent = links[row, which]
            if parent >= 0:
                order[used[parent]] = place_of(births.child[row], births.child, index)
                used[parent] += 1
    return Index(starts, order)


@kernel
def descendants(number: np.uint64, births: Links, index: Index) -> tuple[Rows, npt.NDArray[np.int32]]:
    """Places of a genome and all its descendants, nearest first, and their least distances, shapes (found,)."""
    family = children_of(births, index)
    depth, queue, tail = _begin(number, births, index)
    head = 0
    while head < tail:
        own = queue[head]
        head += 1
        for link in range(family.starts[own], family.starts[own + 1]):
            child = family.order[link]
            if depth[child] < 0:
                depth[child] = depth[own] + 1
                queue[tail] = child
                tail += 1
    return queue[:tail].copy(), depth[queue[:tail]]


@kernel
def earlier(one: int, other: int, births: Births) -> bool:
    """Is birth ``one`` told before ``other`` of the same genome? By generation, island and operator."""
    if births.generation[one] != births.generation[other]:
        return births.generation[one] < births.generation[other]
    if births.island[one] != births.island[other]:
        return births.island[one] < births.island[other]
    return births.operator_code[one] < births.operator_code[other]


@kernel
def tell(places: Rows, births: Births, index: Index) -> Told:
    """What is told of the genomes at these places (k,)."""
    count = len(places)
    most = 0
    for own in places:
        place = own
        while place >= 0:
            most += 2
            place = next_place(place, births.child, index)
    first, starts = np.empty(count, np.int64), np.zeros(count + 1, np.int64)
    parents, numbers = np.empty(most, np.int64), np.empty(most, np.uint64)
    used = 0
    for k in range(count):
        place = places[k]
        first[k] = index.order[place]
        while place >= 0:
            row = index.order[place]
            if earlier(row, first[k], births):
                first[k] = row
            for parent in (births.mother[row], births.father[row]):
                at = starts[k]
                while at < used and numbers[at] < parent:
                    at += 1
                if parent != _NOBODY and (at == used or numbers[at] != parent):
                    for later in range(used, at, -1):
                        numbers[later] = numbers[later - 1]
                    numbers[at] = parent
                    used += 1
            place = next_place(place, births.child, index)
        starts[k + 1] = used
    for at in range(used):
        place = place_of(numbers[at], births.child, index)
        parents[at] = index.order[place] if place >= 0 else -1
    return Told(first, starts, parents[:used], numbers[:used])


@kernel
def contributions(weight: npt.NDArray[np.float64], youngest_first: Rows, told: Told, number_of: Rows) -> None:
    """In place: what each genome holds, ``weight`` (genomes,), goes to its parents in equal parts; founders keep it.

    The expected share of a founder's genes in those that had weight (R. C. Lacy, Zoo Biology 8, 1989).
    ``number_of`` (births,): which genome of ``told`` a row is of. A parent as young as its child, who was bred before,
    is none.
    """
    done = np.zeros(len(weight), np.bool_)
    for k in youngest_first:
        done[k] = True
        known = 0
        for at in range(told.starts[k], told.starts[k + 1]):
            known += told.parents[at] >= 0 and not done[number_of[told.parents[at]]]
        if known > 0 and weight[k] > 0.0:
            for at in range(told.starts[k], told.starts[k + 1]):
                if told.parents[at] >= 0 and not done[number_of[told.parents[at]]]:
                    weight[number_of[told.parents[at]]] += weight[k] / known
            weight[k] = 0.0
