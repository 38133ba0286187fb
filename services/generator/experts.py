"""Expert seeds: classical strategies of the trade, written down as genomes in ``experts/*.json``."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from common.genome.codec import from_json
from common.genome.layout import GENOME, GENOME_VERSION, Population


@dataclass(frozen=True, slots=True)
class Expert:
    """A named genome and, in one line, why people trade it."""

    name: str
    rationale: str
    genome: np.void


@cache
def experts() -> tuple[Expert, ...]:
    """All expert seeds, file by file; raises GenomeError where one of them may not exist."""
    folder = resources.files("generator") / "experts"
    return tuple(
        Expert(entry["name"], entry["rationale"], from_json({"version": GENOME_VERSION} | entry["genome"]))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
        for entry in json.loads(file.read_text("utf-8"))
    )


def expert_population() -> Population:
    """The genomes of all expert seeds, shape (n,)."""
    return np.array([expert.genome for expert in experts()], GENOME)
