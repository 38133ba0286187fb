"""Timing on a shared machine: best of interleaved repeats, in CPU time of this process or by the wall."""

import importlib
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TypeVar

Name = TypeVar("Name")


def interleaved(
    works: Mapping[Name, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[Name, float]:
    """Seconds of each work, best of ``repeats``; the works take turns, so that a noisy moment hits them all."""
    for work in works.values():
        work()  # compile, fill caches
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            start = clock()
            work()
            best[name] = min(best[name], clock() - start)
    return best


def scaled(amount: int, scale: float, least: int) -> int:
    """``scale`` of an amount of work, but at least ``least``.

    >>> scaled(4000, 0.5, 10), scaled(4000, 0.001, 10)
    (2000, 10)
    """
    return max(round(amount * scale), least)


def peer_version(name: str) -> tuple[str | None, str | None]:
    """The version of a program to compare with; or None, and why there is nothing to compare with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    except ImportError as error:
        return None, f"{name} cannot be imported ({error}); `make setup` installs it beside the tests"
    return version(name), None
