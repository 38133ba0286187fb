"""What the command line says when a command ends before its end."""

import pytest

from standalone import session
from tests.unit.standalone.conftest import Galapagos


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_bug_tells_how_this_command_goes_on(
    galapagos: Galapagos, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(session, "run_session", broken)
    bus = ("--bus", "kafka://127.0.0.1:1/mine") if command == "up" else ()
    code, _, err = galapagos(command, *bus)
    assert code == 1
    assert f"`galapagos {command} --resume` goes on" in err
