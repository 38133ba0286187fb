"""Frames: what was packed comes back, damage is a plain error, another genome version is refused with a remedy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import framing
from common.errors import ConfigurationError
from common.framing import Frame, pack

ARRAYS = [np.arange(3, dtype=np.int64), np.array([1.5, np.nan]), np.empty(0, "V16")]
HEAD = {"b": [1, None], "a": "é"}


def test_what_was_packed_comes_back() -> None:
    frame = Frame("test-1", pack("test-1", HEAD, ARRAYS))
    assert frame.head == HEAD
    for array in ARRAYS:
        np.testing.assert_array_equal(frame.take(array.dtype), array)
    frame.end()


def test_the_order_of_the_head_leaves_no_trace() -> None:
    assert pack("test-1", HEAD, ARRAYS) == pack("test-1", dict(reversed(HEAD.items())), ARRAYS)


def unpack(data: bytes) -> None:
    frame = Frame("test-1", data)
    for array in ARRAYS:
        frame.take(array.dtype)
    frame.end()


@given(cut=st.integers(0, 200), junk=st.binary(max_size=4))
@settings(max_examples=60, deadline=None)
def test_damage_is_seen(cut: int, junk: bytes) -> None:
    whole = pack("test-1", HEAD, ARRAYS)
    damaged = whole[:cut] + junk
    if damaged == whole:
        return
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack(damaged)


def test_another_name_and_an_array_too_many_are_refused() -> None:
    whole = pack("test-1", HEAD, ARRAYS[:1])
    with pytest.raises(ValueError, match="unknown format"):
        Frame("test-2", whole)
    frame = Frame("test-1", whole)
    frame.take(ARRAYS[0].dtype)
    with pytest.raises(ValueError, match="missing"):
        frame.take(ARRAYS[0].dtype)


def test_another_genome_version_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pack("test-1", HEAD, ARRAYS)
    monkeypatch.setattr(framing, "GENOME_VERSION", 1)
    with pytest.raises(ConfigurationError, match="version 2, this program speaks 1; go on with"):
        Frame("test-1", whole)
