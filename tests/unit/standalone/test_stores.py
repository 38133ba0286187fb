"""Which store a command means."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.market.synthetic import planted
from common.run.folder import RunFolder
from recorder.migrations import migrate
from standalone.request import build_spec
from standalone.servers import STARTED_HERE, token_of
from standalone.stores import store_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.chdir(tmp_path)
    bars = [planted(1, 2500, 0.6)]
    spec = build_spec(bars, {"windows": {"warmup_bars": 100}})
    return RunFolder.create(tmp_path / "mine", spec, bars, datetime.now(UTC))


def test_a_run_without_a_store_says_so(folder: RunFolder) -> None:
    with pytest.raises(ConfigurationError, match="it was run with --no-store"), store_of(None, folder.path):
        pass


def test_a_run_on_servers_has_the_store_that_was_started_here_unless_another_is_named(
    folder: RunFolder, tmp_path: Path
) -> None:
    token_of(folder)
    with pytest.raises(ConfigurationError, match="name the run's store with --store"), store_of(None, folder.path):
        pass
    STARTED_HERE.parent.mkdir()
    STARTED_HERE.write_text(f'{{"urls": {{"clickhouse": "chdb://{tmp_path}/there"}}}}')
    with store_of(None, folder.path) as (store, run):
        migrate(store)
        assert run == folder.spec().run_id
    assert (tmp_path / "there").is_dir()
    with store_of(f"chdb://{tmp_path}/named", folder.path) as (store, run):
        migrate(store)
        assert run == folder.spec().run_id
    assert (tmp_path / "named").is_dir()
