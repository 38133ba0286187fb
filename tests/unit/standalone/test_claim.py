"""A namespace belongs to one run folder."""

from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.run.open import open_states
from standalone.claim import Claim

URL = "kafka://host:9092/foundry"


async def test_a_namespace_is_of_the_folder_that_first_began_there(tmp_path: Path) -> None:
    states = open_states(tmp_path / "states.sqlite")
    mine, other = (Claim(states, "log", URL, token) for token in ("a-1", "a-2"))
    assert not await mine.check()
    assert not await other.check()
    await mine.stake()
    assert await mine.check()
    await Claim(states, "log", URL, "a-1").stake()
    for act in (other.check, other.stake):
        with pytest.raises(ConfigurationError, match=f"--bus {URL}: holds the run of another folder; --resume that"):
            await act()
    assert await mine.check()
    await states.close()
