"""Whether the store of a run answers when the run begins: its rows wait, and people should know."""

from common.errors import GalapagosError, TransientError
from common.run.open import open_store


def silence(url: str) -> str:
    """In words, that the store does not answer; empty: it does. Blocking, for a few seconds at most.

    A chdb folder is not asked: one process holds it, the recorder. What is wrong for good the recorder says too.
    """
    if not url.startswith("clickhouse"):
        return ""
    try:
        store = open_store(url)
        try:
            store.query("SELECT 1")
        finally:
            store.close()
    except TransientError as error:
        return f"the store does not answer; rows wait on the bus until it does ({error})"
    except GalapagosError:
        return ""
    return ""
