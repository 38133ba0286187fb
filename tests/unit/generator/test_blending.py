"""Operators of whole genomes: blends of real genes, crossovers of many cuts and parents, steps and jumps."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from common.genome import codec
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, REAL_SLOT
from common.genome.layout import Population
from common.kernel import kernel
from common.random import new_stream, open_stream
from generator import blending, crossover, mutation
from generator.initialise import random_population, repair
from generator.scales import share_of, value_of
from generator.slots import adopt
from generator.tables import LOCI, REAL, REALS, Genes, Settings, pack, unpack

ARITHMETIC, HEURISTIC, SBX, DIFFERENTIAL, SWARM, N_POINT, MANY, UNIFORM, POLYNOMIAL, ADAPTIVE, JUMP = range(11)
BLENDS = [ARITHMETIC, HEURISTIC, SBX, DIFFERENTIAL, SWARM]
SETTINGS = Settings(instruments=3, hours=True, step=0.02)
SIZE = 3_000
STOP = REAL_SLOT["exit.stop_distance"]


@kernel
def apply(kind: int, children: Genes, parents: Genes, settings: Settings) -> None:
    """Child k, a copy of parent k, is crossed with parents k + 1 and k + 2, or mutated."""
    n = len(children.alleles)
    for row in range(n):
        stream = new_stream(5, 0, 0, 0)
        open_stream(stream, 5, 0, 1, row)
        one, other = (row + 1) % n, (row + 2) % n
        if kind == 0:
            blending.arithmetic_crossover(stream, children, row, parents, one, settings)
        elif kind == 1:
            blending.heuristic_crossover(stream, children, row, parents, row, one, settings)
        elif kind == 2:
            blending.sbx_crossover(stream, children, row, parents, one, settings)
        elif kind == 3:
            blending.differential_crossover(stream, children, row, parents, one, other, settings)
        elif kind == 4:
            blending.swarm_crossover(stream, children, row, parents, one, settings)
        elif kind == 5:
            crossover.n_point(stream, children, row, parents, one)
        elif kind == 6:
            crossover.multi_parent(stream, children, row, parents, np.array([row, one, other]))
        elif kind == 7:
            mutation.uniform_step(stream, children, row, settings)
        elif kind == 8:
            mutation.polynomial_step(stream, children, row, settings)
        elif kind == 9:
            mutation.adaptive_step(stream, children, row, settings)
        else:
            mutation.jump(stream, children, row, settings)
        for parent in (row, one, other):
            adopt(children, row, parents, parent)
        repair(stream, children, row)


def changed(kind: int, population: Population, settings: Settings = SETTINGS) -> Population:
    children = unpack(population)
    apply(kind, children, unpack(population), settings)
    assert codec.valid(pack(children)).all()
    return pack(children)


def shares(population: Population) -> npt.NDArray[np.float64]:
    """The real genes (n, reals) as shares of their ranges."""
    return np.array([[share_of(row[slot], slot) for slot in REALS] for row in population["reals"]])


PARENTS = random_population(SIZE, SETTINGS, 1, 0, 0)
A, B, C = (shares(np.roll(PARENTS, -shift)) for shift in range(3))
AT_STOP = int((REALS == STOP).argmax())


def test_shares_and_values_are_inverse() -> None:
    for slot in REALS:
        for share in np.linspace(0, 1, 11):
            assert share_of(value_of(share, slot), slot) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("kind", BLENDS)
def test_blending_changes_real_genes_alone_and_stays_within_their_ranges(kind: int) -> None:
    child = changed(kind, PARENTS)
    for block in ("alleles", "masks", "trees", "feature_sources"):
        assert np.array_equal(child[block], PARENTS[block])
    moved = shares(child) != A
    assert moved[:, AT_STOP].mean() > 0.4
    assert moved.any(axis=1).mean() > 0.95


def test_arithmetic_children_are_uniform_between_their_parents() -> None:
    c = shares(changed(ARITHMETIC, PARENTS))
    assert (c >= np.minimum(A, B) - 1e-6).all()
    assert (c <= np.maximum(A, B) + 1e-6).all()
    place = (c - A)[:, AT_STOP] / (B - A)[:, AT_STOP]
    assert stats.kstest(place, "uniform").pvalue > 1e-3


def test_heuristic_children_lie_beyond_the_better_parent() -> None:
    c = shares(changed(HEURISTIC, PARENTS))[:, AT_STOP]
    a, b = A[:, AT_STOP], B[:, AT_STOP]
    step = (c - a) * np.sign(a - b)
    assert (step >= -1e-6).all()
    assert (step <= np.abs(a - b) + 1e-6).all()
    room = np.where(a > b, 1 - a, a)
    free = np.abs(a - b) <= room
    assert stats.kstest((step / np.abs(a - b))[free], "uniform").pvalue > 1e-3


def test_differential_children_step_by_the_difference_of_two_more_parents() -> None:
    c = shares(changed(DIFFERENTIAL, PARENTS))[:, AT_STOP]
    wanted = A[:, AT_STOP] + blending.FACTOR * (B - C)[:, AT_STOP]
    inside = (wanted > 0) & (wanted < 1)
    stepped = np.abs(c - wanted) < 1e-6
    assert stepped[inside].mean() == pytest.approx(blending.CROSSED, abs=0.03)
    assert (stepped | (np.abs(c - A[:, AT_STOP]) < 1e-6))[inside].all()


def test_swarm_children_are_normal_round_the_middle_as_wide_as_the_parents_are_apart() -> None:
    c, a, b = (x[:, AT_STOP] for x in (shares(changed(SWARM, PARENTS)), A, B))
    middle, apart = (a + b) / 2, np.abs(a - b)
    near = (np.minimum(middle, 1 - middle) > 4.5 * apart) & (apart > 1e-4)  # of walls nothing is felt
    assert near.sum() > 50
    assert stats.kstest(((c - middle) / apart)[near], "norm").pvalue > 1e-3


def test_sbx_children_keep_the_middle_of_their_parents_on_average() -> None:
    c, a, b = (x[:, AT_STOP] for x in (shares(changed(SBX, PARENTS)), A, B))
    crossed = np.abs(c - a) > 1e-9
    assert crossed.mean() == pytest.approx(0.5, abs=0.04)
    assert (np.abs(c - (a + b) / 2) / np.abs(a - b))[crossed].mean() == pytest.approx(0.5, abs=0.05)
    assert (np.abs(c - a) < np.abs(c - b))[crossed].mean() == pytest.approx(0.5, abs=0.05)


def genes_taken(child: Population, parents: Population) -> npt.NDArray[np.bool_]:
    """Whether the real genes equal those of a parent (n, reals), in the order of ``LOCI``."""
    return child["reals"][:, REALS] == parents["reals"][:, REALS]


def test_n_points_cut_two_to_four_times() -> None:
    child, other = changed(N_POINT, PARENTS), np.roll(PARENTS, -1)
    own, others = genes_taken(child, PARENTS), genes_taken(child, other)
    assert (own | others).all()
    assert (own & ~others).any(axis=0).all()
    assert (others & ~own).any(axis=0).all()
    source = [row[told] for row, told in zip(others, own != others, strict=True)]
    switches = np.array([np.abs(np.diff(row.astype(int))).sum() for row in source])
    assert switches.max() <= crossover.CUTS_MAX
    assert (switches >= 2).mean() > 0.2
    assert (LOCI[:, 0] == REAL).sum() == len(REALS)


def test_each_gene_of_many_parents_comes_from_any_of_them_as_often() -> None:
    child = changed(MANY, PARENTS)
    taken = np.stack([genes_taken(child, np.roll(PARENTS, -shift))[:, AT_STOP] for shift in range(3)])
    assert (taken.sum(axis=0) == 1).all()
    assert stats.chisquare(taken.sum(axis=1)).pvalue > 1e-3


@pytest.mark.parametrize("kind", [UNIFORM, POLYNOMIAL, ADAPTIVE])
def test_a_step_moves_one_real_gene(kind: int) -> None:
    child = changed(kind, PARENTS)
    for block in ("alleles", "masks", "trees", "feature_sources"):
        assert np.array_equal(child[block], PARENTS[block])
    moved = child["reals"] != PARENTS["reals"]
    assert (moved.sum(axis=1) <= 1).all()
    # Half of the polynomial steps from a bound, where many defaults are, would lead out and stay there.
    assert moved.any(axis=1).mean() > (0.75 if kind == POLYNOMIAL else 0.97)


def test_uniform_steps_go_anywhere_and_adaptive_ones_as_far_as_the_island_asks() -> None:
    moved = changed(UNIFORM, PARENTS)["reals"][:, STOP] != PARENTS["reals"][:, STOP]
    assert moved.sum() > 100
    assert stats.kstest(shares(changed(UNIFORM, PARENTS))[moved, AT_STOP], "uniform").pvalue > 1e-3
    for step in (0.02, 0.1):
        child = changed(ADAPTIVE, PARENTS, SETTINGS._replace(step=step))
        moved = (child["reals"][:, STOP] != PARENTS["reals"][:, STOP]) & (np.abs(A[:, AT_STOP] - 0.5) < 0.2)
        steps = (shares(child) - A)[moved, AT_STOP]
        assert stats.kstest(steps / step, "norm").pvalue > 1e-3


def test_polynomial_steps_are_those_of_their_index() -> None:
    child = changed(POLYNOMIAL, PARENTS)
    moved = (child["reals"][:, STOP] != PARENTS["reals"][:, STOP]) & (np.abs(A[:, AT_STOP] - 0.5) < 0.3)
    steps = np.abs((shares(child) - A)[moved, AT_STOP])
    # Far from the bounds a step d has the chance 1 - (1 - d)^(eta + 1) of being no longer.
    power = mutation.POLYNOMIAL_ETA + 1
    assert stats.kstest(steps, lambda d: 1 - (1 - np.clip(d, 0, 1)) ** power).pvalue > 1e-3


def test_a_jump_puts_one_allele_anywhere_else() -> None:
    child = changed(JUMP, PARENTS)
    moved = child["alleles"] != PARENTS["alleles"]
    assert (moved.sum(axis=1) <= 1).all()
    assert moved.any(axis=1).mean() > 0.97
    slot = ALLELE_SLOT["exit.time_exit_bars"]
    counts = np.zeros((len(ALLELE_GENES[slot].alleles),) * 2)
    np.add.at(counts, (PARENTS["alleles"][moved[:, slot], slot], child["alleles"][moved[:, slot], slot]), 1)
    often = counts[0, 1:]  # from no exit in time, which is what most have
    assert stats.chisquare(often).pvalue > 1e-3
    assert not np.trace(counts)
    assert (child["alleles"][:, ALLELE_SLOT["portfolio.method"]] == 0).all()
    assert child["alleles"][:, ALLELE_SLOT["portfolio.instrument"]].max() == 2
