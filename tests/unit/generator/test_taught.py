"""Lessons tilt what is newly drawn by exactly their factors, leave what is inherited, and make no genome invalid."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from common.events.cohorts import ParentsSelected, SelectedHeader, Summary
from common.events.knowledge import FACTOR_MAX, FACTOR_MIN, FEATURE_TEXTS, QUESTIONS, TEACHABLE, Knowledge
from common.events.spec import DataSpec, RunSpec
from common.genome.codec import genome_ids, valid
from common.genome.conditions import CONDITIONS, TIMEFRAMES
from common.genome.genes import ALLELE_SLOT
from common.genome.layout import Population
from common.genome.tree import CONDITION_BASE, TOKEN_LIMIT
from generator.initialise import random_population
from generator.service import first_generation, next_generation
from generator.tables import ALLELE_CUMULATIVE, Settings
from generator.taught import NOBODY, lessons_of, taught

SIZE = 20_000
KIND, DIRECTION = ALLELE_SLOT["exit.target_kind"], ALLELE_SLOT["entry.direction"]
RSI = FEATURE_TEXTS.index("rsi(14)")


def _leaves(population: Population) -> Any:
    tokens = population["trees"].reshape(-1).astype(np.int64)
    return (tokens[(tokens >= CONDITION_BASE) & (tokens < TOKEN_LIMIT)] - CONDITION_BASE) // len(TIMEFRAMES)


def _newcomers(size: int = SIZE, **lessons: Any) -> Population:
    drawn = random_population(size, Settings(), 1, 0, 0)
    nobody = np.full((size, 2), NOBODY)
    given = {"alleles": {}, "features": {}, "conditions": {}} | lessons
    return taught(drawn, nobody, drawn[:0], lessons_of(**given), Settings(), (1, 0, 0), np.arange(len(drawn)))


def test_alleles_come_out_with_their_usual_shares_times_their_factors() -> None:
    found = _newcomers(alleles={"exit.target_kind": {"atr": 4.0, "none": 0.5}, "entry.direction": {"short": 3.0}})
    assert valid(found).all()
    for slot, factors in ((KIND, [0.5, 1.0, 4.0, 1.0]), (DIRECTION, [1.0, 3.0, 1.0])):
        usual = np.diff(ALLELE_CUMULATIVE[slot, : len(factors)], prepend=0.0)
        wanted = usual * factors / (usual * factors).sum()
        assert stats.chisquare(np.bincount(found["alleles"][:, slot]), wanted * SIZE).pvalue > 1e-3


def test_conditions_come_out_by_the_factors_of_feature_and_question() -> None:
    factors = np.ones(len(QUESTIONS))
    of_rsi = np.array([text.startswith("rsi(14) ") for text in QUESTIONS])
    factors[of_rsi] = 4.0
    factors[QUESTIONS.index("rsi(14) < 30")] = 4.0  # of 4 times 4: bounded
    factors[QUESTIONS.index("close/sma(5) > 1")] = 0.25
    found = _newcomers(features={"rsi(14)": 4.0}, conditions={"rsi(14) < 30": 4.0, "close/sma(5) > 1": 0.25})
    assert valid(found).all()
    counts = np.bincount(_leaves(found), minlength=len(QUESTIONS))
    assert stats.chisquare(counts, factors / factors.sum() * counts.sum()).pvalue > 1e-3


def test_nothing_that_is_drawn_becomes_impossible() -> None:
    def worst(names: Any) -> dict[str, float]:
        return dict.fromkeys(names[1:], FACTOR_MIN) | {names[0]: FACTOR_MAX}

    lessons = {path: worst(alleles) for path, alleles in TEACHABLE.items()}
    found = _newcomers(alleles=lessons, features=worst(FEATURE_TEXTS))
    plain = random_population(SIZE, Settings(), 1, 0, 0)
    assert valid(found).all()
    for slot in (KIND, DIRECTION):
        assert set(np.unique(found["alleles"][:, slot])) == set(np.unique(plain["alleles"][:, slot]))
    features = {CONDITIONS[leaf * len(TIMEFRAMES)].feature.text for leaf in np.unique(_leaves(found))}
    assert features == set(FEATURE_TEXTS)


def test_without_factors_nothing_changes_and_what_is_inherited_never_does() -> None:
    parents = random_population(500, Settings(), 1, 0, 0)
    nobody, own = np.full((500, 2), NOBODY), np.column_stack([np.arange(500), np.full(500, NOBODY)])
    assert np.array_equal(_newcomers(500), parents)
    assert np.array_equal(
        taught(parents, nobody, parents, lessons_of({}, {}, {}), Settings(), (1, 0, 0), np.arange(len(parents))),
        parents,
    )
    harsh = lessons_of({"entry.direction": {"short": 4.0}}, {"rsi(14)": 4.0}, {})
    assert np.array_equal(taught(parents, own, parents, harsh, Settings(), (1, 0, 0), np.arange(len(parents))), parents)


def test_a_condition_that_came_by_mutation_is_tilted_and_the_rest_of_the_child_is_not() -> None:
    parents = random_population(SIZE, Settings(), 1, 0, 0)
    children = parents.copy()
    strangers = random_population(SIZE, Settings(), 2, 0, 0)
    children["trees"][:, 1] = strangers["trees"][:, 1]
    children = children[valid(children)]
    mothers = parents[valid(children)] if len(children) == SIZE else parents[: len(children)]
    rows = np.column_stack([np.arange(len(children)), np.full(len(children), NOBODY)])
    found = taught(
        children, rows, mothers, lessons_of({}, {"rsi(14)": 4.0}, {}), Settings(), (1, 0, 0), np.arange(len(children))
    )
    assert valid(found).all()
    for block in ("alleles", "reals", "masks", "feature_sources"):
        assert np.array_equal(found[block], children[block])

    def share(population: Population) -> float:
        texts = [CONDITIONS[leaf * len(TIMEFRAMES)].feature.text for leaf in _leaves(population[["trees"]])]
        return texts.count("rsi(14)") / len(texts)

    changed = found["trees"] != children["trees"]
    assert changed[:, 1].any()
    assert share(found) > 1.5 * share(children)


def _run(**knowledge: Any) -> RunSpec:
    data = DataSpec(name="a", digest="00", bars=3000, bars_per_year=252)
    return RunSpec.model_validate(
        {
            "data": [data.model_dump()],
            "evolution": {"population": 256, "offspring": 1024, "immigrant_rate": 0.5, "knowledge": knowledge},
        }
    )


def _parents(run: RunSpec) -> ParentsSelected:
    summary = Summary(
        evaluated=1, refused=0, failed=0, best={}, median={}, front_size=1, archive_size=0, archive_cells=0,
        diversity=0.0, registered=0, champions=0, refusals={},
    )  # fmt: skip
    population = random_population(256, Settings(), 9, 0, 0)
    header = SelectedHeader(island=0, generation=3, summary=summary)
    return ParentsSelected.build(header, genome=population, genome_id=genome_ids(population))


@pytest.mark.parametrize("generation", ["first", "next"])
def test_a_run_that_takes_knowledge_draws_by_it_and_one_that_takes_none_as_ever(generation: str) -> None:
    lesson = {"alleles": {"exit.target_kind": {"atr": 4.0}}}

    def born(**knowledge: Any) -> Population:
        run = _run(**knowledge)
        cohort = first_generation(run, 0) if generation == "first" else next_generation(run, _parents(run))
        return cohort.population

    plain, told = born(), born(**lesson)
    atr = 2
    assert (told["alleles"][:, KIND] == atr).sum() > 1.5 * (plain["alleles"][:, KIND] == atr).sum()
    assert np.array_equal(born(), plain)
    assert np.array_equal(born(judged=("ab",)), plain)
    assert np.array_equal(born(**lesson), told)


def test_a_run_refuses_what_was_mined_from_the_validation_of_its_own_bars() -> None:
    with pytest.raises(ValueError, match="mined from the validation of a"):
        _run(judged=("00",))


@pytest.mark.parametrize(
    ("knowledge", "named"),
    [
        ({"alleles": {"exit.luck": {"a": 2.0}}}, "'exit.luck' is not a gene"),
        ({"alleles": {"exit.target_kind": {"moon": 2.0}}}, "'moon' is not an allele of exit.target_kind"),
        ({"features": {"rsi(15)": 2.0}}, "'rsi\\(15\\)' is not a feature"),
        ({"conditions": {"rsi(14) < 30 @higher": 2.0}}, "without timeframe"),
        ({"features": {"rsi(14)": 5.0}}, "less than or equal to 4"),
        ({"features": {"rsi(14)": 0.2}}, "greater than or equal to 0.25"),
        ({"conditions": dict.fromkeys(QUESTIONS[:513], 2.0)}, "513 lessons"),
    ],
)
def test_a_lesson_about_nothing_is_refused(knowledge: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Knowledge(**knowledge)
