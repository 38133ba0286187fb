"""Seed genomes from people: read strictly, validated with the gene named, kept in the run folder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson

from common.errors import ConfigurationError, ContractError
from common.events.codec import user_message
from common.events.message import Message
from common.events.public import GenomeSeeded
from common.events.strict import PUBLIC_BYTES_MAX, parse_json
from common.genome.codec import from_json, genome_ids, to_json
from standalone.run_folder import RunFolder, write_atomically


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


def accept(folder: RunFolder, genome: np.void, publisher: str, note: str) -> Path:
    """Put a valid genome into the run's inbox, whole or not at all; the same genome again changes nothing."""
    path = folder.seeds / f"{identity(genome)}.json"
    if not path.exists():  # an event's id is the hash of these bytes: they stay as they were first published
        seeded = GenomeSeeded(genome=to_json(genome), publisher=publisher, note=note)
        write_atomically(path, orjson.dumps(seeded.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    return path


class Inbox:
    """Turns files that come into a run folder into messages; they stay, so that a resumed run publishes them again.

    The bytes travel as they are: whether they are a seed is for the generator to say, as for any publisher.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder.seeds
        self._seen: set[str] = set()

    def new(self, run_id: str) -> Iterator[Message]:
        """One message for every file not seen yet, by name."""
        for path in sorted(self._folder.glob("[!.]*.json")):
            if path.name not in self._seen:
                self._seen.add(path.name)
                yield user_message(GenomeSeeded, run_id, path.read_bytes())
