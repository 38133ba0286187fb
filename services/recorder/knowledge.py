"""What the store knows of success in a run: every admitted genome, how far it got, and who had children that got in.

The vault is never asked: what it says may not come back to a search.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from common.errors import ConfigurationError
from common.events.spec import RunSpec
from common.genome.codec import decode
from common.genome.layout import Population
from common.ports import Store

GENOMES_MAX = 50_000
"""Read of one run: above that an even sample, by the hash of the id."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Genomes that islands of one run let in, in the order of island, generation and id, each island's own.

    ``population`` (n,); ``ids``; ``island`` (n,), ``generation`` (n,) and ``operator`` of the admission; ``children``
    (n,): how many of its children were admitted anywhere; ``validation`` (n,): mean return a bar, NaN where not read.
    ``edges``: child and parent of each admission, for walks.
    """

    population: Population
    ids: list[str]
    island: npt.NDArray[np.int64]
    generation: npt.NDArray[np.int64]
    operator: list[str]
    children: npt.NDArray[np.int64]
    validation: npt.NDArray[np.float64]
    edges: list[tuple[str, str]]


def admitted(store: Store, run: str, *, with_validation: bool) -> Admitted:
    """Everything admitted in a run. Raises ConfigurationError where its store holds nothing of it."""
    count = store.query(f"SELECT uniqExact(genome_id) AS n FROM members WHERE run_id = '{run}'")["n"][0].as_py()
    if not count:
        raise ConfigurationError(f"run {run[:8]}: the store holds no genome that was admitted; nothing can be learnt")
    where = f"run_id = '{run}' AND cityHash64(genome_id) % {-(-count // GENOMES_MAX)} = 0"
    members = store.query(
        f"SELECT genome_id, island, generation, operator FROM members FINAL WHERE {where} "
        "ORDER BY island, generation, genome_id"
    ).to_pydict()
    told = store.query(f"SELECT genome_id, any(genome) AS bytes FROM genomes WHERE {where} GROUP BY genome_id")
    genomes = dict(zip(*told.to_pydict().values(), strict=True))
    edges = store.query(
        f"SELECT DISTINCT child_id, parent_id FROM descent WHERE run_id = '{run}' AND parent_id != '' "
        "ORDER BY child_id, parent_id"
    ).to_pydict()
    parents, children = np.unique(np.array(edges["parent_id"], "U32"), return_counts=True)
    by_parent = dict(zip(parents.tolist(), children.tolist(), strict=True))
    judged = _validation(store, where) if with_validation else {}
    ids = members["genome_id"]
    return Admitted(
        decode(bytes.fromhex("".join(genomes[one] for one in ids))),
        ids,
        np.array(members["island"], np.int64),
        np.array(members["generation"], np.int64),
        members["operator"],
        np.array([by_parent.get(one, 0) for one in ids], np.int64),
        np.array([judged.get(one, np.nan) for one in ids], np.float64),
        list(zip(edges["child_id"], edges["parent_id"], strict=True)),
    )


def spec_of(store: Store, run: str) -> RunSpec:
    """The specification with which a run was started. Raises ConfigurationError where this program cannot read it."""
    rows = store.query(f"SELECT any(spec) AS spec FROM runs WHERE run_id = '{run}'")["spec"].to_pylist()
    try:
        return RunSpec.model_validate_json(str(rows[0]))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(
            f"run {run[:8]}: {where}: {first['msg']}; its specification is of another version"
        ) from error


def _validation(store: Store, where: str) -> dict[str, float]:
    rows = store.query(
        f"SELECT genome_id, any(mean) AS value FROM fitness WHERE {where} AND window_name = 'validation' "
        "GROUP BY genome_id"
    ).to_pydict()
    return dict(zip(rows["genome_id"], rows["value"], strict=True))
