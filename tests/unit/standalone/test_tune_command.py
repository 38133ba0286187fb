"""`galapagos tune`: a result for machines, sentences for people, and settings that a run takes."""

import json
from pathlib import Path

from common.market.export_files import write_bars
from common.market.synthetic import planted
from standalone.request import Request, build_spec
from standalone.tuning_study import locked
from tests.unit.standalone.conftest import Galapagos

CONFIG = {
    "islands": 2,
    "windows": {"warmup_bars": 50},
    "evolution": {"offspring": 16, "population": 16, "trades_min": 8},
}
QUICK = ("--config", "c.json", "--trials", "3", "--genomes", "128", "--seeds", "1", "--held-out-seeds", "1")
FILES = ("--data", "one.parquet", "--held-out", "other.parquet")


def test_settings_come_out_that_a_run_takes(galapagos: Galapagos, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(CONFIG))
    write_bars(planted(1, 900, 0.6), tmp_path / "one.parquet", {})
    write_bars(planted(2, 900, 0.6), tmp_path / "other.parquet", {})
    code, out, err = galapagos("tune", *FILES, *QUICK, "--json")
    assert code == 0
    found = json.loads(out)
    assert found == json.loads((tmp_path / "tuning" / "tuning.json").read_text())
    assert found["verdict"] in ("better", "worse", "nothing", "default")
    assert "trial 3 of 3: " in err
    assert "note: other is judged on days on which one was trained" in err
    fields = Request(config=tmp_path / "tuning" / "tuned.json").overrides()
    run = build_spec([planted(3, 900, 0.6)], fields)
    assert run.windows.warmup_bars == 50
    assert run.windows.vault == 0.22
    code, out, err = galapagos("tune", *FILES, *QUICK, "--resume")
    assert code == 0
    assert "trial" not in err
    assert "3 trials" in out
    assert ("Keep the default" in out or "keep the default" in out) == (found["verdict"] != "better")
    with locked(tmp_path / "tuning"):
        code, _, err = galapagos("tune", *FILES, *QUICK, "--resume")
    assert code == 2
    assert "--out tuning: another process is tuning there" in err
    code, _, err = galapagos("tune", *FILES, *QUICK)
    assert code == 2
    assert "--out tuning: holds a tuning already; add --resume" in err
