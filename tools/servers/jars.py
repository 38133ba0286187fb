"""The Kafka jars that the pom names, kept complete in the user's cache so that no checkout downloads them again."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.servers.errors import CannotInstallError

POM = Path(__file__).parent / "pom.xml"
LIST = "jars.json"


def _version() -> str:
    named = re.search(r"<kafka.version>([^<]+)</kafka.version>", POM.read_text())
    if named is None:
        raise CannotInstallError(f"{POM} names no <kafka.version>; restore it from git")
    return named[1]


VERSION = _version()


def cache() -> Path:
    """``$XDG_CACHE_HOME/galapagos``, or below ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galapagos"


def folder() -> Path:
    """Where the jars of this Kafka version lie."""
    return cache() / f"kafka-{VERSION}"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One program of this user at a time does what ``name`` says; the others wait."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pom_digest() -> str:
    return hashlib.sha256(POM.read_bytes()).hexdigest()


def _sizes(where: Path) -> dict[str, int]:
    return {jar.name: jar.stat().st_size for jar in sorted(where.glob("*.jar"))}


def complete() -> bool:
    """Whether every jar of this very pom is there in its full length."""
    try:
        listed = json.loads((folder() / LIST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(listed["pom"] == _pom_digest() and listed["bytes"] == _sizes(folder()))


def download(mvn: str) -> None:
    """Let Maven copy the jars, then put them in place at once; several programs may ask at the same time.

    Raises:
        CannotInstallError: Maven failed; its last lines are in the text.
    """
    with alone("kafka"):
        if complete():
            return
        fresh = cache() / f"kafka-{VERSION}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
        command = [mvn, "--batch-mode", "--quiet", "--file", str(POM), *goal]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        sizes = _sizes(fresh)
        if done.returncode != 0 or f"kafka_2.13-{VERSION}.jar" not in sizes:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
            raise CannotInstallError(f"Maven could not fetch Kafka {VERSION}; try: {' '.join(command)}\n{said}")
        (fresh / LIST).write_text(json.dumps({"pom": _pom_digest(), "bytes": sizes}, indent=1))
        shutil.rmtree(folder(), ignore_errors=True)
        fresh.rename(folder())
