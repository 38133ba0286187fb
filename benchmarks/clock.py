"""Timing on a shared machine: CPU time of this process, best of interleaved repeats."""

import time
from collections.abc import Callable


def interleaved(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """CPU seconds of each work, best of ``repeats``; the works take turns, so that a noisy moment hits them all."""
    for work in works.values():
        work()  # compile, fill caches
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            start = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - start)
    return best
