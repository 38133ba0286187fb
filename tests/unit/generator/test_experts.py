"""Expert seeds: at least thirty different classical strategies, each a genome that may exist."""

import numpy as np

from common.genome import codec
from common.genome.genes import ALLELE_SLOT
from generator.experts import expert_population, experts


def test_there_are_at_least_thirty_different_strategies() -> None:
    ids = codec.genome_ids(expert_population())
    assert len(set(ids.tolist())) == len(experts()) >= 30


def test_each_has_a_name_of_its_own_and_one_line_of_reason() -> None:
    assert len({expert.name for expert in experts()}) == len(experts())
    for expert in experts():
        assert expert.name.isidentifier()
        assert expert.rationale.endswith(".")
        assert "\n" not in expert.rationale


def test_all_may_exist_and_read_back_from_their_json_form() -> None:
    population = expert_population()
    assert codec.valid(population).all()
    again = np.array([codec.from_json(codec.to_json(genome)) for genome in population], population.dtype)
    assert again.tobytes() == population.tobytes()


def test_all_directions_sizings_and_exits_of_the_trade_are_there() -> None:
    alleles = expert_population()["alleles"]
    for path, kinds in (("entry.direction", 3), ("exit.stop_kind", 2), ("exit.trail_kind", 2), ("risk.sizing", 3)):
        assert len(np.unique(alleles[:, ALLELE_SLOT[path]])) >= kinds
