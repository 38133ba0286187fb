"""The ancestry of a champion among a million genomes: the stock question, asked of a store on disk."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.clock import interleaved, scaled
from common.ports import Store
from common.run.open import open_store
from recorder.lineage import texts
from recorder.migrations import migrate
from recorder.questions import ask
from recorder.tables import BY_NAME

GENOMES = 1_000_000
ISLANDS, ADMITTED = 8, 100
"""Admitted to an island in a generation."""
BACK, BACK_MEAN = 20, 3
"""A parent was admitted so many generations ago at most, and on average."""
MUTANTS, NEWCOMERS, STRANGERS = 0.3, 0.02, 0.005
"""Shares of children of one parent, of none, and of parents from the island before."""
RUN = "ab" * 16
_BLOCK = 100_000


def pedigree(genomes: int) -> dict[str, npt.NDArray[np.int64]]:
    """A genealogy, the oldest first: islands, generations, and rows of both parents, -1 for none.

    Of those admitted together, the better are parents more often: the k-th of n with density 1 / sqrt(k / n).
    """
    rng = np.random.Generator(np.random.Philox(5))
    row = np.arange(genomes)
    generation, island = row // (ISLANDS * ADMITTED), row // ADMITTED % ISLANDS

    def parents() -> npt.NDArray[np.int64]:
        back = np.minimum(rng.geometric(1 / BACK_MEAN, genomes), BACK)
        home = np.where(rng.random(genomes) < STRANGERS, (island - 1) % ISLANDS, island)
        place = (ADMITTED * rng.random(genomes) ** 2).astype(np.int64)
        return np.where(back > generation, -1, ((generation - back) * ISLANDS + home) * ADMITTED + place)

    mother, father = parents(), parents()
    mother[rng.random(genomes) < NEWCOMERS] = -1
    father[(rng.random(genomes) < MUTANTS) | (mother < 0)] = -1
    return {"island": island, "generation": generation, "mother": mother, "father": father}


def members(genomes: int) -> pa.Table:
    """The genealogy as rows of the table ``members``."""
    tree = pedigree(genomes)
    halves = np.random.Generator(np.random.Philox(6)).integers(1, 1 << 64, (2, genomes), np.uint64)
    pairs = np.stack([tree["mother"], tree["father"]], axis=1)
    starts = np.append(0, np.cumsum((pairs >= 0).sum(axis=1))).astype(np.int32)
    known = pairs[pairs >= 0]
    filled: dict[str, Any] = {
        "run_id": pa.array([RUN]).take(np.zeros(genomes, np.int64)),
        "genome_id": texts(halves[0], halves[1]),
        "parent_ids": pa.ListArray.from_arrays(starts.tolist(), texts(halves[0][known], halves[1][known])),
        "operator": pa.array(["random", "mutation", "both"]).take((pairs >= 0).sum(axis=1)),
        "island": tree["island"].astype(np.uint16),
        "generation": tree["generation"].astype(np.uint32),
    }
    schema = BY_NAME["members"].schema
    columns = []
    for field in schema:
        blank = np.zeros(genomes, np.int64) if not pa.types.is_string(field.type) else [""] * genomes
        columns.append(pa.array(filled.get(field.name, blank), field.type))
    return pa.table(columns, schema=schema)


def filled_store(store: Store, rows: pa.Table) -> float:
    """Insert block by block, views and all, and let the engine merge; seconds."""
    start = time.perf_counter()
    migrate(store)
    for first in range(0, rows.num_rows, _BLOCK):
        store.insert("members", rows.slice(first, _BLOCK))
    store.execute("OPTIMIZE TABLE births FINAL")
    return time.perf_counter() - start


def bench_ancestry(repeats: int, scale: float) -> dict[str, Any]:
    """Milliseconds by the wall until the whole answer lies in memory, the store being open."""
    rows = members(scaled(GENOMES, scale, 5000))
    last, early = rows["genome_id"][-1].as_py(), rows["genome_id"][rows.num_rows // 10].as_py()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/db")
        try:
            filling_s = filled_store(store, rows)
            works: dict[str, Callable[[], pa.Table]] = {
                "ancestors_of_the_last": lambda: ask(store, "ancestors", RUN, last),
                "ancestors_of_one_born_early": lambda: ask(store, "ancestors", RUN, early),
                "line_of_the_last": lambda: ask(store, "line", RUN, last),
                "dynasties": lambda: ask(store, "dynasties", RUN),
            }
            found = {name: work().num_rows for name, work in works.items()}
            seconds = interleaved(works, repeats, time.perf_counter)
        finally:
            store.close()
    return {
        "genomes": rows.num_rows,
        "filling_s": filling_s,
        **{f"{name}_ms": taken * 1e3 for name, taken in seconds.items()},
        **{f"{name}_rows": count for name, count in found.items()},
    }
