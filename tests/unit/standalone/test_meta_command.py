"""`galapagos meta`: weights beside other libraries, and nothing but training has a say in them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.covariance import ledoit_wolf

from generator.experts import experts
from standalone.leaderboard_tracks import Ground
from standalone.meta_voting import voted
from standalone.meta_weights import (
    METHODS,
    diversification_ratio,
    effective_members,
    fitted,
    long_only,
    mean_correlation,
    shrunk,
)
from tests.unit.standalone.conftest import Galapagos
from tests.unit.standalone.test_leaderboard_command import make_run


def returns_of(seed: int, days: int = 300, members: int = 6) -> np.ndarray:
    draws = np.random.Generator(np.random.Philox(seed))
    common = draws.standard_normal((days, 1))
    return 0.01 * (common + draws.uniform(0.2, 3, members) * draws.standard_normal((days, members)))


def test_the_shrunk_covariance_is_that_of_scikit_learn() -> None:
    returns = returns_of(1)
    assert np.allclose(shrunk(returns), ledoit_wolf(returns)[0], rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_long_only_weights_are_those_that_slsqp_finds(seed: int) -> None:
    covariance = shrunk(returns_of(seed)) * 1e4
    bounds, sums = [(0, 1)] * 6, {"type": "eq", "fun": lambda w: w.sum() - 1}
    peer = minimize(lambda w: w @ covariance @ w, np.full(6, 1 / 6), bounds=bounds, constraints=sums, tol=1e-12)
    ours = long_only(covariance, np.ones(6))
    assert np.allclose(ours, peer.x, atol=1e-4)


def test_maximum_diversification_has_the_highest_ratio_there_is() -> None:
    covariance = shrunk(returns_of(2)) * 1e4
    deviation = np.sqrt(np.diag(covariance))
    best = METHODS["maximum diversification"](returns_of(2))
    draws = np.random.Generator(np.random.Philox(9)).dirichlet(np.ones(6), 2000)

    def ratio(weights: np.ndarray) -> float:
        return float(weights @ deviation / np.sqrt(weights @ covariance @ weights))

    assert ratio(best) >= max(map(ratio, draws)) - 1e-9


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 10_000), members=st.integers(1, 9), idle=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_weights_are_shares_and_who_never_moved_gets_none(method: str, seed: int, members: int, idle: int) -> None:
    returns = np.concatenate([returns_of(seed, 80, members), np.zeros((80, idle))], axis=1)
    weights = fitted(method, returns)
    assert np.isclose(weights.sum(), 1)
    assert (weights >= -1e-12).all()
    assert not weights[members:].any()


def test_diversity_is_counted_in_members_without_correlation() -> None:
    draws = np.random.Generator(np.random.Philox(3)).standard_normal((5000, 4))
    assert effective_members(draws) == pytest.approx(4, abs=0.01)
    assert effective_members(np.repeat(draws[:, :1], 4, axis=1)) == pytest.approx(1)
    assert mean_correlation(np.repeat(draws[:, :1], 4, axis=1)) == pytest.approx(1)
    assert diversification_ratio(np.full(4, 0.25), draws) == pytest.approx(2, abs=0.05)
    assert diversification_ratio(np.array([1.0, 0, 0, 0]), draws) == pytest.approx(1)


def test_copies_vote_as_one_does(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", 1, ())
    genomes = [experts()[0].genome] * 3
    ground = Ground.of(folder.spec(), folder.bars(), genomes)
    alone, together = voted(ground, genomes[:1], "training"), voted(ground, genomes, "training")
    assert np.allclose(alone[0], together[0])
    assert alone[1] == together[1] > 0


def test_combinations_are_told_with_their_members(galapagos: Galapagos, tmp_path: Path) -> None:
    make_run(tmp_path / "runs/a", 1, experts()[:3])
    code, out, err = galapagos("meta", "--draws", "99", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert len(found["members"]) == 3
    assert {row["method"] for row in found["methods"]} == {*METHODS, "best member in training", "majority vote"}
    code, out, _ = galapagos("meta", "--draws", "99")
    assert (code, "parity" in out) == (0, True)


def test_one_member_is_no_combination_and_an_empty_archive_is_named(galapagos: Galapagos, tmp_path: Path) -> None:
    make_run(tmp_path / "runs/a", 1, experts()[:1])
    code, _, err = galapagos("meta")
    assert (code, "--elites N" in err) == (2, True)
    code, _, err = galapagos("meta", "--elites", "4")
    assert (code, "no saved archive" in err) == (2, True)
