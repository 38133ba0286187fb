"""The content of nested values: every array, number and string in them, for a digest and for a count of bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

DIGEST_BYTES = 16


def leaves(value: Any) -> Iterator[Any]:
    """Arrays and scalars, however deep they lie, in order; before those of a container comes what kind it is.

    Raises TypeError for what is neither: its text might leave out some of its content.
    """
    if value is None or isinstance(value, np.ndarray | np.generic | str | bytes | int | float):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__
        for field in fields(value):
            if field.compare:  # the others follow from these
                yield from leaves(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        yield f"{type(value).__name__} of {len(value)}"
        for each in value:
            yield from leaves(each)
    else:
        raise TypeError(f"a {type(value).__name__} has no content that can be counted")


def digest_of(*values: Any) -> bytes:
    """BLAKE2b-128 of the content; kinds, types and shapes belong to it."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for leaf in leaves(values):
        if isinstance(leaf, np.ndarray):
            digest.update(f"{leaf.dtype.str}{leaf.shape}\0".encode())
            digest.update(np.ascontiguousarray(leaf).reshape(-1).view(np.uint8).data)
        else:
            digest.update(f"{leaf!r}\0".encode())
    return digest.digest()


def bytes_in(*values: Any) -> int:
    """Bytes of all arrays."""
    return sum(leaf.nbytes for leaf in leaves(values) if isinstance(leaf, np.ndarray))
