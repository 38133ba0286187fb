"""Who plays: champions and elites of a run, the classical strategies, and genomes from files."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import ConfigurationError
from common.events.spec import OBJECTIVES
from common.genome.codec import from_json
from common.genome.layout import GENOME
from common.run.folder import RunFolder
from common.run.open import open_states
from generator.experts import experts
from selector.service import SERVICE as SELECTOR
from selector.state import IslandState, distinct, join
from standalone.seeds import identity, read_genome


class Player(NamedTuple):
    """A genome under its id, with its name and its kind: champion, elite, classic or file."""

    genome_id: str
    name: str
    kind: str
    genome: np.void


def champions(folder: RunFolder) -> list[Player]:
    """The champions of a run."""
    rows = folder.champions()
    return [Player(row["genome_id"], row["genome_id"][:12], "champion", from_json(row["genome"])) for row in rows]


def classics() -> list[Player]:
    """The classical strategies."""
    return [Player(identity(expert.genome), expert.name, "classic", expert.genome) for expert in experts()]


def files(paths: Sequence[Path]) -> list[Player]:
    """Genomes from files. Raises ConfigurationError and ContractError."""
    genomes = [(path.stem, read_genome(path)) for path in paths]
    return [Player(identity(genome), name, "file", genome) for name, genome in genomes]


def elites(folder: RunFolder, wanted: int) -> list[Player]:
    """The elites of all islands with the best Sharpe ratios in training. Raises ConfigurationError where none are."""
    if not wanted:
        return []
    states = [state for state in asyncio.run(_islands(folder)) if len(state.archive)]
    if not states:
        raise ConfigurationError(
            f"--elites {wanted}: {folder.path} has no saved archive; let the run close a generation first"
        )
    members = distinct(join(*(state.archive for state in states)))
    best = np.argsort(-members["objectives"][:, OBJECTIVES.index("sharpe")], kind="stable")[:wanted]
    found = []
    for row in members[best]:
        name = row["genome_id"].tobytes().hex()
        found.append(Player(name, name[:12], "elite", row["genome"].reshape(1).view(GENOME)[0]))
    return found


async def _islands(folder: RunFolder) -> list[IslandState]:
    if not folder.states.is_file():
        return []
    states, load = open_states(folder.states), SELECTOR.load
    try:
        saved = await states.load(SELECTOR.name, "")
    finally:
        await states.close()
    return [] if load is None else [load(saved[key].data) for key in sorted(saved)]


def once(players: Sequence[Player]) -> list[Player]:
    """Each genome once, as it was named first."""
    return list({player.genome_id: player for player in reversed(players)}.values())[::-1]
