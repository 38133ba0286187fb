"""Reads the project's Markdown for tests/docs: links, code blocks, commands and the feature table."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.tidy import ROOT

RUN_MARK = "<!-- run -->"
"""Stands on the line before a code block that the tests execute."""
STATES = re.compile(r"built|(part|laid out) \(issue ([3-9]|10)\)|later: issue ([3-9]|10)")
_FENCE = re.compile(r"^(?P<mark><!-- run -->\n)?```(?P<language>[a-z]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`((?:galapagos|make) [^`]+)`")


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block; ``runs``: the tests execute it."""

    language: str
    body: str
    runs: bool


@dataclass(frozen=True, slots=True)
class Feature:
    """A row of docs/features.md; ``numbers`` is empty for a row that the feature list does not number."""

    numbers: tuple[int, ...]
    system: str
    state: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


def documents(root: Path = ROOT) -> list[Path]:
    """Every Markdown file of the project."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def fences(text: str) -> list[Fence]:
    """Code blocks in order."""
    return [Fence(found["language"], found["body"], bool(found["mark"])) for found in _FENCE.finditer(text)]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path, text: str) -> Iterator[str]:
    """Relative links of the document at ``path`` that lead nowhere, anchors included."""
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        if not linked.exists():
            yield f"{path.name}: {target} does not exist"
        elif anchor and anchor not in anchors(text if linked == path else linked.read_text(encoding="utf-8")):
            yield f"{path.name}: {target} has no such heading"


def commands(text: str) -> list[str]:
    """Lines a reader may type that call ``galapagos`` or ``make``, from shell blocks and inline code."""
    found = _INLINE.findall(_FENCE.sub("", text))
    for fence in fences(text):
        if fence.language in ("sh", "console"):
            lines = fence.body.replace("\\\n", " ").splitlines()
            found += [line.removeprefix("$ ").split("  #")[0] for line in lines]
    stripped = (command.strip().removeprefix(".venv/bin/") for command in found)
    return [command for command in stripped if re.match(r"(galapagos|make)\b", command)]


def mapped_paths(text: str) -> list[str]:
    """Paths at the start of the lines of the first block of the document that is a map of the tree."""
    for fence in fences(text):
        paths = re.findall(r"^([\w./-]+)  +\S", fence.body, re.MULTILINE)
        if fence.language == "text" and "libs/common/" in paths:
            return paths
    return []


def features(text: str) -> list[Feature]:
    """The rows of the feature tables."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"–|\d+(, \d+)*", cells[0]):
            numbers = tuple(int(number) for number in re.findall(r"\d+", cells[0]))
            modules, tests = (tuple(re.findall(r"`([^`]+)`", cell)) for cell in cells[3:])
            rows.append(Feature(numbers, cells[1], cells[2], modules, tests))
    return rows


def module_exists(name: str, root: Path = ROOT) -> bool:
    """Is ``common.genome.codec`` a module or package of libs, services or the root?"""
    places = [root / floor / name.replace(".", "/") for floor in ("libs", "services", "")]
    return any(place.with_suffix(".py").is_file() or (place / "__init__.py").is_file() for place in places)


def has_test(name: str, root: Path = ROOT) -> bool:
    """Is ``tests/unit/x/test_y.py``, or ``tests/unit/x/test_y.py::test_z``, there?"""
    file, _, function = name.partition("::")
    path = root / file
    if not path.is_file():
        return False
    defined = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = {node.name for node in defined if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return function in names if function else any(name.startswith("test_") for name in names)


def feature_problems(row: Feature, root: Path = ROOT) -> Iterator[str]:
    """What is wrong with a row: an unknown state, a module or a test that is not there."""
    which = f"{row.numbers or row.system}"
    if not STATES.fullmatch(row.state):
        yield f"{which}: {row.state!r} is not a state"
    if row.state.startswith(("built", "part")) and not (row.modules and row.tests):
        yield f"{which}: {row.state}, but by which module and shown by which test?"
    if row.state.startswith("laid out") and not row.modules:
        yield f"{which}: laid out, but where?"
    yield from (f"{which}: no module {name}" for name in row.modules if not module_exists(name, root))
    yield from (f"{which}: no test {name}" for name in row.tests if not has_test(name, root))
