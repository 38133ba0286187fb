"""The same specification gives the same digest: twice, and with any number of evaluators."""

import pytest

from tests.flow.conftest import SMALL, Evolve


def test_a_run_twice_and_with_three_evaluators_ends_in_the_same_state(evolve: Evolve) -> None:
    once, again, many = evolve(), evolve(), evolve(workers=3)
    assert once.run["digest"] == again.run["digest"] == many.run["digest"]
    assert [row["genome_id"] for row in once.champions] == [row["genome_id"] for row in many.champions]
    assert once.run["run_id"] == many.run["run_id"]


def test_one_island_whose_cohorts_three_threads_share_ends_in_the_same_state_with_and_without_a_cache(
    evolve: Evolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, shared = evolve(islands=1), evolve(islands=1, workers=3)
    monkeypatch.setenv("GALAPAGOS_EVALUATOR_CACHE", "")
    monkeypatch.setenv("GALAPAGOS_EVALUATOR_BATCH", "50")
    plain = evolve(islands=1)
    assert alone.run["digest"] == shared.run["digest"] == plain.run["digest"]


def test_another_seed_ends_in_another_state(evolve: Evolve) -> None:
    assert evolve(generations=2).run["digest"] != evolve(generations=2, seed=8).run["digest"]


def test_recording_into_the_store_changes_nothing_and_keeps_the_genealogy(evolve: Evolve) -> None:
    recorded = evolve(store=True)
    assert recorded.run["digest"] == evolve().run["digest"]
    from common.run.open import open_store

    store = open_store(f"chdb://{recorded.folder.store.absolute()}")
    try:
        counted = store.query("SELECT uniqExact(genome_id) AS champions FROM champions").to_pylist()
        generations = store.query("SELECT count() AS closed FROM generations FINAL").to_pylist()
    finally:
        store.close()
    assert counted == [{"champions": recorded.run["champions"]}]
    assert generations == [{"closed": 4 * 2}]


SELF_CONTROL = {
    "operators": {"sbx": 0.1, "adaptive_step": 0.1},
    "adaptation": {
        "operators": True,
        "rates": True,
        "population": True,
        "restart": True,
        "extinction": 0.3,
        "stagnation": 1,
        "tabu": True,
        "innovation": 0.5,
    },
    "species": {"wanted": 4, "stagnation": 2},
    "migration": {"topology": "full", "choice": "diverse", "immigrants": 0.1},
}


def test_self_control_species_and_every_island_to_every_other_change_nothing_of_that(evolve: Evolve) -> None:
    evolution = SMALL["evolution"] | SELF_CONTROL
    once, many = evolve(islands=3, evolution=evolution), evolve(islands=3, evolution=evolution, workers=3)
    assert once.run["digest"] == many.run["digest"]
    assert once.run["digest"] != evolve(islands=3).run["digest"]
