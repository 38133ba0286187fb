"""Which servers `galapagos up` uses, and where on them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.market.synthetic import planted
from common.run.folder import RunFolder
from common.run.open import open_states
from common.settings import Settings
from selector.service import SERVICE as SELECTOR
from standalone.request import build_spec
from standalone.server_crew import Sizes, refuse_states_in
from standalone.servers import Urls, bus_of, placed, token_of, urls_of

STARTED = '{"urls": {"kafka": "kafka://h:1", "redis": "redis://h:2/0", "clickhouse": "clickhouse://h:3/default"}}'


def test_what_was_started_here_is_used_where_no_bus_is_named(tmp_path: Path) -> None:
    file = tmp_path / "servers.json"
    file.write_text(STARTED)
    here = Urls("kafka://h:1", "redis://h:2/0", "clickhouse://h:3/default")
    assert urls_of(Settings(), file) == here
    assert urls_of(Settings(cache="redis://other:1/0"), file).cache == "redis://other:1/0"
    assert urls_of(Settings(bus="kafka://x:1/mine"), file) == Urls("kafka://x:1/mine")


def test_without_any_both_ways_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"give --bus kafka://.* or call `make servers` in this folder first"):
        urls_of(Settings(), tmp_path / "servers.json")


def test_a_bus_in_memory_is_no_server(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"memory://: is no server; use kafka://host:port, or `galapagos run`"):
        urls_of(Settings(bus="memory://"), tmp_path / "servers.json")


def test_a_run_keeps_its_namespace_and_two_runs_of_one_specification_have_two(tmp_path: Path) -> None:
    bars = [planted(1, 2500, 0.6)]
    spec = build_spec(bars, {"windows": {"warmup_bars": 100}})
    first, second = (RunFolder.create(tmp_path / name, spec, bars, datetime.now(UTC)) for name in ("a", "b"))
    url = Urls("kafka://h:1/?session_ms=6000", "redis://h:2/0")
    found = placed(url, first)
    assert found.bus.startswith(f"kafka://h:1/{spec.run_id[:8]}-")
    assert found.bus.endswith("?session_ms=6000")
    assert placed(url, first) == found
    assert placed(url, second).bus != found.bus
    assert placed(Urls("kafka://h:1/mine"), second).bus == "kafka://h:1/mine"


def test_a_process_without_a_partition_is_refused_by_its_option() -> None:
    with pytest.raises(ConfigurationError, match=r"--selectors 9: the topics have 8 partitions, .* more --partitions"):
        Sizes(selectors=9).check()
    Sizes(evaluators=9, partitions=16).check()


def test_a_number_of_processes_makes_no_sense_where_none_is_started() -> None:
    with pytest.raises(ConfigurationError, match=r"--evaluators 2: with --elsewhere nothing is started here; leave it"):
        Sizes(evaluators=2, elsewhere=True).check()


async def test_a_run_with_its_states_in_the_folder_does_not_begin_anew_on_a_bus(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "mine")
    folder.path.mkdir()
    await refuse_states_in(folder, "kafka://h:1/x")
    states = open_states(folder.states)
    await refuse_states_in(folder, "kafka://h:1/x")  # it was prepared only
    await states.save(SELECTOR.name, "log", 0, {"0": b"state"}, {})
    await states.close()
    remedies = r"run --resume --out .*mine`, or .*`galapagos checkpoint create --run .*mine`, then .*restore .*--bus"
    with pytest.raises(ConfigurationError, match=f"--out .*mine: .* kafka://h:1/x has none .*{remedies}"):
        await refuse_states_in(folder, "kafka://user:secret@h:1/x")


def test_the_bus_of_a_folder_is_where_up_works_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALAPAGOS_BUS", raising=False)
    bars = [planted(1, 2500, 0.6)]
    folder = RunFolder.create(
        tmp_path / "a", build_spec(bars, {"windows": {"warmup_bars": 100}}), bars, datetime.now(UTC)
    )
    file = tmp_path / "servers.json"
    assert bus_of(folder, file) == ""
    token = token_of(folder)
    with pytest.raises(ConfigurationError, match="--bus: is missing"):
        bus_of(folder, file)
    file.write_text(STARTED)
    assert bus_of(folder, file) == f"kafka://h:1/{token}"
    monkeypatch.setenv("GALAPAGOS_BUS", "kafka://x:1/mine")
    assert bus_of(folder, file) == "kafka://x:1/mine"
