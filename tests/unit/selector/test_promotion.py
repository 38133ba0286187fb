"""Promotion: who is registered, the budget of reads, and each gate of the judgement."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from common.events.cohorts import OPERATOR_NAMES
from common.events.spec import Promotion, RunSpec
from common.genome.codec import from_json
from common.genome.genes import ALLELE_SLOT
from selector.archive import cells, niche
from selector.judgement import champion, outcomes, verdicts
from selector.promotion import (
    FIRST_READ_GENERATIONS,
    answered,
    choose,
    deflated,
    efficiency,
    reads_due,
    reads_of,
    trials,
)
from selector.state import CANDIDATE, MEMBER, IslandState
from tests.unit.selector.island_world import SMALL, figures, first_genome, variant

MUTATION, EXPERT, MIGRANT = (OPERATOR_NAMES.index(name) for name in ("mutation", "expert", "migrant"))


def members(size: int, sharpe: float = 0.3) -> np.ndarray:
    """Feasible, skilled members, each in a cell of its own."""
    found = np.zeros(size, MEMBER)
    found["genome"] = np.frombuffer(first_genome().tobytes(), MEMBER["genome"])
    found["genome_id"] = np.arange(2, 2 * size + 2, dtype=">u8").view("V16")
    found["operator"] = MUTATION
    found["descriptor"] = [[3 * 2**row, 0.3, 1] for row in range(size)]
    found["evidence"][:, 0] = figures(sharpe)
    found["evidence"][:, 1] = figures(sharpe, bars=300, trades=20)
    return found


def island(population: np.ndarray, **changes: object) -> IslandState:
    return replace(IslandState(run=SMALL, island=2, generation=4, evaluated=1000, population=population), **changes)


def registered(state: IslandState, run: RunSpec = SMALL) -> IslandState:
    candidate = choose(state, run)
    assert candidate is not None
    return replace(state, candidates=np.concatenate([state.candidates, candidate]))


def judged(run: RunSpec = SMALL, **vault: float) -> np.void:
    """A candidate whose vault shows skill, but for the figures given."""
    state = registered(island(members(1)), run)
    answer = members(1)
    answer["evidence"][:, 2] = figures(0.3, bars=500, trades=30)
    for name, value in vault.items():
        answer["evidence"][:, 2, {"trades": 1, "total_return": 2, "detrended_z": 8}[name]] = value
    state, candidate = answered(state, state.candidates["genome_id"][0].tobytes().hex(), answer)
    assert candidate is not None
    return candidate


def test_a_skilled_member_is_registered_with_the_trials_so_far() -> None:
    candidate = choose(island(members(1)), SMALL)
    assert candidate is not None
    assert candidate["trials"][0] == 3000 == trials(island(members(1)), SMALL)
    assert candidate["registered_generation"][0] == 4
    assert candidate["answered"][0] == 0
    assert choose(island(members(1)[:0], archive=members(1)), SMALL) is not None


@pytest.mark.parametrize(
    "spoil",
    ["infeasible", "loses", "too few trades", "no skill", "only drift", "overfit", "migrant", "expert", "known cell"],
)
def test_who_is_not_worth_a_read(spoil: str) -> None:
    one = members(1)
    state = island(one)
    match spoil:
        case "infeasible":
            one["violation"] = 0.1
        case "loses":
            one["evidence"][:, 1, 2] = 0.0
        case "too few trades":
            one["evidence"][:, 1, 1] = SMALL.promotion.validation_trades_min - 1
        case "no skill":
            one["evidence"][:, :2, 3] = 0.0005
        case "only drift":
            one["evidence"][:, 1, 8] = SMALL.promotion.validation_z_min - 0.01
        case "overfit":
            one["evidence"][:, 0] = figures(0.3 / SMALL.promotion.walk_forward_efficiency_min + 0.01)
        case "migrant":
            one["operator"] = MIGRANT
        case "expert":
            one["operator"] = EXPERT
        case "known cell":
            state = replace(registered(state), generation=8)
            one["genome_id"] = np.ones(2, ">u8").view("V16")
    assert choose(state, SMALL) is None


@given(
    st.lists(st.tuples(*[st.floats(-0.01, 0.01), st.sampled_from([0.0, 0.01, 0.02])] * 2), min_size=1, max_size=6),
    st.floats(0.001, 2),
)
def test_only_a_gain_in_both_windows_keeps_anything(windows: list[tuple[float, ...]], bound: float) -> None:
    """At any bound above 0, what lost in validation is refused, however well it did in training."""
    rows = members(len(windows))
    for row, (inside, inside_risk, outside, outside_risk) in enumerate(windows):
        rows["evidence"][row, 0, [3, 4]] = inside, inside_risk
        rows["evidence"][row, 1, [3, 4]] = outside, outside_risk
    found = efficiency(rows)
    assert np.isfinite(found).all()
    for kept, (inside, inside_risk, outside, outside_risk) in zip(found, windows, strict=True):
        if min(inside, inside_risk, outside, outside_risk) > 0:
            assert kept == pytest.approx(
                outside / outside_risk / max(inside / inside_risk, outside / outside_risk / 100)
            )
        else:
            assert kept == 0
    run = variant(promotion=SMALL.promotion.model_copy(update={"walk_forward_efficiency_min": bound}))
    candidate = judged().reshape(1).copy()
    candidate["evidence"][0, :2] = rows["evidence"][0, :2]
    gates = {verdict.gate: verdict for verdict in verdicts(candidate[0], run)}
    assert gates["walk_forward_efficiency"].passed == (found[0] >= bound)
    assert gates["walk_forward_efficiency"].bound == bound


def test_what_kept_too_little_is_refused_by_name_and_counted() -> None:
    candidate = judged().reshape(1).copy()
    candidate["evidence"][0, 0] = figures(2.0)
    assert champion(candidate[0], 2, SMALL) is None
    counted = outcomes(island(members(1)[:0], candidates=candidate), SMALL)
    assert counted == (0, {"walk_forward_efficiency": 1})
    free = variant(promotion=SMALL.promotion.model_copy(update={"walk_forward_efficiency_min": 0.0}))
    assert champion(candidate[0], 2, free) is not None


def test_experts_are_registered_where_the_first_copy_of_each_was_dealt() -> None:
    one = members(1)
    one["operator"] = EXPERT
    for where, allowed in ((0, True), (1, True), (2, False)):
        assert (choose(island(one, island=where), SMALL) is not None) == allowed


def test_the_best_in_validation_wins_whatever_its_training_then_the_first_id() -> None:
    three = members(3)
    three["evidence"][0, 0] = figures(0.4)
    three["evidence"][1, 1, 8] += 0.1
    assert choose(island(three), SMALL)["genome_id"] == three["genome_id"][1]
    equal = members(3)
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        assert choose(island(equal[order]), SMALL)["genome_id"] == equal["genome_id"][0]


def test_an_island_spends_its_share_of_the_reads_and_no_more() -> None:
    state, chosen = island(members(6), generation=8), 0
    while (candidate := choose(state, SMALL)) is not None:
        state = replace(state, candidates=np.concatenate([state.candidates, candidate]))
        chosen += 1
    assert chosen == reads_of(SMALL, 2) == 2
    assert len(set(cells(state.candidates["descriptor"]))) == 2


@given(islands=st.integers(1, 256), reads=st.integers(1, 600), generations=st.integers(0, 300))
@settings(max_examples=60, deadline=None)
def test_all_islands_together_never_read_more_than_the_run_may(islands: int, reads: int, generations: int) -> None:
    run = variant(islands=islands, generations=generations, promotion=Promotion(vault_reads_max=reads))
    shares = [reads_of(run, island) for island in range(islands)]
    assert sum(shares) == reads
    assert max(shares) - min(shares) <= 1
    due = [reads_due(run, island, generations - 1 if generations else 2**31) for island in range(islands)]
    assert all(now <= share for now, share in zip(due, shares, strict=True))
    assert not generations or due == shares


def test_an_island_without_a_share_reads_nothing() -> None:
    few = variant(promotion=Promotion(vault_reads_max=2))
    assert choose(island(members(1), generation=8), few) is None
    assert choose(island(members(1), generation=8, island=1), few) is not None


def test_reads_are_spread_over_the_run() -> None:
    assert [reads_due(SMALL, 0, generation) for generation in range(9)] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    four = variant(generations=0, promotion=SMALL.promotion.model_copy(update={"vault_reads_max": 12}))
    assert [reads_due(four, 0, first * FIRST_READ_GENERATIONS - 1) for first in range(1, 9)] == [1, 2, 2, 3, 3, 3, 3, 4]
    assert reads_due(four, 0, FIRST_READ_GENERATIONS - 2) == 0
    once = registered(island(members(3)))
    assert choose(once, SMALL) is None
    assert choose(replace(once, generation=8), SMALL) is not None


def test_more_trials_deflate_more() -> None:
    weak = members(1, sharpe=0.12)
    scores = [deflated(weak, count)[0] for count in (1, 100, 10_000, 1_000_000)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.99
    assert scores[-1] < 0.5


def test_the_vault_s_bound_is_shared_by_all_reads_of_the_run() -> None:
    verdict = verdicts(judged(), SMALL)[-1]
    assert verdict.gate == "vault_p_value"
    assert verdict.bound == pytest.approx(0.05 / 6)
    single = variant(promotion=SMALL.promotion.model_copy(update={"vault_reads_max": 1}))
    assert verdicts(judged(), single)[-1].bound == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("vault", "gate"),
    [
        ({"trades": 9}, "vault_trades"),
        ({"total_return": 0.0}, "vault_return"),
        ({"detrended_z": norm.isf(0.05 / 6) - 1e-6}, "vault_p_value"),
        ({"trades": 0, "total_return": -1.0, "detrended_z": 0.0}, "vault_trades"),
    ],
)
def test_a_candidate_is_refused_by_the_first_gate_that_fails(vault: dict[str, float], gate: str) -> None:
    candidate = judged(**vault)
    failed = [verdict.gate for verdict in verdicts(candidate, SMALL) if not verdict.passed]
    assert failed[0] == gate
    assert champion(candidate, 2, SMALL) is None
    assert outcomes(island(members(1)[:0], candidates=candidate.reshape(1)), SMALL) == (0, {gate: 1})


def test_a_z_just_within_the_bound_is_enough() -> None:
    assert champion(judged(detrended_z=norm.isf(0.05 / 6) + 1e-6), 2, SMALL) is not None


def test_a_champion_carries_its_evidence_and_every_verdict() -> None:
    candidate = judged()
    found = champion(candidate, 2, SMALL)
    assert found is not None
    assert [verdict.gate for verdict in found.verdicts] == [
        "validation_return",
        "validation_trades",
        "validation_z",
        "walk_forward_efficiency",
        "deflated_sharpe",
        "vault_trades",
        "vault_return",
        "vault_p_value",
    ]
    assert from_json(found.genome).tobytes() == first_genome().tobytes()
    assert found.niche == niche(int(cells(candidate["descriptor"][None])[0]))
    assert (found.island, found.generation, found.trials, found.operator) == (2, 4, 3000, "mutation")
    assert found.parent_ids == []
    assert (found.training.bars, found.validation.bars, found.vault.bars) == (1000, 300, 500)
    assert found.vault.sharpe_annual == pytest.approx(0.3 * np.sqrt(252))
    assert outcomes(island(members(1)[:0], candidates=candidate.reshape(1)), SMALL) == (1, {})


def test_sharpe_is_annual_by_the_bars_of_the_genome_s_own_instrument() -> None:
    hourly = SMALL.data[1].model_copy(update={"bars_per_year": 252 * 16})
    run = variant(data=(SMALL.data[0], hourly))
    genome = first_genome().copy()
    candidate = judged().reshape(1).copy()
    for allele, factor in ((0, 1), (1, 4), (2, 1), (3, 4)):
        genome["alleles"][ALLELE_SLOT["portfolio.instrument"]] = allele
        candidate["genome"] = np.frombuffer(genome.tobytes(), CANDIDATE["genome"])
        found = champion(candidate[0], 2, run)
        assert found is not None
        assert found.training.sharpe_annual == pytest.approx(0.3 * np.sqrt(252) * factor)


def test_an_answer_nobody_waits_for_changes_nothing() -> None:
    state = registered(island(members(1)))
    name = state.candidates["genome_id"][0].tobytes().hex()
    assert answered(state, "0" * 32, members(1)) == (state, None)
    once, _ = answered(state, name, members(1))
    assert answered(once, name, members(1))[0] is once
