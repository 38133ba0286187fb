"""Crossover and mutation, one operator at a time over whole populations: inheritance, steps and shares."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from common.genome import codec
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, REAL_GENES, REAL_SLOT
from common.genome.layout import TREES, Population
from common.genome.slots import (
    NO_TRANSFORM,
    OPERANDS,
    PREDICATES,
    SLOT_ALLELES,
    SLOT_BASE,
    SLOTS,
    SOURCES,
    TRANSFORM_GENES,
    TRANSFORMS,
)
from common.genome.tree import END, subtree_start
from common.kernel import kernel
from common.random import new_stream, open_stream
from generator import crossover, mutation, slot_mutation
from generator.gates import speaks
from generator.initialise import random_population, repair
from generator.slots import adopt
from generator.tables import (
    ALLELE,
    LOCI,
    MASK,
    REAL,
    REAL_HIGH,
    REAL_LOW,
    SILENCED,
    SLOT,
    TREE,
    Genes,
    Settings,
    pack,
    unpack,
)
from generator.trees import length

ONE_POINT, UNIFORM, SUBTREE, GAUSSIAN, CREEP, RESET, FLIP, SLOTWISE = range(8)
INTRADAY = Settings(instruments=16, hours=True)
SIZE = 4_000


@kernel
def adopt_both(children: Genes, row: int, parents: Genes, other: int) -> None:
    """As breeding does after a crossover."""
    adopt(children, row, parents, row)
    adopt(children, row, parents, other)


@kernel
def apply(kind: int, children: Genes, parents: Genes, settings: Settings) -> None:
    """Child k, so far a copy of parent k, is crossed with parent k + 1, or mutated."""
    stream = new_stream(5, 0, 0, 0)
    for row in range(len(children.alleles)):
        open_stream(stream, 5, 0, 1, row)
        other = (row + 1) % len(parents.alleles)
        if kind == 0:
            crossover.one_point(stream, children, row, parents, other)
            adopt_both(children, row, parents, other)
        elif kind == 1:
            crossover.uniform_crossover(stream, children, row, parents, other)
            adopt_both(children, row, parents, other)
        elif kind == 2:
            crossover.subtree_crossover(stream, children, row, parents, other)
            adopt_both(children, row, parents, other)
        elif kind == 3:
            mutation.gaussian(stream, children, row, settings)
        elif kind == 4:
            mutation.creep(stream, children, row, settings)
        elif kind == 5:
            mutation.reset(stream, children, row, settings)
        elif kind == 6:
            mutation.flip(stream, children, row, settings)
        else:
            slot_mutation.mutate_slot(stream, children, row)
        repair(stream, children, row)


def both_sides(size: int) -> Population:
    """Random genomes whose trees are all open and ask no slot, so that nothing needs repair."""
    drawn = random_population(8 * size, INTRADAY, 1, 0, 0)
    is_open = drawn["alleles"][:, ALLELE_SLOT["entry.direction"]] == 2
    return drawn[is_open & ~(drawn["trees"] >= SLOT_BASE).any(axis=(1, 2))][:size]


def changed(kind: int, population: Population, settings: Settings = INTRADAY) -> Population:
    children, parents = unpack(population), unpack(population)
    apply(kind, children, parents, settings)
    result = pack(children)
    assert codec.valid(result).all()
    return result


def gene(population: Population, locus: int) -> npt.NDArray[np.int64]:
    """Gene ``LOCI[locus]`` of each genome as comparable numbers (n, width)."""
    block, slot = LOCI[locus]
    if block == SLOT:
        first = TRANSFORM_GENES[slot]
        parts = population["alleles"][:, first : first + SLOT_ALLELES], population["feature_sources"][:, slot]
        return np.concatenate(parts, axis=1).astype(np.int64)
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
    assert varied.sum() == len(LOCI) - 2  # all but the direction and the portfolio method, of which births have one
    often, half = taken.sum(axis=0)[varied], told.sum(axis=0)[varied] / 2.0
    assert (np.abs(often - half) < 4.5 * np.sqrt(half / 2.0)).all()  # of a binomial law's deviations
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
    assert len(np.unique(first_taken)) >= len(LOCI) - 2
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
    steps = np.array([share(mutation.step_real(stream, middle, slot, mutation.STEP)) for _ in range(20_000)]) - share(
        middle
    )
    assert stats.kstest(steps / mutation.STEP, "norm").pvalue > 1e-3
    assert steps.std() == pytest.approx(mutation.STEP, rel=0.03)
    for end, sign in ((low, 1), (high, -1)):
        steps = np.array([share(mutation.step_real(stream, end, slot, mutation.STEP)) for _ in range(5_000)]) - share(
            end
        )
        assert stats.kstest(sign * steps / mutation.STEP, "halfnorm").pvalue > 1e-3


def test_creep_moves_an_ordered_allele_to_a_neighbour_either_way() -> None:
    parents = random_population(SIZE, INTRADAY, 3, 0, 0)
    child = changed(CREEP, parents)
    assert (differs(child, parents).sum(axis=1) == 1).mean() > 0.999
    slot = ALLELE_SLOT["exit.time_exit_bars"]
    both = [p["alleles"][:, slot].astype(int) for p in (parents, child)]
    before, after = (one[both[0] != both[1]] for one in both)
    assert len(before) > SIZE / 10
    assert (np.abs(after - before) == 1).all()
    last = len(ALLELE_GENES[slot].alleles) - 1
    inner = (before > 0) & (before < last)
    assert (after > before)[inner].mean() == pytest.approx(0.5, abs=0.05)
    assert (after[before == 0] == 1).all()
    assert (after[before == last] == last - 1).all()


def test_reset_draws_one_gene_anew_that_is_no_tree() -> None:
    parents = random_population(SIZE, INTRADAY, 4, 0, 0)
    parents = parents[parents["alleles"][:, ALLELE_SLOT["entry.direction"]] == 2]
    parents["alleles"][:, ALLELE_SLOT["portfolio.method"]] = np.arange(len(parents)) % 4  # so that its genes speak
    difference = differs(changed(RESET, parents), parents)
    assert not difference[:, : len(TREES)].any()
    assert (difference.sum(axis=1) <= 2).all()
    assert difference.any(axis=1).mean() > 0.95
    plain = ~np.isin(LOCI[:, 0], (TREE, SLOT))
    assert difference.any(axis=0)[plain].all()
    assert not difference[:, LOCI[:, 0] == SLOT].any()


def test_flip_changes_one_bit_and_empties_only_what_may_be_empty() -> None:
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
    alleles = [gene for gene in ALLELE_GENES if gene.expressed and gene.chromosome != "features"]
    expected = len(alleles) + sum(g.expressed for g in REAL_GENES) + len(MASK_GENES) + len(TREES) + SLOTS
    assert len({tuple(locus) for locus in LOCI}) == len(LOCI) == expected
    assert all(ALLELE_GENES[slot] in alleles for block, slot in LOCI if block == ALLELE)


def asked(population: Population) -> npt.NDArray[np.bool_]:
    """Which slots the trees of each genome ask (n, SLOTS)."""
    tokens = population["trees"].reshape(len(population), -1).astype(np.int64)
    slots = np.where(tokens >= SLOT_BASE, (tokens - SLOT_BASE) // PREDICATES, -1)
    return np.stack([(slots == slot).any(axis=1) for slot in range(SLOTS)], axis=1)


def askers(key: int) -> Population:
    """Random genomes of both sides, each with a slot of some transform that the first leaf of an entry asks."""
    drawn = random_population(4 * SIZE, INTRADAY, key, 0, 0)
    drawn = drawn[drawn["alleles"][:, ALLELE_SLOT["entry.direction"]] == 2][:SIZE]
    rng, rows = np.random.Generator(np.random.Philox(key)), np.arange(len(drawn))
    slots = rng.integers(SLOTS, size=len(drawn))
    transforms = (NO_TRANSFORM + rng.integers(1, len(TRANSFORMS), len(drawn))) % len(TRANSFORMS)
    read = np.arange(2) < OPERANDS[transforms][:, None]
    drawn["alleles"][rows, TRANSFORM_GENES[slots]] = transforms
    drawn["feature_sources"][rows, slots] = np.where(read, rng.integers(SOURCES, size=read.shape), 0)
    entries = 2 * rng.integers(2, size=len(drawn))
    drawn["trees"][rows, entries, 0] = SLOT_BASE + slots * PREDICATES + rng.integers(PREDICATES, size=len(drawn))
    return drawn


@pytest.mark.parametrize("kind", [ONE_POINT, UNIFORM, SUBTREE])
def test_a_tree_that_asks_a_slot_brings_it_along_where_the_child_has_none(kind: int) -> None:
    parents = askers(7)
    other = np.roll(parents, -1)
    child = changed(kind, parents)
    for slot, first in enumerate(TRANSFORM_GENES):
        locus = int(((SLOT, slot) == LOCI).all(axis=1).argmax())
        new = asked(child)[:, slot] & ~asked(parents)[:, slot]
        assert new.any()
        own, others = (differs(child, parent)[new, locus] for parent in (parents, other))
        assert not (own & others).any()  # of one parent, as a whole
        came = new & (parents["alleles"][:, first] == NO_TRANSFORM)
        assert came.any()
        assert (child["alleles"][came, first] != NO_TRANSFORM).all()


def test_slot_mutation_changes_a_slot_in_use_or_takes_one_into_use() -> None:
    parents = np.concatenate([random_population(SIZE, INTRADAY, 8, 0, 0), askers(8)])
    child = changed(SLOTWISE, parents)
    difference = differs(child, parents)
    assert {LOCI[k, 0] for k in np.flatnonzero(difference.any(axis=0))} == {TREE, SLOT}
    before, after = asked(parents), asked(child)
    idle = ~before.any(axis=1)
    assert (after[idle].sum(axis=1) == 1).all()
    assert (difference[idle][:, LOCI[:, 0] == TREE].sum(axis=1) == 1).all()
    slots = difference[:, LOCI[:, 0] == SLOT]
    assert (slots.sum(axis=1) <= 1).all()
    assert (slots <= before | after).all()
    live = [population["alleles"][:, TRANSFORM_GENES] != NO_TRANSFORM for population in (parents, child)]
    assert (live[0] & ~live[1]).any()
    for part in range(SLOT_ALLELES):
        assert (parents["alleles"][:, TRANSFORM_GENES + part] != child["alleles"][:, TRANSFORM_GENES + part]).any()
    assert (parents["feature_sources"] != child["feature_sources"]).any(axis=(0, 1)).all()


def test_sources_that_no_transform_reads_are_zero() -> None:
    child = changed(SLOTWISE, askers(9))
    read = np.arange(2) < OPERANDS[child["alleles"][:, TRANSFORM_GENES]][:, :, None]
    assert not child["feature_sources"][~read].any()
    assert child["feature_sources"][read].any()


@pytest.mark.parametrize(
    ("path", "change", "heard"),
    [
        ("exit.target_distance", {"exit.target_kind": 1}, True),
        ("exit.target_distance", {"exit.target_kind": 0}, False),
        ("execution.limit_offset_bps", {"entry.order_type": 0}, False),
        ("execution.limit_offset_bps", {"entry.order_type": 2}, True),
        ("portfolio.weight_3", {"portfolio.method": 1}, True),
        ("portfolio.weight_3", {"portfolio.method": 0}, False),
        ("exit.stop_distance", {}, True),
    ],
)
def test_a_number_speaks_where_the_allele_that_calls_it_is_set(path: str, change: dict[str, int], heard: bool) -> None:
    population = random_population(1, INTRADAY, 1, 0, 0)
    population["masks"][:, SILENCED] = 0
    for name, allele in change.items():
        population["alleles"][:, ALLELE_SLOT[name]] = allele
    assert speaks(unpack(population), 0, REAL, REAL_SLOT[path], INTRADAY) == heard
    population["masks"][:, SILENCED] = 1  # the target
    still = heard and not path.startswith("exit.target")
    assert speaks(unpack(population), 0, REAL, REAL_SLOT[path], INTRADAY) == still


def test_nothing_is_split_between_instruments_where_there_is_one() -> None:
    genes = unpack(random_population(1, INTRADAY, 1, 0, 0))
    genes.alleles[:, ALLELE_SLOT["portfolio.method"]] = 1
    for path in ("portfolio.weight_0", "portfolio.weight_7", "portfolio.correlation_max"):
        assert not speaks(genes, 0, REAL, REAL_SLOT[path], Settings(instruments=1))
        assert speaks(genes, 0, REAL, REAL_SLOT[path], Settings(instruments=2))
    for path in ("portfolio.method", "portfolio.instrument", "portfolio.rebalance_bars"):
        assert not speaks(genes, 0, ALLELE, ALLELE_SLOT[path], Settings(instruments=1))
        assert speaks(genes, 0, ALLELE, ALLELE_SLOT[path], Settings(instruments=2))
