"""Discoveries: who first brought a condition under an operator into the population, and whether it still pays.

A discovery is a pair of tokens of a logic tree: a condition, which names a feature and what is asked of it, and the
operator right above it. It is known while a member of population or archive carries it, and its discoverer is credited
while it pays: while a member of the population does, whether it inherited the pair or found it once more.
"""

import numpy as np
import numpy.typing as npt

from common.events.spec import RunSpec
from common.genome.layout import GENOME
from selector.learned import DISCOVERY, Learned
from selector.pairs import Keys, pairs
from selector.state import Members

DISCOVERIES = "discoveries"
BREAKTHROUGH, NEW_GENERATIONS = 0.25, 10
"""A discovery that so large a share of the population carries while it is so young is a breakthrough."""


def discovered(learned: Learned, population: Members, archive: Members, generation: int, run: RunSpec) -> Learned:
    """What is learned of discoveries when ``generation`` has closed with this population and archive.

    Of several members that bring the same at once the first by id is the discoverer. What nobody carries any more is
    forgotten, and may be discovered again.
    """
    if run.evolution.adaptation.innovation == 0:
        return learned
    known = learned[DISCOVERIES]
    members = np.concatenate([population, archive])
    ids = np.ascontiguousarray(members["genome_id"]).view("S16")
    rows, keys = _pairs_of(members)
    order = np.lexsort((ids[rows], keys))
    found, first = np.unique(keys[order], return_index=True)
    carriers = _carriers(population, found)
    table = np.zeros(len(found), DISCOVERY)
    table["key"], table["discoverer"] = found, members["genome_id"][rows[order][first]]
    table["generation"] = generation
    place = np.searchsorted(known["key"], found)
    old = np.zeros(len(found), np.bool_)
    inside = place < len(known)
    old[inside] = known["key"][place[inside]] == found[inside]
    for name in ("discoverer", "generation", "breakthrough"):
        table[name][old] = known[name][place[old]]
    # What the first generation brings was drawn, not discovered.
    table["first"] = np.where(old, False, len(known) == 0)
    table["first"][old] = known["first"][place[old]]
    young = (table["first"] == 0) & (generation - table["generation"].astype(np.int64) <= NEW_GENERATIONS)
    taken = young & (carriers >= BREAKTHROUGH * max(1, len(population)))
    won = int((taken & (table["breakthrough"] == 0)).sum())
    table["breakthrough"][taken] = 1
    table["carriers"] = carriers
    return learned | {DISCOVERIES: table, "breakthroughs": learned["breakthroughs"].sum(keepdims=True) + np.uint64(won)}


def paying(learned: Learned) -> npt.NDArray[np.void]:
    """The discoveries that members carry and that were not there from the beginning."""
    known = learned[DISCOVERIES]
    return known[(known["first"] == 0) & (known["carriers"] > 0)]


def bonus(learned: Learned, members: Members, run: RunSpec) -> npt.NDArray[np.float64]:
    """What the crowding distance of each member (n,) gains: that of the run for whoever is credited, else 0."""
    credited = np.ascontiguousarray(paying(learned)["discoverer"]).view("S16")
    ids = np.ascontiguousarray(members["genome_id"]).view("S16")
    return np.where(np.isin(ids, credited), run.evolution.adaptation.innovation, 0.0)


def _pairs_of(members: Members) -> tuple[npt.NDArray[np.int64], Keys]:
    genomes = np.ascontiguousarray(members["genome"]).view(GENOME)
    return pairs(np.ascontiguousarray(genomes["trees"]))


def _carriers(population: Members, found: Keys) -> npt.NDArray[np.int64]:
    """How many members of the population carry each of the ``found`` keys, which ascend."""
    rows, keys = _pairs_of(population)
    distinct = np.unique(keys.astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64)) >> np.uint64(32)
    places, counts = np.unique(np.searchsorted(found, distinct.astype(np.uint32)), return_counts=True)
    carriers = np.zeros(len(found), np.int64)
    carriers[places] = counts
    return carriers
