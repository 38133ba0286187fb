"""The tabu memory: the last cohorts are remembered for certain, what is old is forgotten."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.bloom import PLACES, known
from selector.learned import nothing
from selector.memory import COHORTS, capacity, forbidden, remembered
from selector.state import MEMBER
from tests.unit.selector.island_world import SMALL, variant

RUN = variant(evolution=SMALL.evolution.model_dump() | {"adaptation": {"tabu": True}})
_RNG = np.random.default_rng(4)
IDS = _RNG.bytes(16 * 40 * 200)


def cohort(number: int, size: int = 16) -> np.ndarray:
    found = np.zeros(size, MEMBER)
    found["genome_id"] = np.frombuffer(IDS, "V16")[40 * number : 40 * number + size]
    return found


@given(st.lists(st.integers(1, 16), min_size=1, max_size=120))
@settings(max_examples=30, deadline=None)
def test_the_last_cohorts_are_never_missed(sizes: list[int]) -> None:
    learned = nothing()
    for number, size in enumerate(sizes):
        learned = remembered(learned, cohort(number, size), RUN)
        for before in range(max(0, number - COHORTS), number + 1):
            assert known(forbidden(learned, RUN), cohort(before, sizes[before])["genome_id"]).all()


def test_what_is_old_is_forgotten() -> None:
    learned = nothing()
    for number in range(4 * COHORTS):
        learned = remembered(learned, cohort(number), RUN)
    words = forbidden(learned, RUN)
    assert known(words, cohort(4 * COHORTS - 1)["genome_id"]).all()
    strangers = [known(words, cohort(number)["genome_id"]).mean() for number in range(COHORTS)]
    assert np.mean(strangers) < 0.2
    assert np.bitwise_count(words).sum() <= 4 * 2 * capacity(RUN)


def test_nothing_is_remembered_unless_asked_for() -> None:
    learned = remembered(nothing(), cohort(0), SMALL)
    assert len(learned["tabu"]) == 0
    assert len(forbidden(learned, SMALL)) == 0


def test_a_memory_is_not_written_to_once_it_was_given() -> None:
    first = remembered(nothing(), cohort(0), RUN)
    before = first["tabu"].copy()
    remembered(first, cohort(1), RUN)
    np.testing.assert_array_equal(first["tabu"], before)


def big_cohort(offspring: int, rng: np.random.Generator) -> np.ndarray:
    found = np.zeros(offspring, MEMBER)
    found["genome_id"] = np.frombuffer(rng.bytes(16 * offspring), "V16")
    return found


def test_strangers_are_as_few_as_a_filter_says_when_both_halves_are_full() -> None:
    run = variant(evolution=RUN.evolution.model_dump() | {"offspring": 60})
    rng, learned, worst = np.random.default_rng(1), nothing(), 0.0
    strangers = np.frombuffer(rng.bytes(16 * 20_000), "V16")
    for _ in range(4 * COHORTS + 4):
        learned = remembered(learned, big_cohort(60, rng), run)
        worst = max(worst, float(known(forbidden(learned, run), strangers).mean()))
    assert worst < 1.2 * (1 - np.exp(-PLACES / 8)) ** PLACES


def test_of_the_greatest_cohorts_with_seeds_none_of_the_last_is_missed_either() -> None:
    run = variant(evolution=RUN.evolution.model_dump() | {"offspring": 8192})
    rng, learned = np.random.default_rng(2), nothing()
    cohorts = [big_cohort(8192 + 200, rng) for _ in range(2 * COHORTS + 2)]
    for number, born in enumerate(cohorts):
        learned = remembered(learned, born, run)
        assert known(forbidden(learned, run), cohorts[max(0, number - COHORTS)]["genome_id"]).all()
