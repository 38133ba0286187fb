"""Random genomes: valid, varied, tempered, and a function of their names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.genome import codec
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, REAL_GENES, REAL_SLOT
from common.genome.layout import Population
from common.genome.slots import NO_TRANSFORM, OPERANDS, PREDICATES, SLOT_BASE, SOURCES, TRANSFORM_GENES
from common.genome.tree import CONDITION_BASE
from generator.initialise import random_population
from generator.tables import (
    ALLELE_CUMULATIVE,
    MASK_BITS,
    MASK_USUAL,
    MASK_USUAL_SHARE,
    REAL_DEFAULT,
    REAL_DEFAULT_SHARE,
    REAL_IS_LOG,
    SILENCED,
    Settings,
)
from generator.trees import SLOT_SHARE

INTRADAY = Settings(instruments=5, hours=True)


@pytest.fixture(scope="module")
def many() -> Population:
    return random_population(20_000, INTRADAY, 1, 2, 3)


def test_all_are_valid_and_different(many: Population) -> None:
    assert codec.valid(many).all()
    assert len(set(codec.genome_ids(many).tolist())) == len(many)


@given(st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_a_row_depends_on_its_slot_alone(key: int, island: int, cut: int) -> None:
    whole = random_population(60, INTRADAY, key, island, 0)
    parts = [random_population(n, INTRADAY, key, island, 0, first) for n, first in ((cut, 0), (60 - cut, cut))]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_islands_generations_and_seeds_differ() -> None:
    drawn = {random_population(4, INTRADAY, *name).tobytes() for name in ((1, 0, 0), (1, 1, 0), (1, 0, 1), (2, 0, 0))}
    assert len(drawn) == 4


@pytest.mark.parametrize("slot", [s for s, gene in enumerate(ALLELE_GENES) if gene.expressed])
def test_alleles_have_their_shares(many: Population, slot: int) -> None:
    counts = np.bincount(many["alleles"][:, slot], minlength=ALLELE_CUMULATIVE.shape[1])
    if ALLELE_GENES[slot].path == "portfolio.instrument":
        shares = np.repeat([0.2, 0.0], [5, len(counts) - 5])
    else:
        shares = np.diff(ALLELE_CUMULATIVE[slot], prepend=0.0)
    assert counts / len(many) == pytest.approx(shares, abs=0.015)


@pytest.mark.parametrize("slot", [s for s, gene in enumerate(REAL_GENES) if gene.expressed])
def test_numbers_are_uniform_and_scales_log_uniform_where_not_at_their_default(many: Population, slot: int) -> None:
    gene, drawn = REAL_GENES[slot], many["reals"][:, slot].astype(float)
    usual = drawn == REAL_DEFAULT[slot]
    assert usual.mean() == pytest.approx(REAL_DEFAULT_SHARE[slot], abs=0.015)
    drawn = drawn[~usual]
    log, flat = stats.loguniform(gene.low, gene.high), stats.uniform(gene.low, gene.high - gene.low)
    law = log if REAL_IS_LOG[slot] else flat
    assert stats.kstest(drawn, law.cdf).pvalue > 1e-4


def test_sets_mostly_restrict_nothing_and_are_empty_only_where_they_may_be(many: Population) -> None:
    for slot, gene in enumerate(MASK_GENES):
        masks = many["masks"][:, slot]
        assert gene.may_be_empty or masks.min() > 0
        assert (masks == MASK_USUAL[slot]).mean() == pytest.approx(MASK_USUAL_SHARE[slot], abs=0.03)
        bits = (masks[:, None] >> np.arange(MASK_BITS[slot])) & 1
        assert np.ptp(bits.mean(axis=0)) < 0.03  # no bit is favoured


def test_what_is_not_expressed_is_never_silenced(many: Population) -> None:
    allowed = {"target", "trail", "time_exit", "signal_exit", "regime", "time"}
    bits = sum(1 << bit for bit, name in enumerate(MASK_GENES[SILENCED].bits) if name in allowed)
    assert not (many["masks"][:, SILENCED] & ~np.uint32(bits)).any()


def test_slots_are_live_as_often_as_told_and_only_live_ones_are_asked(many: Population) -> None:
    live = many["alleles"][:, TRANSFORM_GENES] != NO_TRANSFORM
    assert live.mean() == pytest.approx(1.0 - ALLELE_CUMULATIVE[TRANSFORM_GENES[0], NO_TRANSFORM], abs=0.01)
    tokens = many["trees"].reshape(len(many), -1)
    asks = tokens >= SLOT_BASE
    rows, _ = np.nonzero(asks)
    slots = (tokens[asks].astype(int) - SLOT_BASE) // PREDICATES
    assert live[rows, slots].all()
    leaves = (tokens >= CONDITION_BASE)[live.any(axis=1)].sum()
    assert asks.sum() / leaves == pytest.approx(SLOT_SHARE, abs=0.02)
    drawn = OPERANDS[many["alleles"][:, TRANSFORM_GENES]].sum()
    assert len(np.unique(many["feature_sources"])) > 0.5 * min(drawn, SOURCES)


def test_one_instrument_is_not_split() -> None:
    alone = random_population(1_000, Settings(), 1, 0, 0)
    assert not alone["alleles"][:, ALLELE_SLOT["portfolio.method"]].any()


def test_hours_are_left_alone_where_all_bars_are_days() -> None:
    daily = random_population(1_000, Settings(), 1, 0, 0)
    assert (daily["masks"][:, 1] == 2**24 - 1).all()


def test_trees_have_one_to_four_conditions_to_enter_and_none_to_three_to_leave(many: Population) -> None:
    conditions = (many["trees"] >= CONDITION_BASE).sum(axis=2)
    direction = many["alleles"][:, ALLELE_SLOT["entry.direction"]]
    for side, closed in ((slice(0, 2), 1), (slice(2, 4), 0)):
        entry, leave = conditions[direction != closed, side].T
        assert np.bincount(entry) / len(entry) == pytest.approx([0, 0.3, 0.4, 0.2, 0.1], abs=0.02)
        assert np.bincount(leave) / len(leave) == pytest.approx([0.25, 0.4, 0.25, 0.1], abs=0.02)
        assert not conditions[direction == closed, side].any()


def test_reserved_genes_keep_their_defaults(many: Population) -> None:
    weight = REAL_SLOT["ensemble.weight_technical"]
    assert (many["reals"][:, weight] == REAL_GENES[weight].default).all()
    assert (many["alleles"][:, ALLELE_SLOT["model.kind"]] == 0).all()
