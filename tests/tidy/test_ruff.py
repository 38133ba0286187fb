"""Ruff, as configured here, refuses what must never be in libraries and services."""

import subprocess
import sys

import pytest

from tools.tidy import ROOT

PLANTED = {
    "T201": "print('hello')\n",
    "S102": "exec('1')\n",
    "S307": "eval('1')\n",
    "TID251": "import pickle\n",
    "FIX002": "# TODO later\n",
    "FIX001": "# FIXME\n",
    "D103": "def shown(): ...\n",
    "D102": 'class Shown:\n    """A."""\n\n    def method(self): ...\n',
}


@pytest.mark.parametrize("code", PLANTED)
@pytest.mark.parametrize("path", ["libs/common/planted.py", "services/selector/planted.py"])
def test_ruff_refuses(code: str, path: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--output-format=concise", f"--stdin-filename={path}", "-"]
    found = subprocess.run(command, input=PLANTED[code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert found.returncode == 1, found.stderr
    assert code in found.stdout
