"""The cache of banks never changes a result: not when it is empty, full, damaged, old or closed."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.market import bank_cache
from common.market.bank import build_bank
from common.market.bank_cache import CACHED_BARS_MIN, bank_of, cache_folder
from common.market.bars import Bars
from tests.unit.market.real import real_markets
from tests.unit.market.samples import walk

BARS = walk(CACHED_BARS_MIN + 300, seed=2)
EXPECTED = build_bank(BARS)


def _files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*"))


@given(
    st.lists(
        st.tuples(st.integers(CACHED_BARS_MIN - 20, len(BARS)), st.sampled_from([1, 2]), st.integers(0, 3)), max_size=8
    )
)
@settings(max_examples=10, deadline=None)
def test_a_cache_never_changes_a_result(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[int, int, int]]
) -> None:
    """Any order of longer, shorter and repeated requests, with files damaged in between."""
    cache = tmp_path_factory.mktemp("banks")
    for count, threads, damage in requests:
        bank = bank_of(BARS.until(count), None, threads, cache)
        np.testing.assert_array_equal(bank.words, build_bank(BARS.until(count)).words)
        assert bank.bars == count
        for path in _files(cache)[:damage]:
            path.write_bytes(path.read_bytes()[: -8 * damage])


@pytest.mark.parametrize("bars", real_markets(), ids=lambda bars: bars.name)
def test_real_bars_read_and_extended_are_those_built(bars: Bars, tmp_path: Path) -> None:
    bank_of(bars.until(len(bars) - 100), cache=tmp_path)
    for _ in range(2):  # extended, then read
        np.testing.assert_array_equal(bank_of(bars, cache=tmp_path).words, build_bank(bars).words)
    assert len(_files(tmp_path)) == 2


def test_the_second_time_it_is_read(tmp_path: Path) -> None:
    bank_of(BARS, cache=tmp_path)
    [path] = _files(tmp_path)
    os.utime(path, (1, 1))
    again = bank_of(BARS, cache=tmp_path)
    assert path.stat().st_mtime > 1  # what is read counts as used
    np.testing.assert_array_equal(again.words, EXPECTED.words)
    again.words[:] = 0  # its memory is the reader's own
    np.testing.assert_array_equal(bank_of(BARS, cache=tmp_path).words, EXPECTED.words)


def _flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:3],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: bytes(len(content)),
        lambda content: _flip(content, 0),
        lambda content: _flip(content, len(content) // 2),
        lambda content: _flip(content, len(content) - 1),
    ],
)
def test_a_damaged_file_is_noticed_and_written_again(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    bank_of(BARS, cache=tmp_path)
    [path] = _files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    np.testing.assert_array_equal(bank_of(BARS, cache=tmp_path).words, EXPECTED.words)
    assert path.read_bytes() == whole


def test_a_file_under_the_name_of_another_is_noticed(tmp_path: Path) -> None:
    other = walk(len(BARS), seed=3)
    bank_of(BARS, cache=tmp_path)
    [path] = _files(tmp_path)
    bank_of(other, cache=tmp_path)
    [foreign] = set(_files(tmp_path)) - {path}
    path.replace(foreign)
    np.testing.assert_array_equal(bank_of(other, cache=tmp_path).words, build_bank(other).words)


def test_a_revised_history_is_not_extended(tmp_path: Path) -> None:
    bank_of(BARS.until(1100), cache=tmp_path)
    volume = BARS.volume.copy()
    volume[800] += 1
    revised = replace(BARS, volume=volume)
    np.testing.assert_array_equal(bank_of(revised, cache=tmp_path).words, build_bank(revised).words)


def test_another_program_has_banks_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank_of(BARS, cache=tmp_path)
    [mine] = _files(tmp_path)
    monkeypatch.setattr(bank_cache, "_PROGRAM", "0" * 16)
    bank_of(BARS, cache=tmp_path)
    assert len(_files(tmp_path)) == 2
    assert mine.exists()


def test_what_was_unused_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walks = [walk(CACHED_BARS_MIN, seed) for seed in range(4)]
    for age, bars in enumerate(walks[:3]):
        known = set(_files(tmp_path))
        bank_of(bars, cache=tmp_path)
        [path] = set(_files(tmp_path)) - known
        os.utime(path, (1000 + age, 1000 + age))
    first, second, third = sorted(_files(tmp_path), key=lambda path: path.stat().st_mtime)
    bank_of(walks[0], cache=tmp_path)  # used: now the youngest
    monkeypatch.setattr(bank_cache, "CACHE_MAX_BYTES", 3 * first.stat().st_size)
    (tmp_path / "unrelated").write_bytes(bytes(10**6))
    bank_of(walks[3], cache=tmp_path)
    assert first.exists()
    assert third.exists()
    assert not second.exists()
    assert (tmp_path / "unrelated").exists()


def test_a_bank_larger_than_the_cache_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_cache, "CACHE_MAX_BYTES", 1000)
    np.testing.assert_array_equal(bank_of(BARS, cache=tmp_path).words, EXPECTED.words)
    assert _files(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    bank = bank_of(BARS, cache=tmp_path / "file" / "banks")
    np.testing.assert_array_equal(bank.words, EXPECTED.words)


def test_a_folder_in_the_place_of_a_bank_is_no_error(tmp_path: Path) -> None:
    bank_of(BARS, cache=tmp_path)
    [path] = _files(tmp_path)
    path.unlink()
    path.mkdir()
    np.testing.assert_array_equal(bank_of(BARS, cache=tmp_path).words, EXPECTED.words)
    assert _files(tmp_path) == [path]  # no half-written file is left


def test_few_bars_some_conditions_and_no_folder_pass_the_cache_by(tmp_path: Path) -> None:
    few = BARS.until(CACHED_BARS_MIN - 1)
    np.testing.assert_array_equal(bank_of(few, cache=tmp_path).words, build_bank(few).words)
    np.testing.assert_array_equal(bank_of(BARS, [3, 4], cache=tmp_path).words, build_bank(BARS, [3, 4]).words)
    np.testing.assert_array_equal(bank_of(BARS).words, EXPECTED.words)
    assert _files(tmp_path) == []


def test_the_folder_is_where_the_user_wants_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "galapagos" / "banks"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "galapagos" / "banks"
