"""Self-tuning: optuna looks for settings of the engine on some markets, and others say whether that added anything."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from optuna.trial import FrozenTrial, TrialState

from common.errors import ConfigurationError
from common.run.folder import write_atomically
from standalone.laboratory import paired
from standalone.request import build_spec
from standalone.tuning_bench import Bench, Market, shared
from standalone.tuning_space import BLOCKS, fields_of, merged, space
from standalone.tuning_study import distribution, opened, sampler

RESULT, CONFIG = "tuning.json", "tuned.json"
HELD_OUT_SEED = 1_000_000
"""Seeds of the judgement begin so far behind those of the trials."""
SEEDS_MAX = 1_000
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a tuning is: ``base`` holds the fields of a specification that every run shares."""

    training: Sequence[Market]
    held_out: Sequence[Market]
    base: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 24
    genomes: int = 131_072
    seeds: int = 2
    held_out_seeds: int = 5
    seed: int = 7

    def identity(self) -> dict[str, Any]:
        """What must be the same where a tuning goes on, by the name of its option."""
        return {
            "data": [market.digest for market in self.training],
            "held_out": [market.digest for market in self.held_out],
            "config": dict(self.base),
            **{name: getattr(self, name) for name in ("genomes", "seeds", "held_out_seeds", "seed")},
        }


class Tuning:
    """One tuning in its folder; everything it knows lies in optuna's journal there."""

    def __init__(self, asked: Asked, folder: Path, resume: bool, pool: ThreadPoolExecutor, say: Say) -> None:
        check(asked)
        self._asked, self._folder, self._pool, self._say = asked, folder, pool, say
        self._base = shared(asked.base)
        ranges = space(build_spec([asked.training[0].bars], self._base), asked.genomes)
        self._usual = {name: each.usual for name, each in ranges.items()}
        self._distributions = {name: distribution(each) for name, each in ranges.items()}
        self._study = opened(folder, asked.identity(), resume)

    def run(self) -> dict[str, Any]:
        """Try what is left of the trials, judge the best, and write both files; the result as JSON values."""
        asked = self._asked
        if len(self._finished()) < asked.trials:
            bench = Bench(self._base, asked.training, asked.genomes, self._pool)
            while len(self._finished()) < asked.trials:
                self._try(bench)
        found = self._result(self._study.best_trial)
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        write_atomically(self._folder / CONFIG, orjson.dumps(found["config"], option=options))
        write_atomically(self._folder / RESULT, orjson.dumps(found, option=options))
        return found

    def _finished(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=_DONE)

    def _try(self, bench: Bench) -> None:
        """One trial; the first is the default."""
        asked, study, number = self._asked, self._study, len(self._finished())
        if not number and not study.get_trials(states=(TrialState.WAITING,)):
            study.enqueue_trial(self._usual)
        study.sampler = sampler(asked.seed, number)
        trial = study.ask(self._distributions)
        over: dict[str, Any] = fields_of(trial.params) if number else {}
        trial.set_user_attr("fields", over)
        value, pruned, step = 0.0, False, 0
        for step, look in enumerate(bench.looks(over, self._seeds(0, asked.seeds)), 1):
            value = float(look.worth.mean())
            trial.report(value, step)
            trial.set_user_attr("genomes", look.genomes.tolist())
            if pruned := step < BLOCKS and trial.should_prune():
                break
        study.tell(trial, None if pruned else value, TrialState.PRUNED if pruned else TrialState.COMPLETE)
        outcome = f"{value:+.3f}" + (f", stopped after {step} of {BLOCKS} looks" if pruned else "")
        first = self._finished()[0].value
        self._say(
            f"trial {number + 1} of {asked.trials}: {outcome}; best {study.best_value:+.3f}, default {first:+.3f}"
        )

    def _seeds(self, offset: int, count: int) -> range:
        return range(self._asked.seed + offset, self._asked.seed + offset + count)

    def _judged(self, best: FrozenTrial) -> dict[str, Any]:
        """The best trial against the default where no trial has been; kept, for each look makes the next worth less."""
        known: dict[str, Any] = self._study.user_attrs.get("judged", {})
        name = str(best.number)
        if name in known:
            return known[name]
        asked = self._asked
        self._say(f"judging on held-out markets: {', '.join(market.bars.name for market in asked.held_out)}")
        bench = Bench(self._base, asked.held_out, asked.genomes, self._pool)
        seeds = self._seeds(HELD_OUT_SEED, asked.held_out_seeds)
        both: tuple[dict[str, Any], ...] = ({}, best.user_attrs["fields"])
        default, tuned = (list(bench.looks(over, seeds))[-1] for over in both)
        added, low, high = paired(tuned.worth, default.worth)
        found = {
            "default": float(default.worth.mean()),
            "tuned": float(tuned.worth.mean()),
            "added": added,
            "low": low,
            "high": high,
            "added_by_market": (tuned.worth - default.worth).mean(axis=1).tolist(),
            "genomes": (default.genomes + tuned.genomes).tolist(),
        }
        self._study.set_user_attr("judged", known | {name: found})
        return found

    def _result(self, best: FrozenTrial) -> dict[str, Any]:
        asked, trials = self._asked, self._study.get_trials(deepcopy=False)
        first = next(trial for trial in trials if trial.state == TrialState.COMPLETE)
        is_default = best.number == first.number
        judged = None if is_default else self._judged(best)
        looks: dict[str, Any] = self._study.user_attrs.get("judged", {})
        bred = [trial.user_attrs["genomes"] for trial in trials if "genomes" in trial.user_attrs]
        return {
            "verdict": "default" if judged is None else verdict(judged["low"], judged["high"]),
            "trials": len(self._finished()),
            "pruned": sum(trial.state == TrialState.PRUNED for trial in trials),
            "interrupted": sum(trial.state == TrialState.FAIL for trial in trials),
            "genomes_per_run": asked.genomes,
            "training": {
                "markets": _counted(asked.training, np.sum(bred, axis=0).tolist()),
                "seeds": asked.seeds,
                "default": first.value,
                "tuned": best.value,
            },
            "held_out": judged
            and {
                "markets": _counted(asked.held_out, np.sum([each["genomes"] for each in looks.values()], axis=0)),
                "seeds": asked.held_out_seeds,
                "looks": len(looks),
                **{name: value for name, value in judged.items() if name != "genomes"},
            },
            "settings": best.user_attrs["fields"],
            "config": merged(asked.base, best.user_attrs["fields"]),
        }


def verdict(low: float, high: float) -> str:
    """What an interval of what was added says: better, worse, or nothing.

    >>> verdict(-0.1, 0.4), verdict(0.1, 0.4)
    ('nothing', 'better')
    """
    return "better" if low > 0 else "worse" if high < 0 else "nothing"


def check(asked: Asked) -> None:
    """Raise ConfigurationError, naming the option, for what cannot be tuned."""
    if asked.trials < 2:
        raise ConfigurationError(f"--trials {asked.trials}: the first is the default; use 2 or more")
    for option, count in (("--seeds", asked.seeds), ("--held-out-seeds", asked.held_out_seeds)):
        if not 1 <= count <= SEEDS_MAX:
            raise ConfigurationError(f"{option} {count}: use 1 to {SEEDS_MAX}")
    trained = {market.digest for market in asked.training}
    for market in asked.held_out:
        if market.digest in trained:
            raise ConfigurationError(
                f"--held-out {market.bars.name}: holds the same bars as a training market; name another market"
            )


def _counted(markets: Sequence[Market], genomes: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"name": market.bars.name, "digest": market.digest, "bars": len(market.bars), "genomes_evaluated": int(count)}
        for market, count in zip(markets, genomes, strict=True)
    ]
