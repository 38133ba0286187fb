"""`python -m evaluator`: measures cohorts, as a process of its own; where throughput is wanted, start more of them."""

import asyncio
import os

from common.run.process import Process, Program, main
from common.telemetry import names
from evaluator.preparing import arenas_of, warm_up
from evaluator.resources import read_settings, resources_of
from evaluator.service import service


async def work(process: Process) -> None:
    """Prepare the instruments, warm up, then measure until told to stop: it is not ready before."""
    settings = read_settings()
    if process.settings.cache:
        settings = settings.model_copy(update={"cache": process.settings.cache})
    threads = process.settings.workers or os.cpu_count() or 1
    bars = await asyncio.to_thread(process.folder.bars)
    arenas = await asyncio.to_thread(arenas_of, process.spec, bars, threads)
    resources = resources_of(settings, arenas, threads, islands=1)  # one cohort at a time: all threads share it
    evaluator = service(arenas, resources)
    await asyncio.to_thread(warm_up, evaluator, process.spec)
    if (cache := resources.cache) is not None:
        told = {names.SERVICE: "evaluator"}
        process.metrics.observe(names.CACHE_HITS, lambda: [(cache.hits, told)])
        process.metrics.observe(names.CACHE_MISSES, lambda: [(cache.misses, told)])
    await process.serve(evaluator, records_max=1)
    if resources.cache is not None:
        resources.cache.close()


PROGRAM = Program(
    "evaluator",
    "Measures: simulates the genomes of cohorts on the bars of the run. Keeps no state: start as many as you like, up "
    "to the number of partitions. GALAPAGOS_EVALUATOR_* say what one may use.",
    work,
    takes=("cache", "workers"),
    needs=("bus", "run"),
)

if __name__ == "__main__":
    main(PROGRAM)
