"""Canonical bytes, ids and validation of genomes."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import GenomeError
from common.genome import codec
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, REAL_GENES
from common.genome.layout import GENOME, GENOME_BYTES, RESERVED_BLOCKS, Population
from common.genome.slots import NO_TRANSFORM, SLOT_BASE, SLOT_TEXTS, SOURCES, TRANSFORM_GENES, TRANSFORMS
from common.genome.tree import CONDITION_BASE
from generator.initialise import random_population
from generator.tables import Settings


def genomes(size: int, key: int = 1) -> Population:
    return random_population(size, Settings(instruments=16, hours=True), key, 0, 0)


def test_random_genomes_survive_bytes_and_json_unchanged() -> None:
    population = genomes(5_000)
    data = population.tobytes()
    assert codec.decode(data).tobytes() == data
    again = np.array([codec.from_json(codec.to_json(genome)) for genome in population[:1_000]], GENOME)
    assert again.tobytes() == population[:1_000].tobytes()


def test_twenty_thousand_genomes_survive_bytes_with_distinct_ids() -> None:
    population = genomes(20_000, key=2)
    decoded = codec.decode(population.tobytes())
    ids = codec.genome_ids(decoded)
    assert np.array_equal(ids, codec.genome_ids(population))
    assert len(set(ids.tolist())) == 20_000


def test_ids_are_the_same_in_another_process() -> None:
    program = (
        "from generator.initialise import random_population; from generator.tables import Settings\n"
        "from common.genome.codec import genome_ids\n"
        "print(genome_ids(random_population(5, Settings(instruments=16, hours=True), 1, 0, 0)).tobytes().hex())"
    )
    here = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=here)
    assert found.stdout.strip() == codec.genome_ids(genomes(5)).tobytes().hex()


@given(st.binary(max_size=3 * GENOME_BYTES))
@settings(max_examples=200, deadline=None)
def test_any_bytes_decode_or_raise_a_genome_error(data: bytes) -> None:
    try:
        decoded = codec.decode(data)
    except GenomeError:
        return
    assert codec.valid(decoded).all()


@given(st.integers(0, 199), st.lists(st.tuples(st.integers(0, GENOME_BYTES - 1), st.integers(0, 255)), max_size=4))
@settings(max_examples=300, deadline=None)
def test_the_check_and_its_vectorised_twin_agree_on_damaged_genomes(row: int, damage: list[tuple[int, int]]) -> None:
    raw = bytearray(genomes(200)[row : row + 1].tobytes())
    for position, value in damage:
        raw[position] = value
    population = np.frombuffer(bytes(raw), GENOME)
    try:
        codec.check(population[0])
        fine = True
    except GenomeError:
        fine = False
    assert bool(codec.valid(population)[0]) == fine


def _refused(population: Population) -> str:
    assert not codec.valid(population).any()
    with pytest.raises(GenomeError) as caught:
        codec.decode(population.tobytes())
    return caught.value.gene


@pytest.mark.parametrize("slot", range(len(ALLELE_GENES)), ids=[gene.path for gene in ALLELE_GENES])
def test_an_allele_outside_its_table_is_refused_by_name(slot: int) -> None:
    population = genomes(1)
    population["alleles"][:, slot] = len(ALLELE_GENES[slot].alleles)
    assert _refused(population) == ALLELE_GENES[slot].path


@pytest.mark.parametrize("slot", range(len(REAL_GENES)), ids=[gene.path for gene in REAL_GENES])
def test_a_number_outside_its_range_is_refused_by_name(slot: int) -> None:
    gene = REAL_GENES[slot]
    for value in (np.nextafter(np.float32(gene.high), np.float32(np.inf)), np.nan, np.inf, -np.inf, gene.low - 1, -0.0):
        population = genomes(1)
        population["reals"][:, slot] = value
        assert _refused(population) == gene.path


@pytest.mark.parametrize("slot", range(len(MASK_GENES)), ids=[gene.path for gene in MASK_GENES])
def test_a_set_with_unknown_or_no_members_is_refused_by_name(slot: int) -> None:
    gene = MASK_GENES[slot]
    for value in (1 << len(gene.bits), 2**32 - 1) if gene.may_be_empty else (0, 1 << len(gene.bits), 2**32 - 1):
        population = genomes(1)
        population["masks"][:, slot] = value
        assert _refused(population) == gene.path


@pytest.mark.parametrize("block", RESERVED_BLOCKS)
def test_a_reserved_block_that_is_not_zero_is_refused_by_name(block: str) -> None:
    population = genomes(1)
    population[block] = 1
    assert _refused(population) == block


def test_a_source_outside_the_table_or_that_no_transform_reads_is_refused_by_name() -> None:
    for transform, sources in (("zscore", (SOURCES, 0)), ("zscore", (0, 1)), ("ratio", (1, SOURCES)), ("none", (1, 0))):
        population = genomes(1)
        population["trees"] = 0
        population["trees"][:, 0, 0] = CONDITION_BASE
        population["alleles"][:, ALLELE_SLOT["entry.direction"]] = 0
        population["alleles"][:, TRANSFORM_GENES[2]] = TRANSFORMS.index(transform)
        population["feature_sources"][:, 2] = 0
        assert codec.valid(population).all()
        population["feature_sources"][:, 2] = sources
        assert _refused(population) == "features.slot2_sources"


@pytest.mark.parametrize("which", range(4))
def test_a_question_to_a_slot_without_a_transform_is_refused_by_name(which: int) -> None:
    population = genomes(1)
    population["alleles"][:, TRANSFORM_GENES] = NO_TRANSFORM
    population["feature_sources"] = 0
    population["trees"][:, :, 0] = CONDITION_BASE
    population["trees"][:, :, 1:] = 0
    assert codec.valid(population).all()
    population["trees"][:, which, 0] = SLOT_BASE + SLOT_TEXTS.index("slot3 > 0")
    assert _refused(population) == "features.slot3_transform"


def test_another_version_and_a_wrong_length_are_refused() -> None:
    population = genomes(1)
    population["version"] = 1
    assert _refused(population) == "version"
    for data in (b"", b"\0", genomes(1).tobytes()[:-1]):
        with pytest.raises(GenomeError, match="bytes"):
            codec.decode(data)


@pytest.mark.parametrize(("direction", "needed"), [(0, (0,)), (1, (2,)), (2, (0, 2))])
def test_every_side_that_the_direction_opens_needs_an_entry(direction: int, needed: tuple[int, ...]) -> None:
    population = genomes(1)
    population["alleles"][:, 0] = direction
    population["trees"][:, :, 0] = 64
    population["trees"][:, :, 1:] = 0
    assert codec.valid(population).all()
    for which in range(4):
        lacking = population.copy()
        lacking["trees"][:, which] = 0
        if which in needed:
            assert _refused(lacking) == ("logic.long_entry" if which == 0 else "logic.short_entry")
        else:
            assert codec.valid(lacking).all()


def test_equal_genomes_have_equal_bytes_whatever_the_sign_of_zero() -> None:
    population = genomes(1)
    population["reals"][:, -1] = -0.0
    assert not np.signbit(codec.canonical(population)["reals"][:, -1]).any()


def test_of_no_genomes_none_is_invalid() -> None:
    assert len(codec.valid(genomes(1)[:0])) == len(codec.genome_ids(genomes(1)[:0])) == 0
