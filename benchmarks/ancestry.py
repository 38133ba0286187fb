"""The ancestry of a champion among a million genomes: the stock question, asked of a store on disk."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.clock import scaled
from common.ports import Store
from common.run.open import open_store
from recorder.births import texts
from recorder.migrations import migrate
from recorder.questions import ask
from recorder.tables import BY_NAME

GENOMES = 1_000_000
GENERATIONS, ISLANDS = 20, 8
POPULATION = 2048
"""Places of an island: its members are the latest admitted, and only they have children."""
MUTANTS, NEWCOMERS, STRANGERS = 0.3, 0.02, 0.02
"""Shares of children of one parent, of none, and of parents from the island before."""
BACK, BACK_MEAN = 20, 3
"""In the worst case a parent was admitted so many generations ago at most, and on average."""
WORST_ADMITTED = 100
"""In the worst case so few are admitted together that nearly everybody descends from nearly everybody."""
RUN, WORST_RUN = "ab" * 16, "cd" * 16
LAST_ASKED = 20
"""Of the last generation so many are looked at for the one with most ancestors."""
_BLOCK = 100_000


def pedigree(genomes: int) -> dict[str, npt.NDArray[np.int64]]:
    """A genealogy like a run's, the oldest first: islands, generations, and rows of both parents, -1 for none.

    An island admits as many in each of the generations. Parents are members of the generation before: the best
    ``POPULATION`` of what was admitted, the better more often (the k-th of n with density 1 / sqrt(k / n)).
    """
    admitted = max(genomes // (GENERATIONS * ISLANDS), 1)
    row = np.arange(genomes)
    generation, island = row // (ISLANDS * admitted), row // admitted % ISLANDS
    return _tree(generation, island, admitted, min(POPULATION, admitted), np.ones_like)


def connected(genomes: int) -> dict[str, npt.NDArray[np.int64]]:
    """The worst case: hundreds of generations of few, with parents of up to ``BACK`` generations ago."""
    row = np.arange(genomes)
    generation, island = row // (ISLANDS * WORST_ADMITTED), row // WORST_ADMITTED % ISLANDS
    ago = np.random.Generator(np.random.Philox(7))
    return _tree(
        generation,
        island,
        WORST_ADMITTED,
        WORST_ADMITTED,
        lambda like: np.minimum(ago.geometric(1 / BACK_MEAN, len(like)), BACK),
    )


def _tree(
    generation: npt.NDArray[np.int64],
    island: npt.NDArray[np.int64],
    admitted: int,
    breeding: int,
    generations_ago: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]],
) -> dict[str, npt.NDArray[np.int64]]:
    rng = np.random.Generator(np.random.Philox(5))
    genomes = len(generation)

    def parents() -> npt.NDArray[np.int64]:
        back = generations_ago(generation)
        home = np.where(rng.random(genomes) < STRANGERS, (island - 1) % ISLANDS, island)
        place = (breeding * rng.random(genomes) ** 2).astype(np.int64)
        return np.where(back > generation, -1, ((generation - back) * ISLANDS + home) * admitted + place)

    mother, father = parents(), parents()
    mother[rng.random(genomes) < NEWCOMERS] = -1
    father[(rng.random(genomes) < MUTANTS) | (mother < 0)] = -1
    return {"island": island, "generation": generation, "mother": mother, "father": father}


def members(tree: dict[str, npt.NDArray[np.int64]], run: str) -> pa.Table:
    """The genealogy as rows of the table ``members``."""
    genomes = len(tree["island"])
    halves = np.random.Generator(np.random.Philox(6)).integers(1, 1 << 64, (2, genomes), np.uint64)
    pairs = np.stack([tree["mother"], tree["father"]], axis=1)
    starts = np.append(0, np.cumsum((pairs >= 0).sum(axis=1))).astype(np.int32)
    known = pairs[pairs >= 0]
    filled: dict[str, Any] = {
        "run_id": pa.array([run]).take(np.zeros(genomes, np.int64)),
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
    """Milliseconds by the wall, median of 20 or of ``repeats`` if more, until the whole answer lies in memory.

    The store is open and has been asked before. The champion is of the last generation; of ``LAST_ASKED`` of its age
    the one with most ancestors is told too. Those of the worst case lie in the same store.
    """
    genomes, repeats = scaled(GENOMES, scale, 5000), max(repeats, 20)
    rows = members(pedigree(genomes), RUN)
    last = [str(each) for each in rows["genome_id"][-LAST_ASKED:].to_pylist()]
    worst = members(connected(genomes), WORST_RUN)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/db")
        try:
            filling_s = filled_store(store, rows)
            counts = {each: ask(store, "ancestors", RUN, each).num_rows for each in last}
            most = max(last, key=lambda each: counts[each])
            asked = {
                "ancestors": ("ancestors", RUN, last[-1]),
                "most_ancestors": ("ancestors", RUN, most),
                "line": ("line", RUN, last[-1]),
                "dynasties": ("dynasties", RUN, ""),
            }
            found = {name: _asked(store, repeats, *each) for name, each in asked.items()}
            filled_store(store, worst)
            found["worst_case"] = _asked(store, repeats, "ancestors", WORST_RUN, worst["genome_id"][-1].as_py())
        finally:
            store.close()
    return {"genomes": genomes, "repeats": repeats, "filling_s": filling_s} | {
        f"{name}_{figure}": value for name, figures in found.items() for figure, value in figures.items()
    }


def _asked(store: Store, repeats: int, question: str, run: str, genome: str) -> dict[str, float]:
    rows, taken = ask(store, question, run, genome).num_rows, []
    for _ in range(repeats):
        start = time.perf_counter()
        ask(store, question, run, genome)
        taken.append(time.perf_counter() - start)
    return {"rows": rows, "p50_ms": float(np.median(taken)) * 1e3, "best_ms": min(taken) * 1e3}
