"""The rules of the house hold for every file, and each rule notices a planted violation."""

from collections.abc import Callable, Iterator

import pytest

from tools import tidy
from tools.tidy import Source

Rule = Callable[[Source], Iterator[str]]
FILES = tidy.sources()
PLANTED: list[tuple[Rule, str, str]] = [
    (tidy.opening, "libs/common/x.py", "import os\n"),
    (tidy.opening, "libs/common/x.py", '"""lower case, no stop"""\n'),
    (tidy.opening, "libs/common/x.py", '"""A sentence that goes\non in the next line."""\n'),
    (tidy.lengths, "libs/common/x.py", "\n" * 401),
    (tidy.lengths, "tests/x.py", "class A:\n    def f(self):\n" + "        pass\n" * 60),
    (tidy.lengths, "tests/x.py", "async def f():\n" + "    pass\n" * 60),
    (tidy.naming, "services/selector/utils.py", ""),
    (tidy.purity, "services/selector/x.py", "born = time.time_ns()\n"),
    (tidy.purity, "libs/common/market/x.py", "today = datetime.now(UTC)\n"),
    (tidy.purity, "services/standalone/x.py", "draw = np.random.default_rng()\n"),
    (tidy.purity, "services/generator/x.py", "import random\n"),
    (tidy.kernels, "services/selector/x.py", "import pydantic\n@kernel\ndef f(): pass\n"),
    (tidy.kernels, "services/selector/x.py", "from common.events.spec import RunSpec\n@kernel\ndef f(): pass\n"),
    (tidy.purity, "services/generator/x.py", "draw = np.random.uniform()\n"),
    (tidy.skipping, "tests/x.py", "pytest.importorskip('talib')\n"),
    (tidy.skipping, "tests/x.py", "@pytest.mark.skip()\ndef test_a(): assert f()\n"),
    (tidy.skipping, "tests/x.py", "@pytest.mark.skipif(True)\ndef test_a(): assert f()\n"),
    (tidy.skipping, "tests/x.py", "@pytest.mark.xfail(reason='some day')\ndef test_a(): assert f()\n"),
    (tidy.asserting, "tests/x.py", "def test_a():\n    f()\n"),
]
ALLOWED: list[tuple[Rule, str, str]] = [
    (tidy.opening, "libs/common/x.py", '"""One sentence.\n\nAnd more."""\n'),
    (tidy.lengths, "libs/common/x.py", "def f():\n" + "    pass\n" * 59),
    (tidy.purity, "libs/common/run/x.py", "now = time.time_ns()\n"),
    (tidy.purity, "libs/common/market/x.py", "stream = np.random.default_rng(seed)\nstream.normal()\n"),
    (tidy.kernels, "services/selector/x.py", "from common.events.spec import RunSpec\ndef f(): pass\n"),
    (tidy.kernels, "services/selector/x.py", "import numpy\n@kernel\ndef f(): pass\n"),
    (tidy.skipping, "tests/x.py", "pytest.skip('no market data here')\n"),
    (tidy.asserting, "tests/x.py", "def test_a():\n    with pytest.raises(ValueError): f()\n"),
]


@pytest.mark.parametrize("rule", tidy.RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps(rule: Rule) -> None:
    assert [problem for source in FILES for problem in rule(source)] == []


def test_files_are_short() -> None:
    assert len(FILES) > 20
    assert list(tidy.sizes(FILES)) == []


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_seen(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_is_allowed_passes(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))


def test_long_files_are_seen_in_the_sizes() -> None:
    short, middle, long = (Source("libs/x.py", "\n" * lines) for lines in (50, 130, 300))
    assert not list(tidy.sizes([short] * 20))
    assert len(list(tidy.sizes([middle] * 20))) == 1
    assert len(list(tidy.sizes([short] * 16 + [long] * 4))) == 1


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(tidy.RULES)
