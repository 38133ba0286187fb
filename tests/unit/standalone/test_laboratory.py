"""A run carried by hand: in stretches or at once it ends the same, and no bar of a vault is there."""

from typing import Any

import numpy as np
import pytest

from common.backtest.measure import TRAINING, VALIDATION
from common.events.spec import RunSpec, Windows
from common.market.synthetic import planted
from common.run.stretches import cut_of
from evaluator.preparing import arenas_of
from evaluator.service import service as evaluator
from generator.service import SERVICE as GENERATOR
from selector.archive import cells
from selector.service import SERVICE as SELECTOR
from standalone.laboratory import Course, Z, best_of_cells, history, paired
from standalone.request import build_spec

BARS = planted(1, 900, 0.6)
FIELDS: dict[str, Any] = {
    "islands": 2,
    "generations": 8,
    "windows": {"warmup_bars": 50},
    "evolution": {"offspring": 16, "population": 8, "trades_min": 8},
}


def _course() -> Course:
    run: RunSpec = build_spec([BARS], FIELDS)
    return Course(run, [GENERATOR, evaluator(arenas_of(run, [BARS], 1)), SELECTOR])


@pytest.fixture(scope="module")
def straight() -> Course:
    course = _course()
    course.onward()
    return course


def test_in_stretches_a_run_ends_as_it_does_at_once(straight: Course) -> None:
    course = _course()
    for generation in (1, 2, 7):
        course.onward(generation)
        assert course.proposed >= 2 * 16 * generation
        assert course.proposed < 2 * 16 * (generation + 1)
    course.onward()
    assert course.proposed == straight.proposed
    assert course.feasible().tobytes() == straight.feasible().tobytes()


def test_history_ends_where_the_vault_begins() -> None:
    windows = Windows(warmup_bars=50)
    seen = history(BARS, windows)
    vault = cut_of(len(BARS), windows).vault[0][0]
    assert len(seen) == vault
    assert seen.ts_us[-1] < BARS.ts_us[vault]


def test_the_best_are_of_different_cells_and_nobody_better_of_a_cell_is_left(straight: Course) -> None:
    members = straight.feasible()
    for window in (TRAINING, VALIDATION):
        best = best_of_cells(members, window, 5)
        z, places = best["evidence"][:, window, Z], cells(best["descriptor"])
        assert len(np.unique(places)) == len(best) == 5
        assert (np.diff(z) <= 0).all()
        for place, own in zip(places, z, strict=True):
            assert members["evidence"][cells(members["descriptor"]) == place, window, Z].max() == own


def test_an_interval_covers_the_difference_that_there_is() -> None:
    draws = np.random.Generator(np.random.Philox(1))
    held = 0
    for _ in range(40):
        base = draws.normal(size=(8, 4))
        mean, low, high = paired(base + 0.5 + draws.normal(size=(8, 4)), base)
        assert low <= mean <= high
        held += low <= 0.5 <= high
    assert held >= 34
