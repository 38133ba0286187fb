"""What test_devices.py runs in an interpreter of its own: one cohort on the CPU and on a device of the simulator."""

import json
import sys
from typing import Any

import numpy as np

from common.adapters.memory_cache import MemoryCache
from common.backtest.arena import prepare
from common.backtest.portfolio import is_portfolio
from common.backtest.stage import with_stage
from common.backtest.windows import cut
from common.events.cohorts import STATUS
from common.events.spec import Windows
from common.genome.codec import genome_ids
from common.market.synthetic import noise
from evaluator.fitness_cache import FitnessCache
from evaluator.resources import Resources, read_settings, resources_of
from evaluator.service import evaluate, service
from tests.unit.backtest.on_cuda import population
from tests.unit.evaluator.cohorts import proposed, run_on
from tests.unit.evaluator.slots_full import slots_full

BARS = 1500


def compare() -> dict[str, Any]:
    """Largest difference of each figure, relative to its own size where that is above 1, and what was compared."""
    arenas = [with_stage(prepare(b), cut(BARS, **Windows().model_dump())) for b in (noise(1, BARS), noise(2, BARS))]
    genomes = np.concatenate([population(), slots_full(20, 3, 2)])
    run = run_on(arenas)
    event = proposed(run, genomes)
    resources = resources_of(read_settings(), arenas, 2, 1)
    assert resources.devices is not None
    on_cpu, on_device = (service(arenas, each).step(None, [event])[1][0].payload for each in (Resources(), resources))
    one = genomes[:1]
    sealed = proposed(run, one, purpose="promotion", cohort=genome_ids(one)[0].tobytes().hex())
    reads = [evaluate(sealed, arenas, each) for each in (Resources(), resources)]
    apart = {}
    for name in ("objectives", "violation", "descriptor", "evidence"):
        mine, theirs = on_device[name], on_cpu[name]
        apart[name] = float((np.abs(mine - theirs) / np.maximum(np.abs(theirs), 1.0)).max())
    engines = ("cpu", resources.devices.engine)
    keys = {FitnessCache(MemoryCache(), arenas, float, engine=engine).context([], np.zeros(1), 1) for engine in engines}
    return {
        "apart": apart,
        "same_status": bool((on_device["status"] == on_cpu["status"]).all()),
        "same_sealed_read": all((reads[0][name] == reads[1][name]).all() for name in reads[0].data),
        "measured": int((on_cpu["status"] == STATUS.index("measured")).sum()),
        "trading": int((on_cpu["evidence"][:, 0, 1] > 0).sum()),
        "portfolios": int(is_portfolio(genomes, len(arenas)).sum()),
        "batch": resources.batch,
        "cache_keys": len(keys),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(compare()))
