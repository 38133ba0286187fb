"""Populations measured on CUDA devices: batches that fit their memory, copied while others are measured."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.device_extra import ExtraRows, asked_by
from common.backtest.device_kernels import Site, measure_kernel, sites_of, stress_kernel
from common.backtest.device_memory import (
    copy_in,
    copy_out,
    device_numbers,
    empty,
    free_bytes,
    new_stream,
    on_device,
    pinned,
    threads_last,
)
from common.backtest.market import Words
from common.backtest.measure import WINDOWS, Measures, measure
from common.backtest.metrics import DESCRIPTOR_COUNT, EVIDENCE_COUNT, OBJECTIVE_COUNT
from common.backtest.phenotype import instrument_of
from common.backtest.portfolio import is_portfolio
from common.backtest.rows import Genes, Measured, Scratch
from common.backtest.shares import shares
from common.backtest.windows import Cut
from common.errors import ConfigurationError
from common.genome.layout import GENOME, Population
from common.market.allocation import Allocation
from common.market.engineered import ROWS_MAX

STREAMS = 2
"""Batches in flight on a device: one is copied while the other is measured."""
BLOCK_THREADS = 64
BATCH_ROWS_MAX = 1 << 17
"""About as many threads as a large device holds at once; more only take memory."""
BATCH_ROWS_MIN = 4096
"""A population is split over streams and devices only into batches that are worth a launch."""
MEMORY_SHARE = 0.8
"""Share of the free memory that a fleet takes."""
Rows = npt.NDArray[np.intp]
Arrays = tuple[npt.NDArray[Any], ...]
_RESULT_SHAPES = ((OBJECTIVE_COUNT,), (), (DESCRIPTOR_COUNT,), (WINDOWS, EVIDENCE_COUNT))
_BYTES_BOTH_WAYS = sum(GENOME[block].itemsize for block in Genes._fields) + 8 * sum(map(math.prod, _RESULT_SHAPES))


def blank_genes(rows: int, make: Callable[..., Any]) -> Genes:
    """Room for the genes of a batch, made by ``make(shape, dtype)``."""
    return Genes(*(make((rows, *GENOME[block].shape), GENOME[block].base) for block in Genes._fields))


def blank_results(rows: int, make: Callable[..., Any]) -> Measured:
    """Room for what is found of a batch, made by ``make(shape, dtype)``."""
    return Measured(*(make((rows, *shape), np.float64) for shape in _RESULT_SHAPES))


class _Slot:
    """One batch in flight: a stream, memory on both sides, and the rows that are under way."""

    def __init__(self, device: int, rows: int, words: int, numbers: int) -> None:
        self.device = device
        self.under_way: Rows = np.zeros(0, np.intp)
        with on_device(device):
            self._stream = new_stream()
            self._sent: Arrays = blank_genes(rows, pinned)
            self._received: Arrays = blank_results(rows, pinned)
            self._genes, self._found = blank_genes(rows, empty), blank_results(rows, empty)
            self._words, self._numbers = empty((rows * words,), np.uint64), empty((rows * numbers,), np.float64)

    def _scratch(self, site: Site, rows: int) -> Scratch:
        """Scratch memory of as many threads, laid over this slot's."""
        words, numbers = 0, 0
        arrays: list[Any] = []
        for array in site.scratch[:-1]:
            if array.dtype == np.uint64:
                arrays.append(threads_last(self._words[words:], (rows, *array.shape)))
                words += rows * array.size
            else:
                arrays.append(threads_last(self._numbers[numbers:], (rows, *array.shape)))
                numbers += rows * array.size
        stack, logic, sums, sharpes, profits = arrays
        return Scratch(stack, logic, sums, sharpes, profits, site.scratch.path)

    def start(self, rows: Rows, genes: Arrays, sites: Sequence[Site], trades_min: int) -> None:
        """Queue everything that the genomes ``rows`` need, and return at once."""
        count = len(rows)
        blocks = -(-count // BLOCK_THREADS)
        with on_device(self.device):
            for block, sent in zip(genes, self._sent, strict=True):
                np.take(block, rows, axis=0, out=sent[:count])
            for received in self._received:
                received[:count] = 0.0
            self._copy(copy_in, (*self._sent, *self._received), (*self._genes, *self._found), count)
            history, *stages = sites
            scratch = self._scratch(history, blocks * BLOCK_THREADS)
            launch = measure_kernel[blocks, BLOCK_THREADS, self._stream]
            launch(count, self._genes, history.ground, trades_min, scratch, self._found)
            for stage in stages:
                scratch = self._scratch(stage, blocks * BLOCK_THREADS)
                launch = stress_kernel[blocks, BLOCK_THREADS, self._stream]
                launch(count, self._genes, stage.ground, scratch, self._found)
            self._copy(copy_out, self._found, self._received, count)
        self.under_way = rows

    def _copy(self, copy: Callable[..., None], sources: Arrays, targets: Arrays, count: int) -> None:
        for source, target in zip(sources, targets, strict=True):
            copy(source[:count], target[:count], self._stream)

    def finish(self, found: Arrays) -> None:
        """Wait for what is under way, and write it to its rows."""
        if len(self.under_way):
            with on_device(self.device):
                self._stream.synchronize()
            for received, target in zip(self._received, found, strict=True):
                target[self.under_way] = received[: len(self.under_way)]
            self.under_way = self.under_way[:0]


class Fleet:
    """The devices of this machine with markets, folds and costs on each: measures one population after another.

    Portfolios are measured on the CPU, while the devices are at work on the others.
    """

    def __init__(
        self,
        arenas: Sequence[Arena],
        cuts: Sequence[Cut],
        costs: Floats,
        trades_min: int,
        with_vault: bool,
        rows: int = BATCH_ROWS_MAX,
        devices: Sequence[int] | None = None,
        extra_rows: int = ROWS_MAX,
        threads: int = 1,
        allocation: Allocation | None = None,
    ) -> None:
        """Arguments as of ``measure.measure``; ``rows``: of the largest population that is to come.

        ``extra_rows``: room on each device for bitmaps of engineered features, at least what one genome can ask for.
        Raises ConfigurationError where there is no device, or none with memory for one block of threads.
        """
        devices = device_numbers() if devices is None else devices
        sites = [sites_of(arena, cut, costs, with_vault) for arena, cut in zip(arenas, cuts, strict=True)]
        words = max(site.words for pair in sites for site in pair)
        numbers = max(site.numbers for pair in sites for site in pair)
        self._trades_min, self._extra_rows = trades_min, extra_rows
        self._extra = [ExtraRows(arena, extra_rows, partial(self._fill, place)) for place, arena in enumerate(arenas)]
        allocation = allocation or Allocation([arena.bars for arena in arenas])
        self._on_cpu = partial(
            measure,
            arenas=arenas,
            cuts=cuts,
            costs=costs,
            trades_min=trades_min,
            with_vault=with_vault,
            threads=threads,
            allocation=allocation,
        )
        self._slots: list[_Slot] = []
        self._sites: dict[int, list[list[Site]]] = {}
        sizes = {}
        for device in devices:
            with on_device(device):
                self._sites[device] = [[site.uploaded(extra_rows) for site in pair] for pair in sites]
                sizes[device] = batch_rows(rows, (words + numbers) * 8 + _BYTES_BOTH_WAYS, free_bytes())
        for _ in range(STREAMS):
            self._slots += [_Slot(device, sizes[device], words, numbers) for device in devices]
        self.batch_rows = min(sizes.values())

    def measure(self, population: Population) -> Measures:
        """The same figures as ``measure.measure``, to rounding."""
        found = blank_results(len(population), np.zeros)
        genes = Genes(*(np.array(population[block], order="C") for block in Genes._fields))
        asked = asked_by(population, genes.trees)
        tokens = np.bincount(asked.genome, minlength=len(population))
        instrument, many = instrument_of(population, len(self._extra)), is_portfolio(population, len(self._extra))
        turn = 0
        for place, extra in enumerate(self._extra):
            mine = np.flatnonzero((instrument == place) & ~many)
            for rows in batches(mine, tokens, self.batch_rows, self._extra_rows, len(self._slots)):
                theirs = asked.within(rows)
                if not extra.has_room_for(theirs):
                    for slot in self._slots:
                        slot.finish(found)
                    extra.clear()
                extra.write_tokens(population, theirs, genes.trees)
                slot = self._slots[turn % len(self._slots)]
                slot.finish(found)
                slot.start(rows, genes, self._sites[slot.device][place], self._trades_min)
                turn += 1
        if many.any():
            portfolios = self._on_cpu(population[many])
            for name in Measured._fields:
                getattr(found, name)[many] = getattr(portfolios, name)
        for slot in self._slots:
            slot.finish(found)
        return Measures(*found)

    def _fill(self, place: int, first: int, words: Sequence[Words]) -> None:
        """New extra bitmaps of an instrument, on every device."""
        for device, sites in self._sites.items():
            with on_device(device):
                for site, block in zip(sites[place], words, strict=True):
                    copy_in(block, site.ground.extra[first : first + len(block)], 0)


def batches(rows: Rows, tokens: npt.NDArray[np.int64], most: int, tokens_most: int, slots: int) -> list[Rows]:
    """Cut ``rows`` into batches of at most ``most``, and spread them over ``slots`` where they are worth a launch.

    ``tokens`` (n,): how many of engineered features each genome has; no batch has more than ``tokens_most``.
    """
    parts = max(-(-len(rows) // most), min(slots, len(rows) // BATCH_ROWS_MIN), 1)
    size = -(-len(rows) // parts)
    return shares(rows, tokens, size, tokens_most)


def batch_rows(rows: int, bytes_per_row: int, free: float) -> int:
    """Rows of a batch, a multiple of ``BLOCK_THREADS``, of which ``STREAMS`` fit into the share of ``free`` bytes.

    No more than ``rows`` need. Raises ConfigurationError where not even one block fits.
    """
    fitting = int(min(MEMORY_SHARE * free / (STREAMS * bytes_per_row), BATCH_ROWS_MAX)) // BLOCK_THREADS
    if not fitting:
        raise ConfigurationError(
            f"device: a genome needs {bytes_per_row} bytes of its memory, and of {free:.0f} that are free there is not "
            f"enough for {STREAMS} batches of {BLOCK_THREADS}; give fewer bars, or end what else runs there"
        )
    return min(fitting, -(-rows // BLOCK_THREADS)) * BLOCK_THREADS
