"""Self-tuning: equal numbers of genomes, no bar of a vault, no draw lost by an interruption, and an honest verdict."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.measure import TRAINING, VALIDATION
from common.errors import ConfigurationError
from common.events.spec import RunSpec, Windows
from common.genome.operators import CROSSOVERS, MUTATIONS
from common.market.bars import Bars
from common.market.synthetic import noise, planted
from evaluator.preparing import arenas_of
from evaluator.service import service as evaluator
from generator.service import SERVICE as GENERATOR
from selector.service import SERVICE as SELECTOR
from standalone import tuning
from standalone.laboratory import Course, Z, best_of_cells
from standalone.request import build_spec
from standalone.tuning import Asked, Tuning, verdict
from standalone.tuning_bench import ELITES, NOBODY, Market, built_in, same_days, worth_of
from standalone.tuning_space import BLOCKS, Range, fields_of, generations_of, merged, space

BASE: dict[str, Any] = {
    "islands": 2,
    "windows": {"warmup_bars": 50},
    "evolution": {"offspring": 16, "population": 16, "trades_min": 8},
}
WINDOWS = Windows(warmup_bars=50)
GENOMES = 256


def _asked(trained: Bars | None = None, **other: Any) -> Asked:
    training = Market.of(trained or planted(1, 900, 0.6), WINDOWS)
    held_out = Market.of(planted(2, 900, 0.6), WINDOWS)
    plain = {"trials": 3, "genomes": GENOMES, "seeds": 1, "held_out_seeds": 2}
    return Asked([training], [held_out], BASE, **plain | other)


def _tuned(asked: Asked, folder: Path, resume: bool = False, threads: int = 1, cut_at: int = 0) -> dict[str, Any]:
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == cut_at:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(threads) as pool:
        return Tuning(asked, folder, resume, pool, say).run()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _tuned(_asked(), tmp_path_factory.mktemp("straight"))


def test_a_tuning_that_was_interrupted_ends_as_one_that_was_not(straight: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _tuned(_asked(), tmp_path, cut_at=2)
    found = _tuned(_asked(), tmp_path, resume=True, threads=2)
    assert found == straight


def test_what_the_sampler_has_learnt_is_not_lost_by_an_interruption(tmp_path: Path) -> None:
    asked = _asked(trials=13, genomes=128)
    found = _tuned(asked, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        _tuned(asked, tmp_path / "cut", cut_at=12)
    assert _tuned(asked, tmp_path / "cut", resume=True) == found


def test_a_trial_that_was_cut_off_is_done_again_with_the_same_draws(
    straight: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopping(tuning.Bench):
        def looks(self, over: Any, seeds: Any) -> Any:
            for number, look in enumerate(super().looks(over, seeds)):
                yield look
                if over and number == 1:
                    raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "Bench", Stopping)
    with pytest.raises(KeyboardInterrupt):
        _tuned(_asked(), tmp_path)
    monkeypatch.undo()
    found = _tuned(_asked(), tmp_path, resume=True)
    assert found["interrupted"] == 1
    assert found["settings"] == straight["settings"]
    assert found["training"]["tuned"] == straight["training"]["tuned"]
    added = [each["training"]["markets"][0]["genomes_evaluated"] for each in (found, straight)]
    assert added[0] - added[1] >= GENOMES // BLOCKS  # what was cut off has been looked at all the same


def test_all_that_was_measured_is_counted(straight: dict[str, Any]) -> None:
    assert straight["trials"] == 3
    assert straight["training"]["markets"][0]["genomes_evaluated"] >= 3 * GENOMES
    if straight["held_out"]:
        assert straight["held_out"]["markets"][0]["genomes_evaluated"] >= 2 * 2 * GENOMES


def test_no_bar_of_the_vault_has_a_say(straight: dict[str, Any], tmp_path: Path) -> None:
    bars, other = planted(1, 900, 0.6), noise(9, 900)
    seen = len(Market.of(bars, WINDOWS).bars)
    scale = bars.close[seen - 1] / other.close[seen - 1]
    mixed = {
        name: np.concatenate([getattr(bars, name)[:seen], getattr(other, name)[seen:] * scale])
        for name in ("open", "high", "low", "close")
    }
    found = _tuned(_asked(replace(bars, **mixed)), tmp_path)
    assert found["settings"] == straight["settings"]
    assert found["training"]["tuned"] == straight["training"]["tuned"]


def test_more_trials_go_on_from_those_that_are_done(straight: dict[str, Any], tmp_path: Path) -> None:
    _tuned(_asked(trials=2), tmp_path)
    found = _tuned(_asked(), tmp_path, resume=True)
    assert (found["settings"], found["trials"]) == (straight["settings"], 3)


def test_what_differs_from_the_tuning_that_goes_on_is_named(tmp_path: Path) -> None:
    _tuned(_asked(trials=2), tmp_path)
    with pytest.raises(ConfigurationError, match=r"--seeds: 2 was asked for, but the tuning in .* has 1"):
        _tuned(_asked(seeds=2), tmp_path, resume=True)
    with pytest.raises(ConfigurationError, match="add --resume"):
        _tuned(_asked(), tmp_path)
    with pytest.raises(ConfigurationError, match="holds no tuning"):
        _tuned(_asked(), tmp_path / "other", resume=True)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"trials": 1}, "--trials 1"),
        ({"seeds": 0}, "--seeds 0"),
        ({"genomes": 100}, "--genomes 100: .* use 128"),
        ({"held_out": "training"}, "--held-out planted-1"),
    ],
)
def test_what_cannot_be_tuned_is_named(other: dict[str, Any], message: str, tmp_path: Path) -> None:
    asked = _asked(**{name: value for name, value in other.items() if name != "held_out"})
    asked = replace(asked, held_out=asked.training) if "held_out" in other else asked
    with pytest.raises(ConfigurationError, match=message):
        _tuned(asked, tmp_path)


def _values(ranges: dict[str, Range]) -> st.SearchStrategy[dict[str, Any]]:
    def one(setting: Range) -> st.SearchStrategy[Any]:
        if setting.kind == "choice":
            return st.sampled_from(setting.choices)
        if setting.kind == "whole":
            return st.integers(int(setting.low), int(setting.high))
        return st.floats(setting.low, setting.high)

    return st.fixed_dictionaries({name: one(setting) for name, setting in ranges.items()})


DEFAULT = build_spec([planted(1, 2000, 0.6)], {})
SPACE = space(DEFAULT, 131_072)


@given(_values(SPACE))
@settings(max_examples=60, deadline=None)
def test_whatever_is_drawn_is_a_run_of_as_many_genomes(values: dict[str, Any]) -> None:
    run = build_spec([planted(1, 2000, 0.6)], fields_of(values))
    generations = generations_of(run, 131_072)
    assert generations >= BLOCKS
    assert generations * run.islands * run.evolution.offspring == 131_072


def test_the_usual_values_are_the_default() -> None:
    fields = fields_of({name: setting.usual for name, setting in SPACE.items()})
    run = RunSpec.model_validate(merged(DEFAULT.model_dump(), fields))
    operators = run.evolution.operators
    evolution = run.evolution.model_copy(update={"operators": {}})
    assert run.model_copy(update={"evolution": evolution}) == DEFAULT
    assert operators == pytest.approx({**CROSSOVERS, **MUTATIONS})


def test_an_engine_that_only_draws_at_random_is_tuned_to_one_that_breeds(tmp_path: Path) -> None:
    sizes = {"offspring": 32, "population": 32, "trades_min": 20, "immigrant_rate": 1.0}
    training, *held_out = (Market.of(planted(seed, 1600, 0.3), WINDOWS) for seed in (1, 2, 3))
    asked = Asked([training], held_out, merged(BASE, {"evolution": sizes}), 3, 2048, 2, 2)
    found = _tuned(asked, tmp_path)
    assert found["training"]["tuned"] > found["training"]["default"]
    assert found["config"]["evolution"]["immigrant_rate"] <= 0.3
    assert found["held_out"]["low"] <= found["held_out"]["added"] <= found["held_out"]["high"]
    assert found["held_out"]["added"] > 0


def test_validation_judges_those_that_training_chose_and_finding_nobody_is_worst() -> None:
    market = Market.of(planted(1, 900, 0.6), WINDOWS)
    run = build_spec([market.bars], merged(BASE, {"generations": 3}))
    course = Course(run, [GENERATOR, evaluator(arenas_of(run, [market.bars], 1)), SELECTOR])
    course.onward()
    members = course.feasible()
    best = best_of_cells(members, TRAINING, ELITES)
    assert 1 < len(best) < len(members)
    others = ~np.isin(members["genome_id"], best["genome_id"])
    changed = members.copy()
    changed["evidence"][others, VALIDATION, Z] += 100.0
    assert worth_of(changed) == worth_of(members)
    if len(best) == ELITES:
        assert worth_of(members) == pytest.approx(best["evidence"][:, VALIDATION, Z].mean())
    assert worth_of(members[:0]) == NOBODY < worth_of(best[:5]) < worth_of(members)


def test_an_interval_that_holds_zero_is_nothing() -> None:
    assert [verdict(*interval) for interval in ((-0.1, 0.2), (0.0, 0.3), (0.1, 0.2), (-0.2, -0.1))] == [
        "nothing",
        "nothing",
        "better",
        "worse",
    ]


def test_built_in_markets_share_no_market_and_no_year() -> None:
    training, held_out = built_in(Windows())
    assert same_days(training, held_out) == []
    assert not {market.digest for market in training} & {market.digest for market in held_out}
    assert same_days([Market.of(planted(1, 900, 0.6), WINDOWS)], [Market.of(planted(2, 900, 0.6), WINDOWS)])
