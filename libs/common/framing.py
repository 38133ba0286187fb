"""States as bytes: a format line, the length of a JSON head, the head, and arrays of records one after the other.

The head names the ``GENOME_VERSION``: a genome in a state is read through the tables of the program that wrote it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from common.errors import ConfigurationError
from common.genome.layout import GENOME_VERSION

_LENGTH_BYTES = 4
Records = npt.NDArray[Any]


def pack(name: str, head: dict[str, Any], arrays: Sequence[Records]) -> bytes:
    """The head and the raw records under the format ``name``; equal content gives equal bytes."""
    content = {"head": head, "genome_version": GENOME_VERSION, "lengths": [len(array) for array in arrays]}
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    length = len(text).to_bytes(_LENGTH_BYTES, "little")
    return b"".join([_line(name), length, text, *(array.tobytes() for array in arrays)])


class Frame:
    """What ``pack`` wrote: the ``head``, then array after array by ``take``, then ``end``.

    Raises ConfigurationError for another genome version, and ValueError, KeyError or TypeError for bytes that ``pack``
    did not write under this name.
    """

    def __init__(self, name: str, data: bytes) -> None:
        line = _line(name)
        start = len(line) + _LENGTH_BYTES
        if data[: len(line)] != line:
            raise ValueError("unknown format")
        self._data = data
        self._position = start + int.from_bytes(data[len(line) : start], "little")
        content = orjson.loads(data[start : self._position])
        version = content["genome_version"]
        if version != GENOME_VERSION:
            raise ConfigurationError(
                f"{name}: its genomes are of version {version}, this program speaks {GENOME_VERSION};"
                " go on with the program that wrote it, or start a new run"
            )
        self.head: Any = content["head"]
        self._lengths = iter(content["lengths"])

    def take(self, dtype: np.dtype[Any]) -> Records:
        """The next array, of shape (n,), read-only."""
        if (length := next(self._lengths, None)) is None:
            raise ValueError("an array is missing")
        array = np.frombuffer(self._data, dtype, length, self._position)
        self._position += array.nbytes
        return array

    def end(self) -> None:
        """Nothing may be left."""
        if self._position != len(self._data):
            raise ValueError(f"{len(self._data) - self._position} bytes too many")


def _line(name: str) -> bytes:
    return f"galapagos-{name}\n".encode()
