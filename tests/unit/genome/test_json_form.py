"""The JSON form of a genome: what strangers send, refused by name or taken as it is."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import GenomeError
from common.genome import codec
from common.genome.genes import ALLELE_GENES, LEVERAGE_MAX, MASK_GENES, REAL_GENES


def example() -> dict[str, Any]:
    return {
        "version": 2,
        "logic": {"long_entry": ["and", "rsi(2) < 10", ["not", "adx(14) > 25"]], "long_exit": "rsi(2) > 70"},
        "exit": {"stop_distance": 2.5, "time_exit_bars": 10},
        "regime": {"allowed": ["bull"]},
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    chromosome, name = path.split(".")
    document = example()
    document.setdefault(chromosome, {})[name] = value
    return document


def refusal(document: Any) -> GenomeError:
    with pytest.raises(GenomeError) as caught:
        codec.from_json(document)
    return caught.value


def deep(levels: int) -> list[Any]:
    node: list[Any] = []
    for _ in range(levels):
        node = [node]
    return node


NONSENSE = [
    None,
    True,
    math.nan,
    math.inf,
    -1,
    10**5000,
    -(10**400),
    "no such thing",
    "",
    [],
    [[]],
    {},
    {"a": 1},
    1e308,
]


def test_what_is_left_out_takes_its_default_and_what_is_there_is_kept() -> None:
    document = codec.to_json(codec.from_json(example()))
    assert document["logic"]["long_entry"] == example()["logic"]["long_entry"]
    assert document["exit"]["stop_distance"] == 2.5
    assert document["exit"]["time_exit_bars"] == 10
    assert document["regime"] == {"allowed": ["bull"]}
    assert document["risk"]["leverage_max"] == 1.0


@pytest.mark.parametrize("gene", [*ALLELE_GENES, *REAL_GENES], ids=lambda gene: gene.path)
def test_nonsense_is_refused_with_the_gene_named(gene: Any) -> None:
    for value in NONSENSE:
        error = refusal(changed(gene.path, value))
        assert error.gene == gene.path
        assert gene.path in str(error)


@pytest.mark.parametrize("gene", MASK_GENES, ids=lambda gene: gene.path)
@pytest.mark.parametrize("value", ["mon", 3, [3], [["mon"]], ["noon"], [math.nan], {"mon": True}, None])
def test_a_set_of_anything_else_is_refused_with_the_gene_named(gene: Any, value: Any) -> None:
    assert refusal(changed(gene.path, value)).gene == gene.path


@pytest.mark.parametrize(
    "value", [3, 1.5, True, [], ["and"], ["and", "rsi(2) < 10"], ["not", "rsi(2) < 10", 3], [["and"]]]
)
def test_a_malformed_tree_is_refused_with_the_tree_named(value: Any) -> None:
    assert refusal(changed("logic.long_entry", value)).gene == "logic.long_entry"


def test_a_tree_too_deep_or_too_long_is_refused_without_a_crash() -> None:
    unary: Any = "rsi(2) < 10"
    for _ in range(5_000):
        unary = ["not", unary]
    wide: Any = "rsi(2) < 10"
    for _ in range(8):
        wide = ["or", wide, "rsi(2) < 10"]
    for value in (unary, wide, deep(5_000), ["and", deep(900), "rsi(2) < 10"]):
        assert refusal(changed("logic.long_entry", value)).gene == "logic.long_entry"


def test_a_tree_of_exactly_sixteen_tokens_is_taken() -> None:
    tree: Any = ["not", "rsi(2) < 10"]
    for _ in range(7):
        tree = ["or", tree, "rsi(2) < 10"]
    assert codec.to_json(codec.from_json(changed("logic.long_entry", tree)))["logic"]["long_entry"] == tree


def test_another_version_is_refused() -> None:
    for version in (0, 1, True, 1.0, "1", None, 10**5000, [1]):
        assert refusal(example() | {"version": version}).gene == "version"


@pytest.mark.parametrize("document", [None, 3, "genome", [], [example()], {}, {"logic": {}}])
def test_what_is_no_genome_is_refused(document: Any) -> None:
    assert refusal(document).gene in {"genome", "version"}


def test_unknown_genes_and_chromosomes_are_refused_by_name() -> None:
    assert refusal(changed("risk.martingale", 2)).gene == "risk.martingale"
    assert refusal(example() | {"soul": {"size": 1}}).gene == "soul.size"
    assert refusal(example() | {"risk": 3}).gene == "risk"
    assert refusal(example() | {"logic": deep(900)}).gene == "logic"


def test_no_genome_has_a_larger_leverage_or_lacks_its_stop() -> None:
    assert refusal(changed("risk.leverage_max", LEVERAGE_MAX * 1.0001)).gene == "risk.leverage_max"
    assert refusal(changed("exit.stop_distance", 0)).gene == "exit.stop_distance"
    assert refusal(changed("exit.stop_kind", "none")).gene == "exit.stop_kind"


def test_reserved_genes_are_taken_at_their_default_only() -> None:
    codec.from_json(changed("model.kind", "none"))
    assert refusal(changed("model.kind", "mlp")).gene == "model.kind"
    assert refusal(changed("ensemble.weight_network", 0.5)).gene == "ensemble.weight_network"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["and", "rsi(2) < 10", "bull", "long"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["long_entry", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)
CHROMOSOMES = st.sampled_from(["version", "logic", "entry", "exit", "risk", "regime", "x", ""])


@given(st.dictionaries(CHROMOSOMES, JSON, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_json_makes_a_genome_or_a_genome_error(document: dict[str, Any], with_version: bool) -> None:
    if with_version:
        document = document | {"version": 2}
    try:
        genome = codec.from_json(document)
    except GenomeError:
        return
    codec.check(genome)


def engineered(**genes: Any) -> dict[str, Any]:
    return example() | {"logic": {"long_entry": ["and", "slot1 > q80", "rsi(2) < 10"]}, "features": genes}


RATIO = {"slot1_transform": "ratio", "slot1_sources": ["rsi(14) @higher", "adx(14)"], "slot3_transform": "none"}


def test_engineered_features_are_kept_with_their_sources_by_name() -> None:
    document = codec.to_json(codec.from_json(engineered(**RATIO, slot1_lag=2)))
    assert document["logic"]["long_entry"] == ["and", "slot1 > q80", "rsi(2) < 10"]
    assert document["features"]["slot1_sources"] == RATIO["slot1_sources"]
    assert document["features"]["slot1_lag"] == 2
    assert document["features"]["slot0_sources"] == []
    assert codec.from_json(document) == codec.from_json(engineered(**RATIO, slot1_lag=2))


@pytest.mark.parametrize(
    "sources",
    [[], ["rsi(14)"], ["rsi(14)"] * 3, ["rsi(14)", "rsi(999)"], ["rsi(14)", 3], "rsi(14)", None, [["rsi(14)"]]],
)
def test_sources_that_the_transform_does_not_read_or_nobody_knows_are_refused(sources: Any) -> None:
    assert refusal(engineered(**(RATIO | {"slot1_sources": sources}))).gene == "features.slot1_sources"
    unused = engineered(**RATIO, slot0_sources=["rsi(14)"])
    assert refusal(unused).gene == "features.slot0_sources"


def test_a_question_to_a_slot_without_a_transform_is_refused_and_the_tree_named() -> None:
    error = refusal(engineered(slot0_transform="lag", slot0_sources=["rsi(14)"]))
    assert error.gene == "features.slot1_transform"
    assert "logic.long_entry" in str(error)
    assert refusal(changed("logic.long_entry", "slot4 rising")).gene == "logic.long_entry"
