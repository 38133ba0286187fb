"""The import contracts can fail: an import planted against each of them is reported."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.tidy import ROOT

PLANTED = {
    "libs/common/errors.py": "import common.events.spec\n",  # upward inside common
    "libs/common/events/spec.py": "import common.market.bars\n",  # events know numbers
    "libs/common/market/bars.py": "import pydantic\n",  # a kernel package knows pydantic
    "services/selector/service.py": "import sqlite3\nimport opentelemetry\nimport generator.service\n",
    "services/selector/state.py": "import selector.service\n",  # upward inside a service
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    environment = {"PYTHONPATH": f"{folder}/libs:{folder}/services", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_each_contract_notices_a_planted_import(tmp_path: Path) -> None:
    for name in ("libs", "services"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, text in PLANTED.items():
        with (tmp_path / path).open("a", encoding="utf-8") as file:
            file.write(text)
    report = _lint(tmp_path).stdout
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    missed = [contract["name"] for contract in contracts if f"{contract['name']} BROKEN" not in report]
    assert not missed, report


def test_the_tree_keeps_every_contract() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
