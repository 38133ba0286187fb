"""Every command can say what it does."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from standalone.cli import app
from tests.unit.standalone.conftest import Galapagos


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(each, (*path, name))


@pytest.mark.parametrize("path", list(_commands(typer.main.get_command(app))), ids=" ".join)
def test_help_comes_out_whole(galapagos: Galapagos, path: tuple[str, ...]) -> None:
    code, out, err = galapagos(*path, "--help")
    assert (code, err) == (0, "")
    assert "Usage: galapagos " + " ".join(path) in " ".join(out.split())
    assert "--help" in out


@pytest.mark.parametrize("path", [("up",), ("topics", "create")], ids=" ".join)
def test_a_namespace_in_a_url_is_no_markup(galapagos: Galapagos, path: tuple[str, ...]) -> None:
    shown = galapagos(*path, "--help")[1].replace("│", "")
    assert "[/NAMESPACE];" in "".join(shown.split())
