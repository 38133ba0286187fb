"""Columns of the rows that tell of genomes, from the arrays of a cohort."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.events.cohorts import DESCRIPTOR, EVIDENCE, OPERATOR_NAMES, WINDOWS, ParentsSelected, SelectedHeader
from common.events.spec import OBJECTIVES
from recorder.tables import DIVERSITIES

Columns = dict[str, list[Any]]
Data = dict[str, npt.NDArray[Any]]


def hexes(ids: npt.NDArray[Any]) -> list[str]:
    """Opaque values, row by row, as hex texts."""
    text, width = ids.tobytes().hex(), 2 * ids.itemsize
    return [text[start : start + width] for start in range(0, len(text), width)]


def figures(data: Data) -> Columns:
    """Of each genome: what it is, where it comes from, and what it was worth."""
    parents = iter(hexes(data["parent_ids"]))
    return {
        "genome_id": hexes(data["genome_id"]),
        "parent_ids": [[one for one in pair if one.strip("0")] for pair in zip(parents, parents, strict=True)],
        "operator": [OPERATOR_NAMES[code] for code in data["operator"]],
        **dict(zip(OBJECTIVES, data["objectives"].T.tolist(), strict=True)),
        "violation": data["violation"].tolist(),
        **dict(zip(DESCRIPTOR, data["descriptor"].T.astype(np.float64).tolist(), strict=True)),
        "genome": hexes(data["genome"]),
    }


def fitness(data: Data, purpose: str) -> Columns:
    """One row for each genome and window that has bars."""
    evidence = data["evidence"]
    rows_, windows = np.nonzero(evidence[:, :, EVIDENCE.index("bars")] > 0)
    ids = hexes(data["genome_id"])
    return {
        "genome_id": [ids[row] for row in rows_],
        "purpose": [purpose] * len(rows_),
        "window_name": [WINDOWS[window] for window in windows],
        **dict(zip(EVIDENCE, evidence[rows_, windows].T.tolist(), strict=True)),
    }


def pressure(payload: ParentsSelected, new: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """How hard selection presses: who is new, how old the rest is, and on how few parents the new ones go back.

    ``effective_parents`` is 1 / sum(share^2) of the parents' shares in the new members: as many parents of equal
    success would leave the same concentration.
    """
    living = payload["from_archive"] == 0
    ages = payload.header.generation - payload["born_generation"][living].astype(np.int64)
    parents = payload["parent_ids"][new].reshape(-1)
    parents = parents[parents != np.zeros(1, parents.dtype)]
    children = np.unique(parents, return_counts=True)[1]
    return {
        "members": int(living.sum()),
        "admitted": int(new.sum()),
        "elites": int((~living).sum()),
        "front_share": float((payload["rank"][living] == 0).mean()) if living.any() else 0.0,
        "mean_age": float(ages.mean()) if len(ages) else 0.0,
        "oldest_age": int(ages.max(initial=0)),
        "parents": len(children),
        "effective_parents": float(children.sum() ** 2 / np.square(children).sum()) if len(children) else 0.0,
    }


def searching(header: SelectedHeader) -> dict[str, Any]:
    """How an island searches; a figure that it does not tell is not a number, a rate that it does not ask for 0."""
    summary, asked = header.summary, header.pressure
    told = summary.model_dump(include={"verdict", "species", "restarts", "extinctions", "innovations", "breakthroughs"})
    rates = ("crossover_rate", "mutation_rate", "immigrant_rate", "step", "tournament")
    shares = asked.mix if asked else {}
    return {
        **told,
        **{f"{name}_diversity": summary.diversities.get(name, np.nan) for name in DIVERSITIES},
        **{name: getattr(asked, name, 0) for name in rates},
        "operators": sorted(shares),
        "operator_shares": [shares[name] for name in sorted(shares)],
    }
