"""Genomes as canonical bytes, as a 128-bit id, as JSON, and the validation that guards every way in."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from common.errors import GenomeError
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, REAL_GENES, AlleleGene, MaskGene, RealGene
from common.genome.layout import (
    GENOME,
    GENOME_BYTES,
    GENOME_VERSION,
    RESERVED_BLOCKS,
    TREES,
    Population,
    default_population,
)
from common.genome.slots import (
    NO_TRANSFORM,
    OPERANDS,
    SLOTS,
    SOURCE_BY_TEXT,
    SOURCE_TEXTS,
    SOURCES,
    TRANSFORM_GENES,
    TRANSFORMS,
)
from common.genome.tree import dead_slot, enters, slots_live, tree_from_json, tree_length, tree_to_json, trees_valid

ID_BYTES = 16
_GENES: tuple[AlleleGene | RealGene | MaskGene, ...] = (*ALLELE_GENES, *REAL_GENES, *MASK_GENES)
_CHROMOSOMES = ("logic", *dict.fromkeys(gene.chromosome for gene in _GENES if gene.expressed))
GenomeIds = npt.NDArray[np.bytes_]
"""Ids of a population: dtype ``V16``, shape (n,)."""


def genome_ids(population: Population) -> npt.NDArray[np.void]:
    """BLAKE2b-128 of each genome's canonical bytes, shape (n,), dtype V16. The bytes carry the version."""
    raw = np.ascontiguousarray(population).view(np.uint8).reshape(len(population), GENOME_BYTES)
    digests = b"".join(hashlib.blake2b(row.data, digest_size=ID_BYTES).digest() for row in raw)
    return np.frombuffer(digests, np.dtype(f"V{ID_BYTES}"))


def canonical(population: Population) -> Population:
    """The same genomes with negative zero made positive: equal genomes then have equal bytes."""
    result = population.copy()
    result["reals"] += np.float32(0.0)
    return result


def decode(data: bytes) -> Population:
    """Canonical bytes of any number of genomes to a population, validated; raises GenomeError naming the gene."""
    if len(data) == 0 or len(data) % GENOME_BYTES:
        raise GenomeError("record", f"{len(data)} bytes", f"a multiple of {GENOME_BYTES} bytes")
    population = np.frombuffer(data, GENOME)
    invalid = np.flatnonzero(~valid(population))
    if len(invalid):
        check(population[invalid[0]])
    return population


def valid(population: Population) -> npt.NDArray[np.bool_]:
    """Which genomes may exist, shape (n,). The vectorised twin of ``check``, which says why one may not."""
    alleles, reals, masks = population["alleles"], population["reals"], population["masks"]
    ok = population["version"] == GENOME_VERSION
    for slot, gene in enumerate(ALLELE_GENES):
        ok &= (alleles[:, slot] < len(gene.alleles)) if gene.expressed else (alleles[:, slot] == gene.default)
    for slot, real in enumerate(REAL_GENES):
        low, high = (real.low, real.high) if real.expressed else (real.default, real.default)
        column = reals[:, slot]
        ok &= (column >= np.float32(low)) & (column <= np.float32(high)) & ~((column == 0) & np.signbit(column))
    for slot, mask in enumerate(MASK_GENES):
        if mask.expressed:
            ok &= (masks[:, slot] < 1 << len(mask.bits)) & (mask.may_be_empty | (masks[:, slot] > 0))
        else:
            ok &= masks[:, slot] == mask.default
    for block in RESERVED_BLOCKS:
        raw = np.ascontiguousarray(population[block]).view(np.uint8)
        ok &= ~raw.reshape(len(population), GENOME[block].itemsize).any(axis=1)
    sources, transforms = population["feature_sources"], alleles[:, TRANSFORM_GENES]
    read = np.arange(2) < OPERANDS[np.where(transforms < len(TRANSFORMS), transforms, NO_TRANSFORM)][:, :, None]
    ok &= np.where(read, sources < SOURCES, sources == 0).all(axis=(1, 2))
    trees, direction = np.array(population["trees"]), np.array(alleles[:, ALLELE_SLOT["entry.direction"]])
    ok &= trees_valid(trees, direction) & slots_live(trees, np.array(alleles))
    return ok


def _check_slots(genome: np.void, lengths: list[int]) -> None:
    for slot, pair in enumerate(genome["feature_sources"]):
        transform = int(genome["alleles"][TRANSFORM_GENES[slot]])
        operands = OPERANDS[transform]
        for place, source in enumerate(map(int, pair)):
            if place < operands and source >= SOURCES:
                raise GenomeError(f"features.slot{slot}_sources", source, f"a position below {SOURCES}")
            if place >= operands and source:
                remedy = f"0 in place {place}: {TRANSFORMS[transform]} reads {operands} source(s)"
                raise GenomeError(f"features.slot{slot}_sources", source, remedy)
    for name, tree, length in zip(TREES, genome["trees"], lengths, strict=True):
        dead = dead_slot(tree, genome["alleles"]) if length > 0 else -1
        if dead >= 0:
            raise GenomeError(f"features.slot{dead}_transform", "none", f"a transform, for logic.{name} refers to it")


def _check_real(gene: RealGene, value: float) -> None:
    if not gene.expressed:
        if value != np.float32(gene.default):
            raise GenomeError(gene.path, value, f"{gene.default:g}: the gene is reserved in version {GENOME_VERSION}")
    elif not np.float32(gene.low) <= value <= np.float32(gene.high):
        raise GenomeError(gene.path, value, f"a number between {gene.low:g} and {gene.high:g} ({gene.unit})")
    if value == 0 and np.signbit(value):
        raise GenomeError(gene.path, value, "0, not negative zero: a genome has one canonical form")


def _check_mask(gene: MaskGene, value: int) -> None:
    if not gene.expressed:
        if value != gene.default:
            raise GenomeError(gene.path, value, f"{gene.default}: the gene is reserved in version {GENOME_VERSION}")
    elif value >= 1 << len(gene.bits) or (value == 0 and not gene.may_be_empty):
        raise GenomeError(gene.path, value, f"at least one of {', '.join(gene.bits)} and nothing else")


def check(genome: np.void) -> None:
    """Raise GenomeError, naming the gene, the value and the remedy, unless the genome may exist."""
    if genome["version"] != GENOME_VERSION:
        raise GenomeError("version", int(genome["version"]), f"{GENOME_VERSION}, the version this program speaks")
    for slot, gene in enumerate(ALLELE_GENES):
        value = int(genome["alleles"][slot])
        if not gene.expressed and value != gene.default:
            raise GenomeError(gene.path, value, f"{gene.default}: the gene is reserved in version {GENOME_VERSION}")
        if value >= len(gene.alleles):
            raise GenomeError(gene.path, value, f"an index below {len(gene.alleles)}")
    for slot, real in enumerate(REAL_GENES):
        _check_real(real, float(genome["reals"][slot]))
    for slot, mask in enumerate(MASK_GENES):
        _check_mask(mask, int(genome["masks"][slot]))
    for block in RESERVED_BLOCKS:
        if np.ascontiguousarray(genome[block]).view(np.uint8).any():
            raise GenomeError(block, "non-zero", f"zeros: the block is reserved in version {GENOME_VERSION}")
    lengths = [tree_length(tree) for tree in genome["trees"]]
    for name, length in zip(TREES, lengths, strict=True):
        if length < 0:
            raise GenomeError(f"logic.{name}", "malformed postfix", "operators that follow their operands")
    _check_slots(genome, lengths)
    direction = int(genome["alleles"][ALLELE_SLOT["entry.direction"]])
    if not enters(direction, lengths[0], lengths[2]):
        side = "long" if direction != 1 and lengths[0] == 0 else "short"
        raise GenomeError(f"logic.{side}_entry", None, "at least one condition, or another entry.direction")


def to_json(genome: np.void) -> dict[str, Any]:
    """The JSON form: one object per chromosome, reserved genes left out."""
    document: dict[str, Any] = {"version": int(genome["version"])}
    document["logic"] = {name: tree_to_json(tree) for name, tree in zip(TREES, genome["trees"], strict=True)}
    for slot, gene in enumerate(ALLELE_GENES):
        if gene.expressed:
            document.setdefault(gene.chromosome, {})[gene.name] = gene.alleles[int(genome["alleles"][slot])]
    for slot, pair in enumerate(genome["feature_sources"]):
        read = OPERANDS[genome["alleles"][TRANSFORM_GENES[slot]]]
        document["features"][f"slot{slot}_sources"] = [SOURCE_TEXTS[source] for source in pair[:read]]
    for slot, real in enumerate(REAL_GENES):
        if real.expressed:
            # The shortest decimal that reads back as the same float32.
            number = float(np.format_float_positional(genome["reals"][slot], unique=True))
            document.setdefault(real.chromosome, {})[real.name] = number
    for slot, mask in enumerate(MASK_GENES):
        if mask.expressed:
            chosen = [bit for index, bit in enumerate(mask.bits) if int(genome["masks"][slot]) >> index & 1]
            document.setdefault(mask.chromosome, {})[mask.name] = chosen
    return document


def from_json(document: Any) -> np.void:
    """Build and validate one genome from its JSON form; a gene left out takes its default.

    Raises GenomeError for an unknown chromosome or gene, a wrong type, a value out of range, or a wrong version.
    """
    if not isinstance(document, dict):
        raise GenomeError("genome", document, "a JSON object with one object per chromosome")
    if "version" not in document:
        raise GenomeError("version", None, f"{GENOME_VERSION}")
    version = document["version"]
    if type(version) is not int or version != GENOME_VERSION:
        raise GenomeError("version", version, f"{GENOME_VERSION}, the version this program speaks")
    given = _flatten(document)
    genome = default_population(1)[0]
    for index, name in enumerate(TREES):
        genome["trees"][index] = tree_from_json(given.pop(f"logic.{name}", None), f"logic.{name}")
    for slot, gene in enumerate(ALLELE_GENES):
        if gene.path in given:
            value = given.pop(gene.path)
            matches = [i for i, allele in enumerate(gene.alleles) if allele == value and type(allele) is type(value)]
            if not matches:
                raise GenomeError(gene.path, value, f"one of {', '.join(map(str, gene.alleles))}")
            genome["alleles"][slot] = matches[0]
    for slot, real in enumerate(REAL_GENES):
        if real.path in given:
            value = given.pop(real.path)
            if isinstance(value, bool) or not isinstance(value, int | float) or not real.low <= value <= real.high:
                raise GenomeError(real.path, value, f"a number between {real.low:g} and {real.high:g} ({real.unit})")
            genome["reals"][slot] = np.float32(value) + np.float32(0.0)
    for slot, mask in enumerate(MASK_GENES):
        if mask.path in given:
            value = given.pop(mask.path)
            if not isinstance(value, list) or any(bit not in mask.bits for bit in value):
                raise GenomeError(mask.path, value, f"a list of {', '.join(mask.bits)}")
            genome["masks"][slot] = sum(1 << mask.bits.index(bit) for bit in set(value))
    for slot in range(SLOTS):
        _sources_from_json(given.pop(f"features.slot{slot}_sources", []), slot, genome)
    if given:
        path, value = next(iter(given.items()))
        raise GenomeError(path, value, "a gene that exists: `galapagos seed example` shows them all")
    check(genome)
    return genome


def _sources_from_json(value: Any, slot: int, genome: np.void) -> None:
    transform = genome["alleles"][TRANSFORM_GENES[slot]]
    read = int(OPERANDS[transform])
    fits = isinstance(value, list) and len(value) == read
    if not fits or any(not isinstance(text, str) or text not in SOURCE_BY_TEXT for text in value):
        named = "features as `galapagos seed conditions` writes them, such as rsi(14) or rsi(14) @higher"
        raise GenomeError(
            f"features.slot{slot}_sources", value, f"a list of {read}, for {TRANSFORMS[transform]}: {named}"
        )
    genome["feature_sources"][slot, :read] = [SOURCE_BY_TEXT[text] for text in value]


def _flatten(document: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for chromosome, genes in document.items():
        if chromosome == "version":
            continue
        if not isinstance(genes, dict):
            if chromosome not in _CHROMOSOMES:
                raise GenomeError(chromosome, genes, f"a chromosome that exists: {', '.join(_CHROMOSOMES)}")
            raise GenomeError(chromosome, genes, "an object of genes")
        flat.update({f"{chromosome}.{name}": value for name, value in genes.items()})
    return flat
