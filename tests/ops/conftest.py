"""Programs that read what lies in ops/ and in the compose file, from Debian's packages."""

import os
import shutil

import pytest

from tools.servers import CannotInstallError
from tools.servers.install import install


def program(name: str, package: str) -> str:
    """The path of a program, installed where it is missing; only outside CI may that be a reason to skip."""
    if shutil.which(name) is None:
        try:
            install([package], print)
        except CannotInstallError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
    found = shutil.which(name)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus's own checker."""
    return program("promtool", "prometheus")


@pytest.fixture(scope="session")
def compose() -> str:
    """Docker's composer, which reads a file without an engine."""
    return program("docker-compose", "docker-compose")
