"""The command line, called in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from standalone.cli import main

Galapagos = Callable[..., tuple[int, str, str]]


@pytest.fixture
def galapagos(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Call `galapagos ARGUMENTS` in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["galapagos", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
