"""A run that is killed or stopped goes on to the same end."""

import json
import signal

import pytest

from tests.flow.conftest import GENERATIONS, Command


@pytest.fixture(scope="module")
def undisturbed(command: Command) -> str:
    code, out, err = command.call(
        "run", "--data", "market.parquet", "--config", "config.json", "--out", "whole", "--no-store", "--json"
    )
    assert code == 0, err
    return json.loads(out)["digest"]


def test_killed_in_the_middle_and_resumed_it_ends_in_the_same_state(command: Command, undisturbed: str) -> None:
    code, _ = command.interrupted("killed", signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (command.folder / "killed" / "run.json").exists()
    code, out, err = command.call("run", "--resume", "--out", "killed", "--no-store", "--json")
    assert code == 0, err
    run = json.loads(out)
    assert run["digest"] == undisturbed
    assert run["generations"] == GENERATIONS


def test_ctrl_c_stops_cleanly_says_how_to_go_on_and_loses_nothing(command: Command, undisturbed: str) -> None:
    code, out = command.interrupted("stopped", signal.SIGINT)
    assert code == 0
    assert "galapagos run --resume --out stopped" in out
    stopped = json.loads((command.folder / "stopped" / "run.json").read_text())
    assert not stopped["finished"]
    assert 0 < stopped["generations"] < GENERATIONS
    assert (command.folder / "stopped" / "report.html").exists()
    code, out, err = command.call("run", "--resume", "--out", "stopped", "--no-store", "--json")
    assert code == 0, err
    assert json.loads(out)["digest"] == undisturbed


def test_a_finished_run_resumed_stays_as_it_is(command: Command, undisturbed: str) -> None:
    code, out, _ = command.call("run", "--resume", "--out", "whole", "--no-store", "--json")
    assert code == 0
    assert json.loads(out)["digest"] == undisturbed
