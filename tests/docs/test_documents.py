"""Documents tell the truth: links lead somewhere, commands exist, the map of the tree is the tree, blocks run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from standalone.cli import app
from tools import documents
from tools.documents import Fence
from tools.tidy import ROOT

PAGES = documents.documents()
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
COMMANDS = sorted({command for text in TEXTS.values() for command in documents.commands(text)})
RUNNING = [
    pytest.param(fence, id=f"{page.relative_to(ROOT)}-{number}")
    for page, text in TEXTS.items()
    for number, fence in enumerate(documents.fences(text))
    if fence.runs
]
README = TEXTS[ROOT / "README.md"]


def unknown(command: str) -> str:
    """What of a command line does not exist, or an empty text."""
    program, *words = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return next((word for word in words if "=" not in word and word not in targets), "")
    place: Any = typer.main.get_command(app)
    for word in words:
        if hasattr(place, "commands") and not word.startswith("-"):
            if word not in place.commands:
                return word
            place = place.commands[word]
        elif word.startswith("--") and word != "--help":
            known = [option for parameter in place.params for option in (*parameter.opts, *parameter.secondary_opts)]
            if word.split("=")[0] not in known:
                return word
    return ""


def run(fence: Fence, folder: Path) -> subprocess.CompletedProcess[str]:
    """Execute a block in an empty folder, with this environment's programs first in the path."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    program = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[fence.language]
    return subprocess.run(
        [*program, fence.body], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(documents.broken_links(page, TEXTS[page])) == []


def test_links_that_lead_nowhere_are_seen() -> None:
    page = ROOT / "README.md"
    assert len(list(documents.broken_links(page, "# One\n[a](docs/nowhere.md) [b](#two) [c](#one)"))) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command: str) -> None:
    assert unknown(command) == ""


@pytest.mark.parametrize("command", ["make coffee", "galapagos walk", "galapagos run --fast", "galapagos seed plant"])
def test_a_command_that_does_not_exist_is_seen(command: str) -> None:
    assert unknown(command) == command.rsplit(maxsplit=1)[-1]


def test_the_readme_names_the_two_commands_first() -> None:
    first = documents.fences(README)[0]
    assert documents.commands(f"```{first.language}\n{first.body}```\n") == ["make run", "make test"]


def test_the_map_of_the_tree_is_the_tree() -> None:
    mapped = documents.mapped_paths(README)
    assert [path for path in mapped if not (ROOT / path).exists()] == []
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {path.split("/")[0] + "/" for path in tracked.splitlines() if "/" in path and not path.startswith(".")}
    services = {
        f"{folder.relative_to(ROOT)}/" for folder in (ROOT / "services").iterdir() if (folder / "__init__.py").exists()
    }
    assert folders - {path.split("/")[0] + "/" for path in mapped} == set()
    assert services - set(mapped) == set()


@pytest.mark.parametrize("fence", RUNNING)
def test_a_block_runs(fence: Fence, tmp_path: Path) -> None:
    result = run(fence, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_block_that_fails_is_seen(tmp_path: Path) -> None:
    assert RUNNING
    assert run(Fence("python", "import nowhere", True), tmp_path).returncode == 1
    assert run(Fence("sh", "false\ntrue", True), tmp_path).returncode == 1


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = {page.name for page in folder.glob("[0-9]*.md")}
    assert set(re.findall(r"\]\((\d[\w-]+\.md)\)", TEXTS[folder / "README.md"])) == pages
