"""The evaluator answers every cohort once, in order, refuses what may not exist, and keeps the vault sealed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.backtest.arena import Arena, prepare
from common.errors import ContractError, DataError
from common.events.codec import decode, encode
from common.events.cohorts import STATUS, GenomeEvaluated
from common.events.event import Event
from common.events.spec import DataSpec, RunSpec
from common.genome.codec import genome_ids
from common.market.bars import YEAR_US
from common.market.synthetic import noise
from evaluator.resources import Resources
from evaluator.service import cuts_of, evaluate, is_sealed_read, service
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.evaluator.cohorts import proposed, run_on


@pytest.fixture(scope="module")
def arenas() -> list[Arena]:
    return [prepare(noise(seed, 1500)) for seed in (1, 2)]


@pytest.fixture(scope="module")
def run(arenas) -> RunSpec:
    return run_on(arenas)


def answer(run: RunSpec, arenas: list[Arena], event: Event) -> GenomeEvaluated:
    _, [only] = service(arenas).step(None, [event])
    assert only.key == "3"
    assert only.trace == event.trace
    assert isinstance(only.payload, GenomeEvaluated)
    return only.payload


def test_each_cohort_has_one_answer_with_the_same_rows_in_the_same_order(run, arenas):
    cohorts = [
        proposed(run, random_population(20 + k, Settings(instruments=2), k, 0, 0), name=str(k)) for k in range(3)
    ]
    _, answers = service(arenas).step(None, cohorts)
    assert len(answers) == 3
    assert len({event.id for event in answers}) == 3
    for asked, answered in zip(cohorts, answers, strict=True):
        for column in ("genome", "genome_id", "parent_ids", "operator"):
            np.testing.assert_array_equal(answered.payload[column], asked.payload[column])
        header = answered.payload.header
        assert (header.island, header.generation, header.purpose, header.cohort) == (3, 9, "evolution", "c")
        assert header.proposed_us == 123


def test_a_repeated_cohort_gets_the_same_answer(run, arenas):
    event = proposed(run, random_population(30, Settings(instruments=2), 1, 0, 0))
    first, second = answer(run, arenas, event), answer(run, arenas, event)
    for column in GenomeEvaluated.columns:
        assert first[column].tobytes() == second[column].tobytes()


def test_a_genome_that_may_not_exist_is_refused_and_its_neighbours_are_measured(run, arenas):
    population = random_population(10, Settings(instruments=2), 4, 0, 0)
    population["trees"][3, 0, 0] = 65535
    population["alleles"][5, 0] = 200
    population["reals"][7, 0] = np.nan
    found = answer(run, arenas, proposed(run, population))
    refused = [3, 5, 7]
    assert np.flatnonzero(found["status"] == STATUS.index("refused")).tolist() == refused
    for column in ("objectives", "violation", "descriptor", "evidence"):
        assert not found[column][refused].any()
    clean = answer(run, arenas, proposed(run, np.delete(population, refused)))
    np.testing.assert_array_equal(np.delete(found["objectives"], refused, axis=0), clean["objectives"])


def test_a_cohort_of_nothing_that_may_exist_is_answered_too(run, arenas):
    population = random_population(3, Settings(instruments=2), 4, 0, 0)
    population["alleles"][:, 0] = 200
    found = answer(run, arenas, proposed(run, population))
    assert (found["status"] == STATUS.index("refused")).all()
    assert not found["evidence"].any()


@pytest.mark.parametrize("purpose", ["evolution", "seed", "promotion"])
def test_only_a_promotion_reads_the_vault(run, arenas, purpose):
    for genome in random_population(40, Settings(instruments=2), 4, 0, 0):
        one = genome.reshape(1)
        found = answer(run, arenas, proposed(run, one, purpose, cohort=genome_ids(one)[0].tobytes().hex()))
        assert found["status"].tolist() == [STATUS.index("measured")]
        assert found["evidence"][:, 2].any() == (purpose == "promotion")
        assert np.isfinite(found["evidence"]).all()


@pytest.fixture(scope="module")
def others(run, arenas) -> list[Arena]:
    """The same arenas, but every bar from the vault on is another; they still claim to be the first."""
    found = []
    for arena, windows in zip(arenas, cuts_of(run), strict=True):
        bars, start = arena.bars, windows.vault[0][0]
        scale = np.where(np.arange(len(bars)) < start, 1.0, 2.0 + np.sin(np.arange(len(bars))))
        prices = {name: getattr(bars, name) * scale for name in ("open", "high", "low", "close")}
        spoiled = prepare(replace(bars, **prices), bars_per_year=arena.bars_per_year)
        found.append(replace(arena, arrays=spoiled.arrays, index=spoiled.index))
    return found


HOSTILE = {
    "purpose": st.sampled_from(
        ["evolution", "seed", "promotion", "Promotion", "promotion ", "", "vault", None, 2, True]
    ),
    "island": st.integers(-(2**31), 2**31),
    "generation": st.integers(-(2**31), 2**31),
    "cohort": st.sampled_from(["", "c", "promotion", "own id", "OWN ID", "another's id"]),
    "with_vault": st.booleans(),
    "status": st.just("measured"),
}


@given(st.fixed_dictionaries(HOSTILE), st.integers(1, 3), st.integers(0, 50))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_but_that_of_a_registered_read_gets_anything_of_the_vault(run, arenas, others, header, size, seed):
    """What is answered to any other is to the bit what is answered where the bars of the vault are others."""
    population = random_population(size, Settings(instruments=2), seed, 0, 0)
    ids = [name.tobytes().hex() for name in genome_ids(population)]
    names = {"own id": ids[0], "OWN ID": ids[0].upper(), "another's id": "0" * 32}
    asked = header | {"cohort": names.get(header["cohort"], header["cohort"])}
    is_read = header["purpose"] == "promotion" and header["cohort"] == "own id" and size == 1
    event = proposed(run, population, **asked)
    assert is_sealed_read(event.payload) == is_read
    if header["purpose"] not in ("evolution", "seed", "promotion"):
        with pytest.raises(ValidationError):
            evaluate(event, arenas)
        return
    found, blind = evaluate(event, arenas), evaluate(event, others)
    if not is_read:
        assert not found["evidence"][:, 2].any()
        for column in GenomeEvaluated.columns:
            assert found[column].tobytes() == blind[column].tobytes()
    refused = header["purpose"] == "promotion" and not is_read
    assert (found["status"] == STATUS.index("refused" if refused else "measured")).all()


def test_a_read_does_see_the_bars_of_the_vault(run, arenas, others):
    """Or the comparison above would show nothing."""
    for genome in random_population(20, Settings(instruments=2), 4, 0, 0):
        one = genome.reshape(1)
        event = proposed(run, one, "promotion", cohort=genome_ids(one)[0].tobytes().hex())
        found, other = evaluate(event, arenas), evaluate(event, others)
        assert (found["evidence"][:, :2] == other["evidence"][:, :2]).all()
        if found["evidence"][0, 2, 1] > 0:
            assert (found["evidence"][:, 2] != other["evidence"][:, 2]).any()


@pytest.mark.parametrize("purpose", [b"Promotion", b"PROMOTION", b"promoted ", b"vault----"])
def test_a_purpose_that_is_none_does_not_come_in_from_the_wire(run, purpose):
    message = encode(proposed(run, random_population(1, Settings(), 4, 0, 0)), "generator")
    forged = message.value.replace(b'"purpose":"evolution"', b'"purpose":"' + purpose + b'"')
    assert forged != message.value
    with pytest.raises(ContractError, match="purpose"):
        decode(message.topic, message.key, message.headers, forged)


def test_a_cohort_of_another_data_set_is_refused_by_name(run, arenas):
    event = proposed(run, random_population(2, Settings(), 4, 0, 0))
    with pytest.raises(ContractError, match=r"run\.data: digests"):
        service(arenas[::-1]).step(None, [event])


def test_too_little_history_is_said_before_anything_runs(run):
    short = run.model_copy(update={"data": (run.data[0].model_copy(update={"bars": 300}),)})
    with pytest.raises(DataError, match="300 bars"):
        cuts_of(short)


def test_a_figure_that_is_not_finite_fails_its_row_and_no_other():
    bars = noise(5, 1500)
    wild = replace(bars, high=np.where(np.arange(1500) % 97 == 0, bars.high * 1e200, bars.high))
    arena = prepare(wild)
    data = DataSpec(name="wild", digest=wild.digest, bars=1500, bars_per_year=wild.bars_per_year)
    run = RunSpec(data=(data,))
    found = answer(run, [arena], proposed(run, random_population(300, Settings(), 4, 0, 0)))
    failed = found["status"] == STATUS.index("failed")
    assert 0 < failed.sum() < 300
    for column in ("objectives", "violation", "descriptor", "evidence"):
        assert np.isfinite(found[column]).all()
        assert not found[column][failed].any()


def test_threads_change_nothing(run, arenas):
    event = proposed(run, random_population(101, Settings(instruments=2), 4, 0, 0))
    _, [alone] = service(arenas).step(None, [event])
    _, [shared] = service(arenas, Resources(threads=3)).step(None, [event])
    for column in GenomeEvaluated.columns:
        assert alone.payload[column].tobytes() == shared.payload[column].tobytes()


def test_a_vault_that_another_instrument_is_bred_on_is_refused_with_its_dates(arenas):
    early = noise(9, 3000)
    late = replace(early, name="late", ts_us=early.ts_us + 3 * YEAR_US)
    both = [prepare(bars) for bars in (early, late)]
    run = RunSpec(
        data=tuple(
            DataSpec(name=a.bars.name, digest=a.bars.digest, bars=3000, bars_per_year=a.bars_per_year) for a in both
        )
    )
    with pytest.raises(DataError, match=r"late is bred and validated until .* vault of noise-9 begins"):
        service(both).step(None, [proposed(run, random_population(2, Settings(), 4, 0, 0))])
