"""Seed genomes from people: read strictly, validated with the gene named, kept in the run folder."""

import asyncio
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import numpy as np
import orjson

from common.errors import ConfigurationError, ContractError
from common.events.codec import user_message
from common.events.message import Message
from common.events.public import GenomeSeeded, SeedKind
from common.events.strict import PUBLIC_BYTES_MAX, parse_json
from common.genome.codec import from_json, genome_ids, to_json
from common.run.folder import RunFolder, write_atomically


def read_genome(path: Path) -> np.void:
    """One genome from a JSON file. Raises ConfigurationError for no file, ContractError (GenomeError) for a bad one."""
    if not path.is_file():
        raise ConfigurationError(
            f"{path}: no such file; `galapagos seed example > {path.name}` writes one to begin with"
        )
    size = path.stat().st_size
    if size > PUBLIC_BYTES_MAX:
        raise ContractError(f"{path}: {size:,} bytes; a genome is at most {PUBLIC_BYTES_MAX:,}")
    document = parse_json(path.read_bytes(), str(path))
    if isinstance(document, dict) and "genome" in document and "version" not in document:
        document = document["genome"]  # a whole seed event, or an entry of champions.json
    return from_json(document)


def identity(genome: np.void) -> str:
    """The genome's id, hex."""
    return bytes(genome_ids(genome.reshape(1))[0]).hex()


def accept(folder: RunFolder, genome: np.void, publisher: str, note: str, kind: SeedKind = "person") -> Path:
    """Put a valid genome into the run's inbox, whole or not at all; the same genome again changes nothing."""
    path = folder.seeds / f"{identity(genome)}.json"
    if not path.exists():  # an event's id is the hash of these bytes: they stay as they were first published
        seeded = GenomeSeeded(genome=to_json(genome), publisher=publisher, note=note, kind=kind)
        write_atomically(path, orjson.dumps(seeded.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    return path


def accept_all(
    folder: RunFolder, kind: SeedKind | str, seeds: Iterable[tuple[np.void, str]], publisher: str
) -> list[dict[str, str]]:
    """Put genomes of one kind into the run's inbox, each with its note; returns ids and notes in their order."""
    found = []
    for genome, note in seeds:
        accept(folder, genome, publisher, note, cast(SeedKind, kind))
        found.append({"genome_id": identity(genome), "kind": str(kind), "note": note})
    return found


class Inbox:
    """Turns files that come into a run folder into messages; they stay, so that a resumed run publishes them again.

    The bytes travel as they are: whether they are a seed is for the generator to say, as for any publisher. A file
    that cannot be read is told of once through ``say``, and tried again.
    """

    def __init__(self, folder: RunFolder, say: Callable[[str], None]) -> None:
        self._folder = folder.seeds
        self._say = say
        self._seen: set[str] = set()
        self._warned: set[str] = set()

    async def new(self, run_id: str) -> list[Message]:
        """One message for every file not seen yet, by name; files are read off the event loop."""
        found, warnings = await asyncio.to_thread(self._read)
        for warning in warnings:
            self._say(warning)
        return [user_message(GenomeSeeded, run_id, data) for data in found]

    def _read(self) -> tuple[list[bytes], list[str]]:
        found, warnings = [], []
        for path in sorted(self._folder.glob("[!.]*.json")):
            if path.name in self._seen:
                continue
            try:
                found.append(_bytes_of(path))
                self._seen.add(path.name)
            except OSError as error:
                if path.name not in self._warned:
                    self._warned.add(path.name)
                    warnings.append(f"seed {path}: {error.strerror or error}; it is left out until it can be read")
        return found, warnings


def _bytes_of(path: Path) -> bytes:
    """The file, or as much of it as shows that it is too large. Raises OSError, also for what is not a file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("is not a file")
    with path.open("rb") as file:
        return file.read(PUBLIC_BYTES_MAX + 1)
