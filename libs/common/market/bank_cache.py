"""Condition banks kept on disk, so that bars which were evaluated once are read, and bars that grew are extended."""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numba
import numpy as np
import talib

from common.genome.conditions import CONDITIONS
from common.genome.layout import GENOME_VERSION
from common.kernel import machine
from common.market.bank import Bank, build_bank, extend
from common.market.bank_pack import Words
from common.market.bars import Bars

CACHE_MAX_BYTES = 1 << 30
"""All banks on disk together; the longest unused go first."""
CACHED_BARS_MIN = 1000
"""Fewer bars than this are evaluated in hundredths of a second: not worth a file."""
_HEAD_BARS = 64
_CHECKSUM_BYTES = 4


def _program_digest() -> str:
    """Hash of all that decides a bank beside the bars: sources, libraries and processor (how it rounds vectors)."""
    state = hashlib.blake2b(digest_size=8)
    compiled = talib.__ta_version__  # type: ignore[attr-defined]
    libraries = (np.__version__, numba.__version__, talib.__version__, compiled)
    state.update(repr((GENOME_VERSION, libraries, machine())).encode())
    root = Path(__file__).parents[1]
    for path in sorted([*root.glob("*.py"), *root.glob("genome/**/*.py"), *root.glob("market/**/*.py")]):
        source = path.read_bytes()
        state.update(f"{path.relative_to(root)}:{len(source)}:".encode() + source)
    return state.hexdigest()


_PROGRAM = _program_digest()  # now, while the files are still those that were imported


def cache_folder() -> Path:
    """Where the banks of this user lie: ``$XDG_CACHE_HOME/galapagos/banks``, or below ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galapagos" / "banks"


def bank_of(bars: Bars, wanted: Sequence[int] | None = None, threads: int = 1, cache: Path | None = None) -> Bank:
    """What ``build_bank`` gives, bit by bit, through the files in ``cache`` (None: without).

    Read where these bars are there, extended where their beginning is, else built; what was not read is written. A
    damaged file counts as none, and a folder that cannot be written to is no error. Banks of ``wanted`` conditions only
    are built directly: the few that a strategy looks at take less time than reading all. Raises as ``build_bank``.
    """
    if cache is None or wanted is not None or len(bars) < CACHED_BARS_MIN:
        return build_bank(bars, wanted, threads)
    head = f"{_PROGRAM}-{bars.until(_HEAD_BARS).digest[:16]}"
    path = cache / f"{head}-{len(bars)}-{bars.digest}.bank"
    stored = _read(path, len(bars))
    if stored is not None:
        return stored
    beginning = _beginning(bars, cache, head)
    bank = extend(*beginning, bars, threads=threads) if beginning else build_bank(bars, None, threads)
    _write(path, bank.words)
    return bank


def _beginning(bars: Bars, cache: Path, head: str) -> tuple[Bank, Bars] | None:
    """The longest stored bank of a beginning of ``bars`` that is at least half of them, and that beginning."""
    stored = [path.stem.split("-")[2:] for path in cache.glob(f"{head}-*-*.bank")]
    for count, digest in sorted(((int(count), digest) for count, digest in stored), reverse=True):
        if len(bars) // 2 <= count < len(bars) and bars.until(count).digest == digest:
            bank = _read(cache / f"{head}-{count}-{digest}.bank", count)
            if bank is not None:
                return bank, bars.until(count)
    return None


def _read(path: Path, bars: int) -> Bank | None:
    """The bank in a file; None where there is none, or not exactly what was written."""
    # Into memory of its own: Numba compiles every kernel once more for the read-only array of a mapped file, and a file
    # that somebody cuts short while it is mapped ends the process.
    words: Words = np.empty((len(CONDITIONS), -(-bars // 64)), np.uint64)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != _CHECKSUM_BYTES + words.nbytes:
                return None
            checksum = file.read(_CHECKSUM_BYTES)
            if file.readinto(words.data.cast("B")) != words.nbytes or checksum != _checksum(path, words):
                return None
    except OSError:
        return None
    with suppress(OSError):
        os.utime(path)
    return Bank(words, bars)


def _write(path: Path, words: Words) -> None:
    """Store under a name of its own, then rename: nobody ever reads half a bank."""
    if words.nbytes > CACHE_MAX_BYTES:
        return
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            try:
                part.write(_checksum(path, words))
                part.write(words.data)
                part.flush()
                Path(part.name).replace(path)
            finally:
                Path(part.name).unlink(missing_ok=True)
        _evict(path.parent)


def _checksum(path: Path, words: Words) -> bytes:
    """CRC-32 of name and content: a file that was renamed is as wrong as one that was damaged."""
    return zlib.crc32(words.data, zlib.crc32(path.name.encode())).to_bytes(_CHECKSUM_BYTES, "little")


def _evict(cache: Path) -> None:
    """Delete the files that were unused for longest until the rest has room."""
    found = [(path, path.stat()) for path in cache.iterdir() if path.suffix in (".bank", ".part")]
    total = sum(stat.st_size for _, stat in found)
    for path, stat in sorted(found, key=lambda entry: entry[1].st_mtime_ns):
        if total <= CACHE_MAX_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= stat.st_size
