"""Rules of the house that ruff and mypy do not know; tests/tidy applies them to the tree."""

import ast
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS: tuple[str, ...] = ("libs", "services", "tools", "tests", "benchmarks", "examples")
FILE_LINES_MAX = 400
FILE_LINES_MEDIAN_MAX = 120
FILE_LINES_P90_MAX = 250
FUNCTION_LINES_MAX = 60
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "misc", "tools", "stuff"})
UNKNOWN_TO_KERNELS = ("common.events", "common.service", "pydantic", "opentelemetry")
SKIPS = ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif")
IMPURE_PATHS: tuple[str, ...] = (
    "libs/common/run/",
    "libs/common/client/",
    "libs/common/adapters/",
    "libs/common/telemetry/",
    "services/standalone/",
)
"""The only places of libs and services that may look at a clock."""
CLOCKS = re.compile(r"(time\.(time|monotonic|perf_counter)(_ns)?|datetime\.(now|utcnow|today)|date\.today)$")
GLOBAL_RANDOM = re.compile(r"((np|numpy)\.random\.\w+|uuid[14]|os\.urandom|secrets\.\w+)$")
SEEDED = re.compile(r"(np|numpy)\.random\.(default_rng|Generator|SeedSequence|Philox|PCG64)$")
"""Fine when they are given what they start from."""


@dataclass(frozen=True)
class Source:
    """A Python file: its path below the root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How long it is."""
        return self.text.count("\n")

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def sources(root: Path = ROOT) -> list[Source]:
    """Every Python file of the project below ``root``."""
    return [
        Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
    ]


def opening(source: Source) -> Iterator[str]:
    """A module opens with a docstring whose first line is one sentence."""
    first = (ast.get_docstring(source.tree) or "").split("\n")[0]
    if not re.match(r"[`A-Z0-9].*[.:]$", first):
        yield f"{source.path}: its first line should be one docstring sentence, not {first!r}"


def lengths(source: Source) -> Iterator[str]:
    """No file and no function is too long to be read at once."""
    if source.lines > FILE_LINES_MAX:
        yield f"{source.path}: {source.lines} lines, at most {FILE_LINES_MAX}"
    for function in source.functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{source.path}:{function.lineno}: {function.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def naming(source: Source) -> Iterator[str]:
    """A file is named after what it holds."""
    if Path(source.path).stem in VAGUE_NAMES:
        yield f"{source.path}: a name that says nothing; name it after what it holds"


def purity(source: Source) -> Iterator[str]:
    """Libraries and services draw from no global random numbers, and only the outermost floor knows the time."""
    if not source.path.startswith(("libs/", "services/")):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            yield f"{source.path}:{node.lineno}: import random: draw from common.random, by run, island and slot"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if GLOBAL_RANDOM.match(called) and not (SEEDED.match(called) and node.args):
            yield f"{source.path}:{node.lineno}: {called}: draw from common.random, by run, island and slot"
        if CLOCKS.match(called) and not source.path.startswith(IMPURE_PATHS):
            yield f"{source.path}:{node.lineno}: {called}: time comes with the event"


def skipping(source: Source) -> Iterator[str]:
    """A test that is left out says why; an expected failure that passes is a failure."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if called.endswith("importorskip"):
            yield f"{source.path}:{node.lineno}: importorskip hides a missing package; everything is in uv.lock"
        elif called in SKIPS and "reason" not in given and not (called in SKIPS[:2] and node.args):
            yield f"{source.path}:{node.lineno}: {called} without a reason"
        elif called == "pytest.mark.xfail" and ast.unparse(given.get("strict", ast.Constant(False))) != "True":
            yield f"{source.path}:{node.lineno}: {called} without strict=True"


def asserting(source: Source) -> Iterator[str]:
    """A test can fail: it asserts, expects an error, or hands over to a function that says it checks."""
    if not source.path.startswith("tests/"):
        return
    for function in source.functions:
        if not function.name.startswith("test_"):
            continue
        calls = (ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call))
        checks = any(re.search(r"(^|[._])(raises|assert|check|expect|fail)", call) for call in calls)
        if not checks and not any(isinstance(node, ast.Assert) for node in ast.walk(function)):
            yield f"{source.path}:{function.lineno}: {function.name} asserts nothing"


def kernels(source: Source) -> Iterator[str]:
    """A file with compiled kernels knows arrays only: no events, no pydantic, no OpenTelemetry."""
    if not source.path.startswith(("libs/", "services/")) or not any(
        ast.unparse(decorator) == "kernel" for f in source.functions for decorator in f.decorator_list
    ):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in modules:
            if name.startswith(UNKNOWN_TO_KERNELS):
                yield f"{source.path}:{node.lineno}: kernels do not know {name}; pass plain numbers"


RULES = (opening, lengths, naming, purity, kernels, skipping, asserting)


def sizes(files: Sequence[Source]) -> Iterator[str]:
    """Most files are short: the median and the 90th percentile of all but ``__init__.py``."""
    lines = sorted(source.lines for source in files if not source.path.endswith("__init__.py"))
    median, p90 = statistics.median(lines), statistics.quantiles(lines, n=10)[-1]
    if median > FILE_LINES_MEDIAN_MAX:
        yield f"the median file has {median:g} lines, at most {FILE_LINES_MEDIAN_MAX}"
    if p90 > FILE_LINES_P90_MAX:
        yield f"the 90th percentile of the files is {p90:g} lines, at most {FILE_LINES_P90_MAX}"


def undocumented_targets(makefile: str) -> list[str]:
    """Targets of a Makefile that people may type and ``make help`` does not show."""
    return [name for name, rest in re.findall(r"^([a-z-]+):(?!=)(.*)$", makefile, re.MULTILINE) if "  ## " not in rest]
