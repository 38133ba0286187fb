"""The client: programs outside the foundry publish seeds and read champions, asynchronously or not.

``Client`` for programs with an event loop, ``connect`` for all others. Whoever has no Python finds the same as plain
JSON in docs/events.md.
"""

from common.client.asynchronous import Client, Published, Seen
from common.client.blocking import BlockingClient, connect
from common.client.fate import Fate
from common.client.following import Begin

__all__ = ["Begin", "BlockingClient", "Client", "Fate", "Published", "Seen", "connect"]
