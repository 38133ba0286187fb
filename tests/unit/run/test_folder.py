"""The folder of a run that could not begin, and of one that has."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.market.synthetic import planted
from common.run.folder import RunFolder
from standalone.request import build_spec


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    bars = [planted(1, 2500, 0.6)]
    return RunFolder.create(
        tmp_path / "run", build_spec(bars, {"windows": {"warmup_bars": 100}}), bars, datetime.now(UTC)
    )


def test_what_could_not_begin_leaves_nothing_but_what_is_not_its_own(folder: RunFolder) -> None:
    log = folder.path / "logs" / "evaluator-1.log"
    log.parent.mkdir()
    log.write_text("why")
    folder.discard()
    assert [path for path in folder.path.rglob("*") if path.is_file()] == [log]
    log.unlink()
    log.parent.rmdir()
    folder.discard()
    assert not folder.path.exists()


def test_what_has_told_something_stays(folder: RunFolder) -> None:
    folder.journal.write_text("{}\n")
    folder.discard()
    assert folder.bars()


def test_the_option_that_named_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"^--run {tmp_path}: no run here"):
        RunFolder.open(tmp_path, "--run")
