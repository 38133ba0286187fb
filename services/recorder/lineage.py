"""Answers from the whole genealogy of a run, which is read at once as numbers: no engine of 2018 walks it itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.genome.codec import to_json
from common.genome.layout import GENOME
from common.ports import Store
from recorder.births import Births, Links, Numbers, Rows, births_of, links_of, row_of, texts
from recorder.kinship import (
    Index,
    Told,
    ancestors,
    contributions,
    descendants,
    index_of,
    parents_of,
    place_of,
    places_of,
    tell,
)
from recorder.views import BIRTH_OPERATORS

Answer = Callable[[Store, str, str], pa.Table]
"""From a store, the id of a run, and an id or its beginning."""
Walk = Callable[[np.uint64, Links, Index], tuple[Rows, npt.NDArray[np.int32]]]
IDS_MAX = 4000
"""In one statement, which may have 256 KiB."""
MANY_SHARE = 0.05
"""Details of more births than this share of a run's are read faster by reading all."""
FOUNDERS_TOLD = 20
LATEST_SHARE = 0.1
_OPERATORS = pa.array(["", *BIRTH_OPERATORS])


def _ids(births: Births, rows: Rows) -> Any:
    return texts(births.child[rows], births.child_rest[rows])


def _parents(store: Store, run: str, births: Births, told: Told) -> Any:
    """Ids of the parents, a list for each genome; of one without a birth of its own the store knows the name alone."""
    known = told.parents >= 0
    found = _ids(births, np.where(known, told.parents, 0))
    if not known.all():
        whole = {}
        halves = sorted(set(texts(told.numbers[~known]).to_pylist()))
        for first in range(0, len(halves), IDS_MAX):
            listed = ", ".join(f"'{half}'" for half in halves[first : first + IDS_MAX])
            where = f"run_id = '{run}' AND substring(parent_id, 1, 16) IN ({listed})"
            for row in store.query(f"SELECT DISTINCT parent_id FROM descent WHERE {where}").to_pylist():
                whole[row["parent_id"][:16]] = row["parent_id"]
        triples = zip(found.to_pylist(), texts(told.numbers).to_pylist(), known, strict=True)
        found = pa.array([one if there else whole[half] for one, half, there in triples])
    return pa.ListArray.from_arrays(_column(told.starts.astype(np.int32)), found)


def _operators(births: Births, rows: Rows) -> Any:
    return _OPERATORS.take(_column(births.operator_code[rows]))


def _column(values: npt.NDArray[Any]) -> Any:
    return pa.array(values)


def _table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def kin(way: Walk) -> Answer:
    """Everybody on the way from a genome, which is at depth 0, each once at the least depth."""

    def answer(store: Store, run: str, genome: str) -> pa.Table:
        links = links_of(store, run)
        start, index = links.child[row_of(run, genome[:16], links.child)], index_of(links.child)
        places, depth = way(start, links, index)
        numbers = links.child[index.order[places]]
        births = births_of(store, run, _with_parents(numbers, places, links, index))
        row_of(run, genome, births.child, births.child_rest)
        nearest_first = np.argsort(depth.astype(np.uint64) << np.uint64(44) | numbers >> np.uint64(20), kind="stable")
        index = index_of(births.child)
        told = tell(places_of(numbers[nearest_first], births.child, index), births, index)
        return _table(
            depth=depth[nearest_first],
            genome_id=_ids(births, told.first),
            parent_ids=_parents(store, run, births, told),
            operator=_operators(births, told.first),
            island=births.island[told.first],
            generation=births.generation[told.first],
        )

    return answer


def _with_parents(numbers: Numbers, places: Rows, links: Links, index: Index) -> Numbers | None:
    """Those whose births are needed to tell of these; None: so many that all should be read."""
    if len(numbers) > MANY_SHARE * len(links.child):
        return None
    parents = parents_of(places, links, index)
    return np.concatenate([numbers, parents[parents != 0]])


ANCESTORS, DESCENDANTS = kin(ancestors), kin(descendants)


def _line(births: Births, run: str, genome: str) -> Rows:
    """First births of a genome, of its first parent, of that one's first parent, and so on back to a founder."""
    index = index_of(births.child)
    number, rows, seen = births.child[row_of(run, genome, births.child, births.child_rest)], list[int](), set[int]()
    while int(number) not in seen and len(rows) < IDS_MAX:
        place = place_of(number, births.child, index)
        if place < 0:
            break
        seen.add(int(number))
        rows.append(int(tell(np.array([place]), births, index).first[0]))
        number = births.mother[rows[-1]]
    return np.array(rows, np.int64)


def _about(store: Store, run: str, ids: list[str], table: str, column: str) -> dict[str, Any]:
    """A column of these genomes, by id; ``run``: empty for a table that knows genomes alone."""
    listed = ", ".join(f"'{one}'" for one in ids)
    where = f"run_id = '{run}' AND genome_id IN ({listed})"
    found = store.query(f"SELECT genome_id, any({column}) AS it FROM {table} WHERE {where} GROUP BY genome_id")
    return {row["genome_id"]: row["it"] for row in found.to_pylist()}


def line(store: Store, run: str, genome: str) -> pa.Table:
    """The line of first parents, those that each genome was copied from, with what each was worth."""
    births = births_of(store, run)
    rows = _line(births, run, genome)
    ids = _ids(births, rows).to_pylist()
    worth = _about(store, run, ids, "members", "sharpe")
    sharpe = np.array([worth.get(one, np.nan) for one in ids])
    return _table(
        depth=np.arange(len(rows)),
        genome_id=ids,
        operator=_operators(births, rows),
        island=births.island[rows],
        generation=births.generation[rows],
        sharpe=sharpe,
        gain=sharpe - np.append(sharpe[1:], np.nan),
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and value of everything in a genome's JSON; a tree or a list is one value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, str(value)


def traits(store: Store, run: str, genome: str) -> pa.Table:
    """What a genome has from its line: since which generation without a break, and how many of the line have it."""
    births = births_of(store, run)
    rows = _line(births, run, genome)
    ids = _ids(births, rows).to_pylist()
    kept = _about(store, run, ids, "genomes", "genome")
    having = [k for k in range(len(ids)) if ids[k] in kept]
    records = np.frombuffer(b"".join(bytes.fromhex(kept[ids[k]]) for k in having), GENOME)
    documents = [dict(_leaves(to_json(record))) for record in records]
    counts = Counter(item for document in documents for item in document.items())
    found = []
    for path, value in documents[0].items() if documents else ():
        links = 0
        while links + 1 < len(documents) and documents[links + 1].get(path) == value:
            links += 1
        since = int(births.generation[rows[having[links]]])
        found.append((path, value, since, links, counts[path, value] / len(documents)))
    found.sort(key=lambda told: (-told[3], told[0]))
    names = ("trait", "value", "since_generation", "links", "share_of_line")
    return _table(**dict(zip(names, map(list, zip(*found, strict=True)), strict=True)) if found else {})


def dynasties(store: Store, run: str, genome: str) -> pa.Table:
    """The founders whose genes are carried on most: shares of what was admitted of late, and of the champions."""
    births = births_of(store, run)
    index = index_of(births.child)
    one_each = np.unique(births.child)
    told = tell(np.array([place_of(each, births.child, index) for each in one_each], np.int64), births, index)
    number_of = np.searchsorted(one_each, births.child)
    born = births.generation[told.first]
    youngest_first = np.argsort(-born.astype(np.int64), kind="stable")
    newest = int(births.generation.max(initial=0))
    late = born >= newest - int(newest * LATEST_SHARE)
    champions = store.query(f"SELECT DISTINCT genome_id FROM champions WHERE run_id = '{run}'").to_pylist()
    crowned = np.isin(one_each, np.array([int(row["genome_id"][:16], 16) for row in champions], np.uint64))
    shares = []
    for holders in (late, crowned):
        weight = holders / max(holders.sum(), 1)
        contributions(weight, youngest_first, told, number_of)
        shares.append(weight)
    best = np.lexsort((one_each, -shares[1], -shares[0]))[:FOUNDERS_TOLD]
    best = best[shares[0][best] + shares[1][best] > 0]
    rows = told.first[best]
    return _table(
        founder=_ids(births, rows),
        operator=_operators(births, rows),
        island=births.island[rows],
        generation=births.generation[rows],
        share_of_latest=shares[0][best],
        share_of_champions=shares[1][best],
    )
