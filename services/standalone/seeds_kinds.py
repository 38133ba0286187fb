"""Seeds of five kinds: classical, random, of earlier runs, of another market, and first discoverers that paid.

Members of earlier runs are chosen by how many of their children were admitted, on training bars. Champions
come first, but only where the bars are others: a vault has chosen them.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import ConfigurationError
from common.events.public import SEED_KINDS
from common.events.spec import RunSpec
from common.genome.codec import canonical, from_json, genome_ids
from common.genome.layout import GENOME
from common.run.folder import RunFolder
from generator.experts import expert_population, experts
from generator.generation import settings_of
from generator.initialise import random_population
from generator.tables import INSTRUMENT
from recorder.knowledge import Admitted, admitted
from recorder.migrations import require
from standalone.knowledge_patterns import asked_features
from standalone.stores import store_of

COUNT = 16
_SLOT = 1 << 42
"""Random seeds draw from slots of their own."""
_PAID = 3
"""Descendants that have what was discovered, at least."""
_OF_RUNS = ("historical", "cross-domain", "innovation")


class Seed(NamedTuple):
    """A genome to be published, and where it comes from in words."""

    genome: np.void
    note: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Seeds that are asked for: ``count`` of a kind, from the run at ``source`` where the kind is of an earlier run."""

    kind: str
    source: Path | None = None
    count: int = COUNT
    draw: int = 0

    def __post_init__(self) -> None:
        allowed = [kind for kind in SEED_KINDS if kind != "person"]
        if self.kind not in allowed:
            raise ConfigurationError(f"kind {self.kind!r}: no seeds are called so; use one of {', '.join(allowed)}")
        if (self.kind in _OF_RUNS) != (self.source is not None):
            remedy = "name the folder of an earlier run" if self.kind in _OF_RUNS else "leave the folder out"
            raise ConfigurationError(f"kind {self.kind}: {remedy}")

    @classmethod
    def parse(cls, text: str) -> "Wish":
        """``KIND[:FOLDER][:COUNT]``, such as ``random:32`` or ``historical:runs/old:8``."""
        kind, *rest = text.split(":")
        count = int(rest.pop()) if rest and rest[-1].isdigit() else COUNT
        return cls(kind, Path(":".join(rest)) if rest else None, count)


def gather(wish: Wish, run: RunSpec) -> list[Seed]:
    """The seeds of a wish for a run, at most its count, each once. Raises ConfigurationError where there is none."""
    if wish.kind == "expert":
        found = [Seed(genome, each.name) for genome, each in zip(expert_population(), experts(), strict=True)]
    elif wish.kind == "random":
        drawn = random_population(wish.count, settings_of(run), run.stream_key, 0, wish.draw, first_slot=_SLOT)
        found = [Seed(genome, f"drawn with seed {wish.draw}") for genome in drawn]
    else:
        found = _of_run(wish, run)
    if not found:
        raise ConfigurationError(f"kind {wish.kind}: {wish.source} has none to give")
    return found[: wish.count]


def _of_run(wish: Wish, run: RunSpec) -> list[Seed]:
    assert wish.source is not None
    folder = RunFolder.open(wish.source, "--from")
    known, earlier = _admitted(folder), folder.spec()
    name = earlier.run_id[:8]
    if wish.kind == "innovation":
        return [] if known is None else [Seed(genome, f"run {name}: {what}") for genome, what in discoverers(known)]
    shared = {data.digest for data in earlier.data} & {data.digest for data in run.data}
    # Champions were chosen by a validation and a vault: on the same bars they would pass them again.
    champions = [] if shared else [from_json(row["genome"]) for row in folder.champions()]
    found = [Seed(genome, f"champion of run {name}") for genome in champions]
    if known is not None:
        order = [row for row in np.argsort(-known.children, kind="stable") if known.children[row] > 0]
        found += [
            Seed(known.population[row], f"member of run {name}, {known.children[row]} of its children admitted")
            for row in order
        ]
    found = _each_once(found)
    if wish.kind == "cross-domain":
        if shared:
            raise ConfigurationError(f"kind cross-domain: {wish.source} was bred on bars of this run; use historical")
        market = " and ".join(data.name for data in earlier.data)
        found = _pointed(found, len(run.data), market)
    return found


def _admitted(folder: RunFolder) -> Admitted | None:
    if not folder.store.is_dir():
        return None
    with store_of(None, folder.path) as (store, run):
        require(store)
        return admitted(store, str(run), with_validation=False)


def _each_once(found: list[Seed]) -> list[Seed]:
    if not found:
        return []
    ids = genome_ids(np.array([seed.genome for seed in found], GENOME))
    first = np.sort(np.unique(ids, return_index=True)[1])
    return [found[place] for place in first]


def _pointed(found: list[Seed], instruments: int, market: str) -> list[Seed]:
    """The same logic on the instruments of this run, dealt in turn."""
    seeds = []
    for place, (genome, note) in enumerate(found):
        moved = genome.copy()
        moved["alleles"][INSTRUMENT] = place % instruments
        seeds.append(Seed(canonical(moved.reshape(1))[0], f"{note}, bred on {market}"))
    return seeds


def discoverers(known: Admitted) -> list[tuple[np.void, str]]:
    """Genomes that first asked two features together and whose descendants went on doing so, the most fruitful first.

    The first generation discovers nothing: it is drawn.
    """
    order = np.lexsort((np.arange(len(known.ids)), known.generation))
    features = asked_features(known.population)
    pairs = [set(combinations(names, 2)) for names in features]
    children: dict[str, list[str]] = defaultdict(list)
    for child, parent in known.edges:
        children[parent].append(child)
    has: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for genome_id, mine in zip(known.ids, pairs, strict=True):
        has[genome_id] |= mine
    seen: set[tuple[str, str]] = set()
    found: dict[int, tuple[int, str]] = {}
    for row in order:
        fresh = pairs[row] - seen
        seen |= fresh
        if known.generation[row] == 0:
            continue
        for pair in sorted(fresh):
            heirs = _heirs(known.ids[row], pair, children, has)
            if heirs >= _PAID and heirs > found.get(int(row), (0, ""))[0]:
                found[int(row)] = heirs, f"first asked {' and '.join(pair)}, {heirs} heirs"
    ranked = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    return [(known.population[row], what) for row, (_, what) in ranked]


def _heirs(
    start: str, pair: tuple[str, str], children: dict[str, list[str]], has: dict[str, set[tuple[str, str]]]
) -> int:
    """Descendants in an unbroken line that ask both."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in seen and child != start and pair in has.get(child, ()):
                seen.add(child)
                ahead.append(child)
    return len(seen)
