"""The archive: the grid, one elite per cell whatever the order, niches in words, fair draws; and allele diversity."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.random import new_stream
from selector.archive import CELLS, EXPOSURE_EDGES, HOLDING_EDGES, LONG_EDGES, best_per_cell, cells, niche, sample
from selector.diversity import allele_diversity
from selector.elites import with_elites
from selector.state import MEMBER
from tests.unit.selector.island_world import SMALL, variant


def cell(holding: float, exposure: float, long_share: float) -> int:
    return int(cells(np.array([[holding, exposure, long_share]], np.float32))[0])


def test_the_grid_is_covered_from_corner_to_corner() -> None:
    assert cell(0, 0, 0) == 0
    assert cell(1e9, 1, 1) == CELLS - 1
    middles = [
        [(low + high) / 2 for low, high in pairwise((0, *edges, top))]
        for edges, top in ((HOLDING_EDGES, 500), (EXPOSURE_EDGES, 1), (LONG_EDGES, 1))
    ]
    every = [cell(a, b, c) for a in middles[0] for b in middles[1] for c in middles[2]]
    assert every == list(range(CELLS))


def test_a_value_on_an_edge_belongs_above_it() -> None:
    for edge in EXPOSURE_EDGES:
        below = float(np.nextafter(np.float32(edge), np.float32(0)))
        assert cell(3, edge, 1) - cell(3, below, 1) == len(LONG_EDGES) + 1


def test_niches_are_words_that_differ() -> None:
    assert niche(cell(12, 0.25, 1)) == "long, 8 to 16 bars, 20 to 35 % of the time"
    assert niche(cell(300, 0.95, 0.5)) == "both ways, 256 bars or more, 90 % or more of the time"
    assert len({niche(index) for index in range(CELLS)}) == CELLS


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3).map(float)), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_the_best_of_each_cell_is_kept_and_the_first_of_equals(rows: list[tuple[int, float]]) -> None:
    best = best_per_cell(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
    expected = [
        max((index for index, row in enumerate(rows) if row[0] == chosen), key=lambda index: (rows[index][1], -index))
        for chosen in sorted({row[0] for row in rows})
    ]
    assert best.tolist() == expected


def test_an_empty_archive_has_no_elites() -> None:
    assert len(best_per_cell(np.empty(0, np.int64), np.empty(0))) == 0


@pytest.mark.parametrize(("available", "wanted"), [(10, 4), (4, 4), (3, 10), (0, 5), (5, 0)])
def test_a_sample_has_no_repeats_and_is_ascending(available: int, wanted: int) -> None:
    drawn = sample(new_stream(np.uint64(1), 0, 0, 0), available, wanted)
    assert len(drawn) == min(available, wanted)
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert all(0 <= index < available for index in drawn)


def test_every_elite_is_drawn_equally_often() -> None:
    counts = np.zeros(10)
    for generation in range(4000):
        counts[sample(new_stream(np.uint64(7), 1, generation, 1 << 32), 10, 3)] += 1
    assert np.abs(counts / 4000 - 0.3).max() < 0.03


@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_diversity_is_the_mean_hamming_distance_of_all_pairs(members: int, genes: int, seed: int) -> None:
    alleles = np.random.default_rng(seed).integers(0, 4, (members, genes)).astype(np.uint8)
    pairs = [(alleles[a] != alleles[b]).mean() for a in range(members) for b in range(a)]
    assert allele_diversity(alleles) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_one_member_alone_has_no_diversity() -> None:
    assert allele_diversity(np.zeros((1, 5), np.uint8)) == allele_diversity(np.zeros((0, 5), np.uint8)) == 0.0


def test_a_cell_goes_to_the_greatest_first_objective_of_the_run() -> None:
    rivals = np.zeros(2, MEMBER)
    rivals["genome_id"] = np.arange(1, 5, dtype="<u8").view("V16")
    rivals["objectives"][:, :2] = [(2.0, -0.5), (1.0, -0.1)]
    for objectives, winner in ((("sharpe", "drawdown"), 0), (("drawdown", "sharpe"), 1), (("drawdown",), 1)):
        run = variant(evolution=SMALL.evolution.model_dump() | {"objectives": objectives})
        assert with_elites(rivals[:0], rivals, run)["genome_id"].tolist() == [rivals["genome_id"][winner].tolist()]
