"""The message: what a bus carries, four byte fields and a topic, with no idea what they mean."""

from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class Message(NamedTuple):
    """One message to be published; equal keys stay in order."""

    topic: str
    key: bytes
    headers: Headers
    value: bytes
