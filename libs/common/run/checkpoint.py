"""A recovery point as one file: all states of a run at one moment, with what it needs to go on anywhere.

A zip file with ``manifest.json`` and the parts that it lists, each with its length and SHA-256: ``states/0`` and so on,
and where they are wanted ``bars/0.npz``, ``seeds/NAME.json``, ``journal.jsonl`` and ``family.bin``. Written whole or
not at all; read in full and checked before anything of it is used.
"""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from common.errors import ConfigurationError, ContractError
from common.events.frozen import Frozen
from common.events.spec import RunSpec
from common.events.strict import parse_json, parse_model
from common.run.folder import write_atomically

FORMAT = 1
SUFFIX = ".checkpoint.zip"
_MANIFEST = "manifest.json"
_MANIFEST_BYTES_MAX = 16 << 20
_NAME = re.compile(r"states/\d+|bars/\d+\.npz|seeds/[^./\\][^/\\]*\.json|journal\.jsonl|family\.bin")
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
_REMEDY = "take another copy, or an older recovery point"


class Part(Frozen):
    """A file inside."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str


class StatePart(Part):
    """A state of a service; ``offsets``: topic, partition and next offset of what it contains in the log ``log_id``."""

    service: str
    key: str
    shard: int = Field(ge=0)
    offsets: tuple[tuple[str, int, int], ...] = ()


class Manifest(Frozen):
    """What a recovery point says of itself. ``islands``: per island the last generation it had closed."""

    format: int
    program: str
    created_us: int
    reason: str
    run_id: str
    run: RunSpec
    log_id: str
    islands: dict[str, int]
    states: tuple[StatePart, ...]
    files: tuple[Part, ...]

    @property
    def generation(self) -> int:
        """The last one that every island had closed."""
        return min(self.islands.values(), default=-1)

    @property
    def has_bars(self) -> bool:
        """Whether the bars of the run are inside, for another machine."""
        return all(f"bars/{index}.npz" in {part.name for part in self.files} for index in range(len(self.run.data)))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A recovery point in memory; ``parts``: the bytes by name."""

    manifest: Manifest
    parts: Mapping[str, bytes]

    def with_files(self, files: Mapping[str, bytes]) -> "Checkpoint":
        """The same with more files, or others under the same names."""
        kept = [part for part in self.manifest.files if part.name not in files]
        listed = (*kept, *(described(name, data) for name, data in files.items()))
        return Checkpoint(self.manifest.model_copy(update={"files": listed}), {**self.parts, **files})

    def files(self, folder: str = "") -> dict[str, bytes]:
        """Files by name, those below a folder (``bars/``) only."""
        names = [part.name for part in self.manifest.files if part.name.startswith(folder)]
        return {name: self.parts[name] for name in names}


def described(name: str, data: bytes) -> Part:
    """The entry of a part."""
    return Part(name=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def write(path: Path, checkpoint: Checkpoint) -> int:
    """Write the file, whole or not at all; returns its size in bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_MANIFEST, checkpoint.manifest.model_dump_json(indent=1))
        for name, data in checkpoint.parts.items():
            kind = zipfile.ZIP_STORED if name.endswith(".npz") else zipfile.ZIP_DEFLATED
            archive.writestr(name, data, kind)
    write_atomically(path, buffer.getvalue())
    return len(buffer.getvalue())


def read_manifest(path: Path) -> Manifest:
    """The manifest alone: for lists. Raises ConfigurationError as ``read`` does for what it sees."""
    with _opened(path) as archive:
        return _manifest(path, archive)


def read(path: Path) -> Checkpoint:
    """The recovery point, every part checked.

    Raises ConfigurationError that names the file, the part and the remedy for a file that is missing, truncated,
    damaged, of another format, or no recovery point.
    """
    with _opened(path) as archive:
        manifest = _manifest(path, archive)
        listed = {part.name: part for part in (*manifest.states, *manifest.files)}
        found = [info for info in archive.infolist() if info.filename != _MANIFEST]
        if unknown := [info.filename for info in found if info.filename not in listed]:
            raise ConfigurationError(f"{path}: part {unknown[0]!r} is not in the manifest; {_REMEDY}")
        return Checkpoint(manifest, {name: _part(path, archive, part) for name, part in listed.items()})


def _opened(path: Path) -> zipfile.ZipFile:
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file; `galapagos checkpoint list` shows what there is")
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise ConfigurationError(
            f"{path}: no recovery point, or a truncated one ({error}); {_REMEDY}, "
            "or name a file that `galapagos checkpoint create` wrote"
        ) from error


def _manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    where = f"{path}: {_MANIFEST}"
    try:
        data = _bytes(archive, _MANIFEST, _MANIFEST_BYTES_MAX)
    except KeyError:
        raise ConfigurationError(f"{where}: is missing; name a file that `galapagos checkpoint create` wrote") from None
    except _DAMAGE as error:
        raise ConfigurationError(f"{where}: is damaged ({error}); {_REMEDY}") from error
    try:
        document: Any = parse_json(data, where, _MANIFEST_BYTES_MAX)
        written = document.get("format") if isinstance(document, dict) else None
        if written != FORMAT:
            raise ConfigurationError(
                f"{where}: format: {written!r} is not {FORMAT}; use the version of the program that wrote it"
            )
        manifest = parse_model(Manifest, data, where, _MANIFEST_BYTES_MAX)
    except ContractError as error:
        raise ConfigurationError(str(error)) from error
    if manifest.run_id != manifest.run.run_id:
        raise ConfigurationError(
            f"{where}: run_id: {manifest.run_id} is not {manifest.run.run_id}, that of its run; {_REMEDY}"
        )
    for part in (*manifest.states, *manifest.files):
        if not _NAME.fullmatch(part.name):
            raise ConfigurationError(f"{where}: part {part.name!r} is not allowed; {_REMEDY}")
    return manifest


def _part(path: Path, archive: zipfile.ZipFile, part: Part) -> bytes:
    try:
        data = _bytes(archive, part.name, part.bytes)
    except KeyError:
        raise ConfigurationError(f"{path}: part {part.name}: is missing; {_REMEDY}") from None
    except _DAMAGE as error:
        raise ConfigurationError(f"{path}: part {part.name}: is damaged ({error}); {_REMEDY}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != part.sha256:
        raise ConfigurationError(
            f"{path}: part {part.name}: SHA-256 {digest[:16]}... is not {part.sha256[:16]}..., it is damaged; {_REMEDY}"
        )
    return data


def _bytes(archive: zipfile.ZipFile, name: str, bytes_max: int) -> bytes:
    """A member that says it is no longer than it should be: nothing unpacks to more than the manifest lists."""
    info = archive.getinfo(name)
    if info.file_size > bytes_max:
        raise ValueError(f"{info.file_size} bytes, at most {bytes_max} are listed")
    return archive.read(info)
