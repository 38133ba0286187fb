"""The study of a tuning: optuna's journal in its folder, one process at a time, the same draws wherever it stops."""

import fcntl
import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import optuna
import orjson
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from common.errors import ConfigurationError
from standalone.tuning_space import Range

JOURNAL, _LOCK = "journal.log", "lock"
_PRUNED_FROM, _DRAWN_FIRST = 5, 10
"""Trials before the pruner has a median to go by, and trials drawn at random before the sampler has a model."""


def locked(folder: Path) -> IO[bytes]:
    """The folder for this process alone, until the file is closed. Raises ConfigurationError where it is in use."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ConfigurationError(
            f"--out {folder}: another process is tuning there; wait for it, or name another folder"
        ) from None
    return lock


def sampler(seed: int, finished: int) -> optuna.samplers.TPESampler:
    """The sampler of the trial that follows ``finished`` others: its draws follow from both, not from memory."""
    drawn = int(np.random.SeedSequence([seed, finished]).generate_state(1)[0])
    return optuna.samplers.TPESampler(n_startup_trials=_DRAWN_FIRST, seed=drawn)


def distribution(setting: Range) -> BaseDistribution:
    """What optuna may draw."""
    if setting.kind == "choice":
        return CategoricalDistribution(setting.choices)
    if setting.kind == "whole":
        return IntDistribution(math.floor(setting.low), math.floor(setting.high))
    return FloatDistribution(setting.low, setting.high)


def opened(folder: Path, identity: Mapping[str, Any], resume: bool) -> optuna.Study:
    """The study in the folder; trials that were cut off count as failed, and are asked for again.

    Raises ConfigurationError where ``identity``, values by the name of their option, is not what the study has.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = folder / JOURNAL
    if journal.exists() and not resume:
        raise ConfigurationError(
            f"--out {folder}: holds a tuning already; add --resume to go on with it, or name another folder"
        )
    if resume and not journal.exists():
        raise ConfigurationError(f"--out {folder}: holds no tuning; leave --resume out to begin one")
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name="tuning",
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_PRUNED_FROM),
        load_if_exists=True,
    )
    wanted = orjson.loads(orjson.dumps(dict(identity)))
    known = study.user_attrs.get("asked", wanted)
    for name, value in wanted.items():
        if known[name] != value:
            option = f"--{name.replace('_', '-')}"
            raise ConfigurationError(
                f"{option}: {value!r} was asked for, but the tuning in {folder} has {known[name]!r}; ask for the same "
                "to go on, or name another folder with --out"
            )
    study.set_user_attr("asked", wanted)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study
