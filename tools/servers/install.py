"""Finds the programs that the servers need and installs what is missing where that is allowed."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tools.servers import jars
from tools.servers.errors import CannotInstallError

JAVA_MIN = 17
POLICY = Path("/usr/sbin/policy-rc.d")
PACKAGES = {
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
    "redis-server": "redis-server",
    "clickhouse-server": "clickhouse-server",
}
SERVICES = ("redis-server", "clickhouse-server", "prometheus")
PROGRAMS_OF = {"kafka": ("java",), "redis": ("redis-server",), "clickhouse": ("clickhouse-server",)}
Say = Callable[[str], None]


def find(program: str) -> str | None:
    """The absolute path of a program that serves, or None. A Java older than 17 does not serve."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    if program != "java":
        return shutil.which(program, path=path)
    home = os.environ.get("JAVA_HOME")
    for candidate in filter(None, [home and shutil.which("java", path=f"{home}/bin"), shutil.which("java", path=path)]):
        if java_version(candidate) >= JAVA_MIN:
            return candidate
    return None


def java_version(java: str) -> int:
    """The feature version: 17 for ``openjdk version "17.0.15"``; 0 when it cannot be told."""
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    said = re.search(r'version "(\d+)', asked.stderr + asked.stdout)
    return int(said[1]) if said else 0


def version(program: str) -> str:
    """What a program says of its version, or Debian of its package: the ClickHouse of 2018 does not know the option."""
    debian = ["dpkg-query", "--show", "--showformat=${Version}", Path(program).name]
    for command in ([program, "--version"], debian):
        with contextlib.suppress(FileNotFoundError):
            asked = subprocess.run(command, capture_output=True, text=True, check=False)
            if said := re.search(r"\d+\.\d+\.\d+", asked.stdout):
                return said[0]
    return "unknown"


def programs(kinds: Iterable[str], say: Say) -> dict[str, str]:
    """The absolute path of each program that ``kinds`` need, and under ``jars`` the folder of the Kafka jars.

    Raises:
        CannotInstallError: Something is missing and cannot be installed from here; says what and how to install it.
    """
    kinds = set(kinds)
    wanted = [program for kind, needs in PROGRAMS_OF.items() if kind in kinds for program in needs]
    need_jars = "kafka" in kinds and not jars.complete()
    if need_jars:
        wanted.append("mvn")
    if any(find(program) is None for program in wanted):
        with jars.alone("install"):  # whoever waited here may find everything done
            if missing := [PACKAGES[program] for program in wanted if find(program) is None]:
                install(missing, say)
    found = {program: find(program) for program in wanted}
    still = [program for program, path in found.items() if path is None]
    if still:
        raise CannotInstallError(f"{', '.join(still)} not found even after the installation; {remedy(still)}")
    paths = {program: path for program, path in found.items() if path is not None}
    if "kafka" in kinds:
        if need_jars:
            say(f"downloading the jars of Kafka {jars.VERSION} into {jars.folder()}")
            jars.download(paths["mvn"])
        paths["jars"] = str(jars.folder())
    return paths


def remedy(missing: Iterable[str]) -> str:
    """The command that installs these programs or packages on Debian."""
    names = [PACKAGES.get(name, name) for name in missing]
    return f"install with: sudo apt-get install -y --no-install-recommends {' '.join(names)}"


def install(packages: list[str], say: Say) -> None:
    """Install Debian packages without starting what is in them; lists are brought up to date when they are too old.

    Raises:
        CannotInstallError: This is not root on a machine with apt-get, or apt-get failed.
    """
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        why = "apt-get is not here" if shutil.which("apt-get") is None else "only root may install packages"
        raise CannotInstallError(f"missing: {', '.join(packages)}, and {why}; {remedy(packages)}")
    say(f"installing {', '.join(packages)} (apt-get)")
    options = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=2"]
    command = ["apt-get", "install", "-y", "--no-install-recommends", *options, *packages]
    with services_kept_down():
        done = _apt(command)
        if done.returncode != 0:
            _apt(["apt-get", "update", *options])
            done = _apt(command)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise CannotInstallError(f"apt-get could not install {', '.join(packages)}; {remedy(packages)}\n{said}")
    if Path("/run/systemd/system").exists():
        for service in set(SERVICES) & set(packages):  # nor may they come up with the machine's next start
            subprocess.run(["systemctl", "disable", "--quiet", service], capture_output=True, check=False)


def _apt(command: list[str]) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@contextlib.contextmanager
def services_kept_down() -> Iterator[None]:
    """While inside, Debian packages do not start their services; a policy that the machine has stays as it is."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
