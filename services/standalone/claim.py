"""Whose namespace it is: the run folder that has begun a run there, named by a record of a compacted topic.

Run ids do not tell: the same specification begun in two folders has one id, and the second would take the states of
the first for its own.
"""

from common.errors import ConfigurationError
from common.ports import StateStore
from common.run.open import shown
from common.run.retry import retry
from standalone.opening import PATIENT

OWNER = "host"
_KEY, _SHARD = "folder", 0


class Claim:
    """``token`` names the folder, wherever it is moved; ``url`` the namespace, for messages."""

    def __init__(self, states: StateStore, log_id: str, url: str, token: str) -> None:
        self._states, self._log_id, self._url, self._token = states, log_id, url, token.encode()

    async def check(self) -> bool:
        """Whether it is this folder's; False: nobody's. Raises ConfigurationError where it is another one's."""
        found = await retry(lambda: self._states.load(OWNER, self._log_id, [_SHARD]), PATIENT)
        if _KEY in found and found[_KEY].data != self._token:
            raise ConfigurationError(
                f"--bus {shown(self._url)}: holds the run of another folder; --resume that one (or a copy of it), or "
                "name another namespace, kafka://host:port/NAMESPACE"
            )
        return _KEY in found

    async def stake(self) -> None:
        """It is this folder's from now on. Raises ConfigurationError where another one was faster."""
        if not await self.check():
            named = {_KEY: self._token}
            await retry(lambda: self._states.save(OWNER, self._log_id, _SHARD, named, {}), PATIENT)
            await self.check()
