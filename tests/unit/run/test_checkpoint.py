"""The file of a recovery point gives back what was written, or is refused with file, part and remedy."""

import zipfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ConfigurationError
from common.run.checkpoint import FORMAT, Checkpoint, Manifest, StatePart, described, read, read_manifest, write
from tools.samples import RUN

STATE = bytes(range(256)) * 8


def sample() -> Checkpoint:
    state = StatePart(
        **described("states/0", STATE).model_dump(), service="selector", key="0", shard=3, offsets=(("t", 3, 7),)
    )
    manifest = Manifest(
        format=FORMAT,
        program="galapagos",
        created_us=1,
        reason="by hand",
        run_id=RUN.run_id,
        run=RUN,
        log_id="log",
        islands={"0": 6, "1": 5},
        states=(state,),
        files=(),
    )
    return Checkpoint(manifest, {"states/0": STATE}).with_files({"bars/0.npz": b"bars", "journal.jsonl": b"{}\n"})


def rewritten(path: Path, changes: dict[str, bytes | None]) -> Path:
    """The same archive with some members replaced, removed (None) or added."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | changes).items():
            if data is not None:
                archive.writestr(name, data)
    return path


def changed_manifest(path: Path, **fields: object) -> Path:
    with zipfile.ZipFile(path) as archive:
        document = orjson.loads(archive.read("manifest.json"))
    return rewritten(path, {"manifest.json": orjson.dumps(document | fields)})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "point.checkpoint.zip"
    write(path, sample())
    return path


def test_what_was_written_is_read(written: Path) -> None:
    assert read(written) == sample()
    assert read_manifest(written) == sample().manifest
    assert sample().manifest.generation == 5
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_a_file_under_the_same_name_is_replaced() -> None:
    twice = sample().with_files({"journal.jsonl": b"other"})
    assert twice.files()["journal.jsonl"] == b"other"
    assert [part.name for part in twice.manifest.files].count("journal.jsonl") == 1
    assert twice.files("bars/") == {"bars/0.npz": b"bars"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"states/0": STATE[:-1] + b"x"}, r"part states/0: SHA-256 .* is not .*damaged; take another copy"),
        ({"states/0": None}, "part states/0: is missing; take another copy"),
        ({"states/0": STATE + b"more"}, "part states/0: is damaged .*2052 bytes, at most 2048"),
        ({"evil.py": b"import os"}, "part 'evil.py' is not in the manifest"),
        ({"manifest.json": None}, "manifest.json: is missing; name a file that"),
        ({"manifest.json": b"{"}, "manifest.json: not strict JSON"),
        ({"manifest.json": b'{"format": 2}'}, "format: 2 is not 1; use the version of the program"),
        ({"manifest.json": b"[]"}, "format: None is not 1"),
    ],
)
def test_what_was_changed_is_refused(written: Path, changes: dict[str, bytes | None], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read(rewritten(written, changes))


def test_a_part_that_would_be_written_elsewhere_is_refused(written: Path) -> None:
    evil = [described("../../etc/passwd", b"x").model_dump()]
    with pytest.raises(ConfigurationError, match=r"part '\.\./\.\./etc/passwd' is not allowed"):
        read(changed_manifest(written, files=evil))


def test_a_manifest_of_another_run_is_refused(written: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"run_id: 00 is not {RUN.run_id}"):
        read(changed_manifest(written, run_id="00"))
    with pytest.raises(ConfigurationError, match=r"manifest\.json\.islands"):
        read(changed_manifest(written, islands=3))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(ConfigurationError, match=r"text\.zip: no recovery point, or a truncated one"):
        read(tmp_path / "text.zip")
    with pytest.raises(ConfigurationError, match="no such file"):
        read(tmp_path / "none.zip")
    with pytest.raises(ConfigurationError, match="no such file"):
        read(tmp_path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("points") / "whole.zip"
    write(path, sample())
    return path.read_bytes()


@settings(max_examples=300)
@given(st.data())
def test_a_file_with_a_changed_byte_or_a_missing_end_is_refused_or_says_the_same(
    data: bytes, tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    if draw.draw(st.booleans()):
        path.write_bytes(data[:at])
    else:
        path.write_bytes(data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :])
    try:
        found = read(path)
    except ConfigurationError:
        return
    assert found == sample()


def test_a_part_that_unpacks_to_more_than_is_listed_is_never_unpacked(written: Path) -> None:
    with pytest.raises(ConfigurationError, match="16777216 bytes, at most 2048 are listed"):
        read(rewritten(written, {"states/0": bytes(1 << 24)}))
