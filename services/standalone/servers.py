"""Which servers a run uses: what was named, or what `make servers` has started here; and its namespace there."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from common.errors import ConfigurationError
from common.run.folder import RunFolder, write_atomically
from common.run.open import check_urls, shown
from common.settings import Settings, read_settings

STARTED_HERE = Path(".servers") / "servers.json"
_NAMESPACE = "namespace"


@dataclass(frozen=True, slots=True)
class Urls:
    """Of the servers; ``cache`` and ``store`` may be empty: none."""

    bus: str
    cache: str = ""
    store: str = ""


def urls_of(settings: Settings, started: Path = STARTED_HERE) -> Urls:
    """Those that are named, or else those of ``started``. Raises ConfigurationError where there is no bus."""
    if settings.bus:
        found = Urls(settings.bus, settings.cache, settings.store)
    else:
        here = started_here(started)
        if "kafka" not in here:
            raise ConfigurationError(
                "--bus: is missing, and no Kafka was started here; give --bus kafka://host:port (or GALAPAGOS_BUS), or "
                "call `make servers` in this folder first"
            )
        cache, store = settings.cache or here.get("redis", ""), settings.store or here.get("clickhouse", "")
        found = Urls(here["kafka"], cache, store)
    if not found.bus.startswith("kafka://"):
        raise ConfigurationError(f"--bus {shown(found.bus)}: is no server; use kafka://host:port, or `galapagos run`")
    check_urls(found.bus, found.cache, found.store)
    return found


def started_here(path: Path = STARTED_HERE) -> dict[str, str]:
    """URLs of what `make servers` has started, by kind; empty where it has not. Raises ConfigurationError."""
    try:
        urls = json.loads(path.read_text(encoding="utf-8"))["urls"]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error!r}); give --bus, or start them anew") from error
    return {str(kind): str(url) for kind, url in urls.items()}


def token_of(folder: RunFolder) -> str:
    """A name that no other run folder has, also with the same run in it; kept in the folder."""
    file = folder.path / _NAMESPACE
    if not file.exists():
        write_atomically(file, f"{folder.spec().run_id[:8]}-{time.time_ns() // 1000:x}\n".encode())
    return file.read_text(encoding="utf-8").strip()


def is_on_servers(folder: RunFolder) -> bool:
    """Whether `galapagos up` has run it."""
    return (folder.path / _NAMESPACE).exists()


def placed(urls: Urls, folder: RunFolder) -> Urls:
    """The same with a namespace of the run's own on the bus, where none is named: it is kept in the run's folder."""
    parts = urlsplit(urls.bus)
    if parts.path.strip("/"):
        return urls
    return replace(urls, bus=parts._replace(path="/" + token_of(folder)).geturl())


def bus_of(folder: RunFolder, started: Path = STARTED_HERE) -> str:
    """The namespace where `galapagos up` works on the run, found as ``up --resume`` does; empty: it never has.

    Raises ConfigurationError where it has, and there is no bus.
    """
    if not (folder.path / _NAMESPACE).exists():
        return ""
    return placed(urls_of(read_settings(), started), folder).bus
