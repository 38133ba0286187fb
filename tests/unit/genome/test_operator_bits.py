"""The bits of the operators: every stored event has them, so they stay what they are."""

from common.genome.operators import APPLIED, BITS, CROSSOVERS, EMITTERS, MUTATIONS

FIRST = [
    "one_point",
    "n_point",
    "uniform",
    "subtree",
    "arithmetic",
    "heuristic",
    "sbx",
    "multi_parent",
    "differential",
    "swarm",
    "quantum",
    "logic",
    "structural",
    "point",
    "gaussian",
    "uniform_step",
    "polynomial",
    "adaptive_step",
    "creep",
    "jump",
    "flip",
    "feature",
    "iso_line",
    "covariance",
]


def test_an_operator_that_has_a_bit_keeps_it() -> None:
    assert list(BITS)[: len(FIRST)] == FIRST
    assert [BITS[name] for name in FIRST] == list(range(len(FIRST)))


def test_every_operator_has_one_bit_and_32_are_enough() -> None:
    assert {*BITS} == {*CROSSOVERS, *MUTATIONS, *EMITTERS}
    assert list(BITS.values()) == list(range(len(APPLIED)))
    assert len(APPLIED) <= 32
