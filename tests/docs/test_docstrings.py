"""Examples in docstrings give what they say."""

import doctest
import importlib

import pytest

from tools import tidy

MODULES = [
    source.path.split("/", 1)[1].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for source in tidy.sources()
    if source.path.startswith(("libs/", "services/")) and ">>> " in source.text
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
