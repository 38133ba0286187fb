"""The gate of the vault: how often it lets through what has no skill, and that no other gate would stop it."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from common.events.spec import Promotion, RunSpec
from selector.judgement import champion, verdicts
from selector.promotion import FIGURE, VAULT, answered, choose, reads_of
from selector.state import CANDIDATE, IslandState
from tests.unit.selector.island_world import SMALL, variant
from tests.unit.selector.test_promotion import island, judged, members

MANY = 20_000
LEVEL_TESTED = 0.05 / 6


def null_candidates(run: RunSpec) -> np.ndarray:
    """Answered candidates that passed all that evolution could see, and whose vault is luck: z is standard normal.

    Trades and profit are those of ``judged``, enough for their gates: what is left is the p-value.
    """
    candidates = np.repeat(judged(run).reshape(1), MANY)
    assert candidates.dtype == CANDIDATE
    candidates["evidence"][:, VAULT, FIGURE["detrended_z"]] = np.random.default_rng(20_251_104).normal(size=MANY)
    return candidates


def test_of_candidates_without_skill_as_many_pass_as_the_level_says() -> None:
    promoted = [champion(candidate, 2, SMALL) is not None for candidate in null_candidates(SMALL)]
    low, high = binom.interval(1 - 1e-4, MANY, LEVEL_TESTED)
    assert low <= sum(promoted) <= high
    assert 0 < low < high < 2 * MANY * LEVEL_TESTED


def test_without_the_gate_of_the_vault_all_of_them_would_pass() -> None:
    for candidate in null_candidates(SMALL)[:2_000]:
        judged_by = {verdict.gate: verdict.passed for verdict in verdicts(candidate, SMALL)}
        p_passed = judged_by.pop("vault_p_value")
        assert all(judged_by.values())
        assert (champion(candidate, 2, SMALL) is not None) == p_passed


@pytest.mark.parametrize(("reads", "alpha"), [(1, 0.05), (6, 0.05), (6, 0.3), (200, 0.05)])
def test_the_bound_on_z_is_that_of_bonferroni(reads: int, alpha: float) -> None:
    run = variant(promotion=Promotion(vault_reads_max=reads, vault_alpha=alpha))
    bound = norm.isf(alpha / reads)
    candidate = judged().copy()
    for z, passes in ((bound + 1e-6, True), (bound - 1e-6, False)):
        candidate["evidence"][VAULT, FIGURE["detrended_z"]] = z
        assert (champion(candidate, 2, run) is not None) == passes


def test_a_run_without_skill_promotes_anything_no_more_often_than_its_level() -> None:
    """Many runs, each spending all its reads, over all islands, on lucky members: the family-wise rate."""
    runs, rng, lucky = 600, np.random.default_rng(7), 0
    for _ in range(runs):
        lucky += any(promotes(SMALL, where, rng) for where in range(SMALL.islands))
    # Reads are independent here: 1 - (1 - 0.05 / 6) ** 6 = 4.9 %.
    low, high = binom.interval(1 - 1e-4, runs, 1 - (1 - LEVEL_TESTED) ** 6)
    assert low <= lucky <= high


def promotes(run: RunSpec, where: int, rng: np.random.Generator) -> bool:
    """Whether an island promotes anything by the end of the run, when every read is luck."""
    state, found = island(members(6), island=where, generation=8), False
    while (candidate := choose(state, run)) is not None:
        state, answer = read(state, candidate, rng)
        found |= champion(answer, where, run) is not None
    assert len(state.candidates) == reads_of(run, where)
    return found


def read(state: IslandState, candidate: np.ndarray, rng: np.random.Generator) -> tuple[IslandState, np.void]:
    """Register ``candidate`` and answer with a vault of enough trades, some profit and a z of luck."""
    waiting = island(
        state.population, island=state.island, generation=8, candidates=np.concatenate([state.candidates, candidate])
    )
    answer = members(1)
    answer["evidence"][:, VAULT] = judged()["evidence"][VAULT]
    answer["evidence"][:, VAULT, FIGURE["detrended_z"]] = rng.normal()
    after, judged_now = answered(waiting, candidate["genome_id"][0].tobytes().hex(), answer)
    assert judged_now is not None
    return after, judged_now
