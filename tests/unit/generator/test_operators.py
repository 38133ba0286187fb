"""Crossover and mutation, one operator at a time over whole populations: inheritance, steps and shares."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from common.genome import codec
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, REAL_GENES, REAL_SLOT
from common.genome.layout import TREES, Population
from common.genome.tree import CONDITION_BASE, END, subtree_start
from common.kernel import kernel
from common.random import new_stream, open_stream
from generator import crossover, mutation
from generator.initialise import random_population, repair
from generator.tables import ALLELE, LOCI, MASK, REAL, REAL_HIGH, REAL_LOW, Genes, Settings, pack, unpack
from generator.trees import length

ONE_POINT, UNIFORM, SUBTREE, GAUSSIAN, CREEP, RESET, FLIP = range(7)
INTRADAY = Settings(instruments=16, hours=True)
SIZE = 4_000


@kernel
def apply(kind: int, children: Genes, parents: Genes, settings: Settings) -> None:
    """Child k, so far a copy of parent k, is crossed with parent k + 1, or mutated."""
    stream = new_stream(5, 0, 0, 0)
    for row in range(len(children.alleles)):
        open_stream(stream, 5, 0, 1, row)
        other = (row + 1) % len(parents.alleles)
        if kind == 0:
            crossover.one_point(stream, children, row, parents, other)
        elif kind == 1:
            crossover.uniform_crossover(stream, children, row, parents, other)
        elif kind == 2:
            crossover.subtree_crossover(stream, children, row, parents, other)
        elif kind == 3:
            mutation.gaussian(stream, children, row, settings)
        elif kind == 4:
            mutation.creep(stream, children, row)
        elif kind == 5:
            mutation.reset(stream, children, row, settings)
        else:
            mutation.flip(stream, children, row, settings)
        repair(stream, children, row)


def both_sides(size: int) -> Population:
    """Random genomes whose direction is both, so that no tree is empty by right and nothing needs repair."""
    drawn = random_population(4 * size, INTRADAY, 1, 0, 0)
    return drawn[drawn["alleles"][:, ALLELE_SLOT["entry.direction"]] == 2][:size]


def changed(kind: int, population: Population, settings: Settings = INTRADAY) -> Population:
    children, parents = unpack(population), unpack(population)
    apply(kind, children, parents, settings)
    result = pack(children)
    assert codec.valid(result).all()
    return result


def gene(population: Population, locus: int) -> npt.NDArray[np.int64]:
    """Gene ``LOCI[locus]`` of each genome as comparable numbers (n, width)."""
    block, slot = LOCI[locus]
    column = population[("alleles", "reals", "masks", "trees")[block]][:, slot]
    return (column.view(np.uint32) if block == REAL else column).reshape(len(population), -1).astype(np.int64)


def differs(one: Population, other: Population) -> npt.NDArray[np.bool_]:
    """Where genes differ (n, loci)."""
    return np.stack([(gene(one, k) != gene(other, k)).any(axis=1) for k in range(len(LOCI))], axis=1)


@pytest.mark.parametrize("kind", [ONE_POINT, UNIFORM])
def test_every_gene_comes_from_one_of_the_parents(kind: int) -> None:
    parents = both_sides(SIZE)
    child = changed(kind, parents)
    assert not (differs(child, parents) & differs(child, np.roll(parents, -1))).any()


def test_uniform_crossover_takes_half_of_the_genes_from_each_independently() -> None:
    parents = both_sides(SIZE)
    other = np.roll(parents, -1)
    child, told = changed(UNIFORM, parents), differs(parents, other)
    taken = differs(child, parents)
    varied = told.any(axis=0)
    assert varied.sum() == len(LOCI) - 1  # all but the direction
    assert (taken.sum(axis=0) / told.sum(axis=0).clip(1))[varied] == pytest.approx(0.5, abs=0.05)
    first, second = (LOCI == (REAL, 0)).all(axis=1).argmax(), (LOCI == (REAL, 6)).all(axis=1).argmax()
    assert stats.chi2_contingency(np.histogram2d(taken[:, first], taken[:, second], 2)[0]).pvalue > 1e-3


def test_one_point_crossover_switches_once_and_at_every_locus() -> None:
    parents = both_sides(SIZE)
    other = np.roll(parents, -1)
    child, told = changed(ONE_POINT, parents), differs(parents, other)
    taken = differs(child, parents)
    last_own = np.where(told & ~taken, np.arange(len(LOCI)), -1).max(axis=1)
    first_taken = np.where(taken, np.arange(len(LOCI)), len(LOCI)).min(axis=1)
    assert (last_own < first_taken).all()
    assert len(np.unique(first_taken)) >= len(LOCI) - 1
    assert not taken[:, 0].any()


def subtrees(tree: npt.NDArray[np.uint16]) -> set[bytes]:
    return {tree[subtree_start(tree, end) : end + 1].tobytes() for end in range(length(tree))}


def test_subtree_crossover_puts_a_subtree_of_the_other_parent_into_one_tree_of_the_same_role() -> None:
    parents = both_sides(1_500)
    other = np.roll(parents, -1)
    child = changed(SUBTREE, parents)
    difference = differs(child, parents)
    assert not difference[:, len(TREES) :].any()
    assert (difference.sum(axis=1) <= 1).all()
    assert difference.any(axis=1).mean() > 0.9
    for row in np.flatnonzero(difference.any(axis=1)):
        which = int(difference[row].argmax())
        new = child["trees"][row, which]
        donors = [other["trees"][row, which], other["trees"][row, (which + 2) % 4]]
        assert subtrees(new) & (subtrees(donors[0]) if donors[0][0] != END else subtrees(donors[1]))


def test_gaussian_mutation_moves_one_number_that_speaks_by_a_normal_step() -> None:
    parents = random_population(SIZE, INTRADAY, 2, 0, 0)
    child = changed(GAUSSIAN, parents)
    difference = differs(child, parents)
    assert (difference.sum(axis=1) <= 1).all()
    assert difference.any(axis=1).mean() > 0.99
    assert {LOCI[k, 0] for k in np.flatnonzero(difference.any(axis=0))} == {REAL}
    target = differs(child, parents)[:, ((REAL, REAL_SLOT["exit.target_distance"]) == LOCI).all(axis=1)][:, 0]
    assert target.any()
    assert (parents["alleles"][target, ALLELE_SLOT["exit.target_kind"]] > 0).all()


@pytest.mark.parametrize("path", ["risk.volatility_target", "exit.stop_distance"])
def test_the_step_is_a_tenth_of_the_range_and_reflected_at_the_ends(path: str) -> None:
    slot = REAL_SLOT[path]
    low, high = REAL_LOW[slot], REAL_HIGH[slot]
    scale = path.startswith("exit")

    def share(value: float) -> float:
        return float(np.log(value / low) / np.log(high / low) if scale else (value - low) / (high - low))

    middle = float(np.sqrt(low * high) if scale else (low + high) / 2)
    stream = new_stream(4, 0, 0, 0)
    steps = np.array([share(mutation.step_real(stream, middle, slot)) for _ in range(20_000)]) - share(middle)
    assert stats.kstest(steps / mutation.STEP, "norm").pvalue > 1e-3
    assert steps.std() == pytest.approx(mutation.STEP, rel=0.03)
    for end, sign in ((low, 1), (high, -1)):
        steps = np.array([share(mutation.step_real(stream, end, slot)) for _ in range(5_000)]) - share(end)
        assert stats.kstest(sign * steps / mutation.STEP, "halfnorm").pvalue > 1e-3


def test_creep_moves_an_ordered_allele_to_a_neighbour_either_way() -> None:
    parents = random_population(SIZE, INTRADAY, 3, 0, 0)
    child = changed(CREEP, parents)
    slot = ALLELE_SLOT["exit.time_exit_bars"]
    before, after = (p["alleles"][:, slot].astype(int) for p in (parents, child))
    assert (np.abs(after - before) == 1).all()
    last = len(ALLELE_GENES[slot].alleles) - 1
    inner = (before > 0) & (before < last)
    assert (after > before)[inner].mean() == pytest.approx(0.5, abs=0.05)
    assert (after[before == 0] == 1).all()
    assert (after[before == last] == last - 1).all()
    assert (differs(child, parents).sum(axis=1) == 1).all()


def test_reset_draws_one_gene_anew_that_is_no_tree() -> None:
    parents = random_population(SIZE, INTRADAY, 4, 0, 0)
    parents = parents[parents["alleles"][:, ALLELE_SLOT["entry.direction"]] == 2]
    difference = differs(changed(RESET, parents), parents)
    assert not difference[:, : len(TREES)].any()
    assert (difference.sum(axis=1) <= 2).all()
    assert difference.any(axis=1).mean() > 0.95
    assert difference.any(axis=0)[len(TREES) :].all()


def test_flip_changes_a_mask_and_never_empties_it() -> None:
    parents = random_population(SIZE, INTRADAY, 5, 0, 0)
    parents["masks"][::2, 0] = 1 << np.arange(len(parents[::2])) % 5
    child = changed(FLIP, parents)
    difference = differs(child, parents)
    assert (difference.sum(axis=1) == 1).all()
    assert {LOCI[k, 0] for k in np.flatnonzero(difference.any(axis=0))} == {MASK}
    bits = np.bitwise_count(child["masks"] ^ parents["masks"]).sum(axis=1)
    assert (bits == 1).all()


def test_hours_and_instrument_stay_where_they_mean_nothing() -> None:
    parents = random_population(SIZE, Settings(), 6, 0, 0)
    for kind in (RESET, FLIP):
        child = changed(kind, parents, Settings())
        assert (child["masks"][:, 1] == parents["masks"][:, 1]).all()
        assert (child["alleles"][:, ALLELE_SLOT["portfolio.instrument"]] == 0).all()


def test_loci_are_the_expressed_genes_once_each() -> None:
    expected = sum(g.expressed for g in ALLELE_GENES) + sum(g.expressed for g in REAL_GENES) + 4 + len(TREES)
    assert len({tuple(locus) for locus in LOCI}) == len(LOCI) == expected
    assert all(ALLELE_GENES[slot].expressed for block, slot in LOCI if block == ALLELE)
    assert len(LOCI) < CONDITION_BASE  # a locus fits into the 64 bits of uniform crossover
