"""Cohorts measured on CUDA devices: one fleet, built for the windows and costs of a run, that cohorts use in turn."""

import re
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.measure import Measures
from common.backtest.windows import Cut
from common.errors import ConfigurationError
from common.genome.layout import GENOME_BYTES, Population
from common.market.allocation import Allocation
from common.market.engineered import LEAVES_MAX, TOKEN_BYTES
from evaluator.content import digest_of

if TYPE_CHECKING:
    from common.backtest.device import Fleet

CPU = "cpu"
SETTING = "GALAPAGOS_EVALUATOR_DEVICE"
_BLOCK_BYTES = 4 * GENOME_BYTES
"""What a genome takes in the pinned memory of one device: its genes and figures, in each of two batches in flight."""


def device_numbers_of(device: str) -> tuple[int, ...]:
    """The devices that a value of the setting names; none for ``cpu``.

    Raises ConfigurationError for any other text, and when one of the devices is not there. CUDA is not even looked for
    where nobody asks for it.
    """
    if device == CPU:
        return ()
    named = re.fullmatch(r"cuda(?::([0-9]{1,3}(?:,[0-9]{1,3})*))?", device)
    if named is None:
        raise ConfigurationError(f"{SETTING} {device!r}: use cpu, cuda for every device, or cuda:0,1 for these two")
    from common.backtest.device_memory import device_numbers

    try:
        present = device_numbers()
    except ConfigurationError as error:
        raise ConfigurationError(f"{SETTING} {device!r}: {error}; to measure on the CPU, set it to cpu") from error
    wanted = tuple(dict.fromkeys(map(int, named[1].split(",")))) if named[1] else tuple(present)
    if missing := [number for number in wanted if number not in present]:
        raise ConfigurationError(
            f"{SETTING} {device!r}: of the devices {missing} there is none here; use cuda, or name some of {present}"
        )
    return wanted


def row_bytes_for(numbers: Sequence[int]) -> int:
    """What a genome takes on this side of these devices, beside what it takes on the CPU.

    A batch looks up all its bitmaps at once, and every device has pinned memory for all of it.
    """
    return LEAVES_MAX * TOKEN_BYTES + len(numbers) * _BLOCK_BYTES if numbers else 0


class Devices:
    """Measures populations as ``measure`` does, equal to rounding; other windows or costs need another fleet.

    ``rows``: of the largest population to come; ``threads`` share the portfolios, which go to the CPU. Several threads
    may ask at once: the devices are theirs one after the other.
    """

    def __init__(self, numbers: Sequence[int], arenas: Sequence[Arena], rows: int, threads: int) -> None:
        from common.backtest.device_memory import models_of

        self.engine = f"cuda {models_of(numbers)}"
        """What measures, for a fitness cache: other models of devices may round differently."""
        self._numbers, self._arenas, self._rows, self._threads = tuple(numbers), arenas, rows, threads
        self._lock = Lock()
        self._fleet: tuple[bytes, Fleet] | None = None

    def measure(
        self, population: Population, cuts: Sequence[Cut], costs: Floats, trades_min: int, allocation: Allocation | None
    ) -> Measures:
        """Arguments as of ``measure.measure``; never the vault. Raises ConfigurationError when memory is short."""
        with self._lock:
            return self._fleet_for(cuts, costs, trades_min, allocation).measure(population)

    def _fleet_for(self, cuts: Sequence[Cut], costs: Floats, trades_min: int, allocation: Allocation | None) -> "Fleet":
        from common.backtest.device import Fleet

        key = digest_of(list(cuts), costs, trades_min)
        if self._fleet is None or self._fleet[0] != key:
            self._fleet = None  # its memory is needed
            fleet = Fleet(
                self._arenas,
                cuts,
                costs,
                trades_min,
                with_vault=False,
                rows=self._rows,
                devices=self._numbers,
                threads=self._threads,
                allocation=allocation,
            )
            self._fleet = key, fleet
        return self._fleet[1]
