"""What test_device.py runs in interpreters of their own: ``on_cuda.py compare``, and so on."""

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np

from common.backtest.arena import Arena, prepare
from common.backtest.costs import cost_table
from common.backtest.portfolio import is_portfolio
from common.backtest.stage import with_stage
from common.backtest.windows import cut
from common.events.spec import Costs
from common.genome.codec import valid
from common.genome.genes import ALLELE_SLOT, REAL_SLOT
from common.genome.layout import Population
from common.genome.slots import OPERANDS, PREDICATES, SLOT_BASE, SOURCES, TRANSFORM_GENES, TRANSFORMS
from common.genome.tree import CONDITION_BASE
from common.market.defaults import default_bars
from generator.initialise import random_population
from generator.tables import Settings

BARS, GENOMES, EXTRA_ROWS = 1500, 330, 64
FOLDS = cut(BARS, 250, 0.5, 0.15, 0.2, 3, 2, 10, 10)
COSTS = cost_table(Costs().account, Costs().venues())
FIGURES = ("objectives", "violation", "descriptor", "evidence")


def arenas() -> list[Arena]:
    """Two instruments with their stress scenarios."""
    return [with_stage(prepare(bars.until(BARS)), FOLDS) for bars in default_bars()]


def population() -> Population:
    """Genomes of the whole schema; of what is rare at birth, engineered features and portfolios, there is more."""
    genomes = random_population(GENOMES, Settings(instruments=2), 5, 0, 0)
    draws = np.random.Generator(np.random.Philox(5))
    for row in range(0, GENOMES, 2):
        transform = 1 + row // 2 % (len(TRANSFORMS) - 1)
        genomes["alleles"][row, TRANSFORM_GENES[0]] = transform
        operands = OPERANDS[transform]
        genomes["feature_sources"][row, 0] = 0
        genomes["feature_sources"][row, 0, :operands] = draws.integers(0, SOURCES, operands)
        tokens = genomes["trees"][row]
        tokens[tokens >= SLOT_BASE] = CONDITION_BASE
        tokens[(tokens >= CONDITION_BASE) & (draws.random(tokens.shape) < 0.3)] = SLOT_BASE + row % PREDICATES
    rows = np.arange(0, GENOMES, 11)
    genomes["alleles"][rows, ALLELE_SLOT["portfolio.method"]] = 1 + rows % 3
    genomes["reals"][rows, REAL_SLOT["portfolio.weight_0"]] = 0.5
    genomes["reals"][rows, REAL_SLOT["portfolio.weight_1"]] = 0.25
    assert valid(genomes).all()
    return genomes


def compare() -> dict[str, Any]:
    """Largest difference of each figure between CPU and device, relative to its own size where that is above 1."""
    from common.backtest.device import STREAMS, Fleet
    from common.backtest.measure import measure

    genomes, places = population(), arenas()
    expected = measure(genomes, places, [FOLDS] * 2, COSTS, 20, True)
    # One device twice: batches go round both, and come to each more than once. Extra bitmaps run out of room.
    fleet = Fleet(places, [FOLDS] * 2, COSTS, 20, True, rows=10, devices=(0, 0), extra_rows=EXTRA_ROWS)
    found = [fleet.measure(genomes), fleet.measure(genomes[:0])]
    many, apart = is_portfolio(genomes, len(places)), {}
    for name in FIGURES:
        mine, theirs = getattr(found[0], name), getattr(expected, name)
        apart[name] = float((np.abs(mine - theirs) / np.maximum(np.abs(theirs), 1.0)).max())
    return {
        "apart": apart,
        "portfolios": int(many.sum()),
        "batches_at_least": (~many).sum() / fleet.batch_rows,
        "in_flight_at_most": 2 * STREAMS,
        "extra_bitmaps": [len(arena.engineered.rows(genomes)[0]) for arena in places],
        "extra_rows": EXTRA_ROWS,
        "of_nobody": [len(getattr(found[1], name)) for name in FIGURES],
        "trading": int((expected.evidence[:, 0, 1] > 0).sum()),
        "stressed": int((expected.objectives[:, 6] < 0).sum()),
    }


def bench() -> dict[str, Any]:
    """The benchmark, tiny."""
    from benchmarks.gpu import bench_gpu

    return bench_gpu(1, 0.001)


def translate() -> dict[str, Any]:
    """PTX of both kernels for compute capability 9.0, from the types that a fleet would hand them."""
    import numba.cuda.dispatcher
    from numba import cuda, typeof

    from common.backtest import device, device_kernels

    # numba-cuda translates what a kernel calls for the device at hand; here is none.
    numba.cuda.dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(9, 0))
    rows = device.BLOCK_THREADS
    history, stage = device_kernels.sites_of(arenas()[0], FOLDS, COSTS, True)
    genes, found = device.blank_genes(rows, np.empty), device.blank_results(rows, np.empty)
    answer = {}
    for name, kernel, site, more in (
        ("measure", device_kernels.measure_kernel, history, (20,)),
        ("stress", device_kernels.stress_kernel, stage, ()),
    ):
        threads = [np.empty((rows, *one.shape), one.dtype, order="F") for one in site.scratch[:-1]]
        scratch = site.scratch._make((*threads, site.scratch.path))
        types = tuple(map(typeof, (rows, genes, site.ground, *more, scratch, found)))
        ptx, _ = cuda.compile(kernel.py_func, types, device=False, abi="numba", cc=(9, 0), output="ptx")
        lines = ptx.splitlines()
        answer[name] = {
            "target": next(line for line in lines if line.startswith(".target")),
            "entries": sum(".entry" in line for line in lines),
            "external": [line for line in lines if line.startswith(".extern") and ".func" in line],
            "lines": len(lines),
        }
    return answer


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"compare": compare, "bench": bench, "translate": translate}[sys.argv[1]]()))
